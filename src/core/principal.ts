/**
 * Who stands behind a connection, and what it may do. A principal is made at login and never changes: whoever logs
 * in again on the same connection gets a new one.
 */
import { ALL_RIGHTS, type Rights, USER_RIGHTS } from "./rights.ts";

export interface Principal {
  /** Who logged in; unique inside its tenant. */
  readonly subject: string;
  /** The wall between customers: nothing crosses it. */
  readonly tenant: string;
  /** Who pays; `null` for anonymous subjects, which have no account quota. */
  readonly account: string | null;
  readonly rights: Rights;
  /** Until when the login holds, in milliseconds since 1970; `null`: as long as the connection. */
  readonly expiresAtMs: number | null;
}

/** Whose agents and tunnels somebody's are: without an account, each subject is one by itself. */
export function accountOf({ account, subject }: Pick<Principal, "account" | "subject">): string {
  return account ?? subject;
}

/** The tenant of hubs without multi-tenancy. */
export const DEFAULT_TENANT = "default";

/** Everybody on a hub that asks for no login. */
export const ANONYMOUS: Principal = {
  subject: "anonymous",
  tenant: DEFAULT_TENANT,
  account: null,
  rights: USER_RIGHTS,
  expiresAtMs: null,
};

/** Who comes from the hub's own machine to a hub that asks for no login: its operator. */
export const LOCAL_OPERATOR: Principal = { ...ANONYMOUS, rights: ALL_RIGHTS };
