/**
 * Who stands behind a connection. A principal is made once, at login, and never changes; what it may do
 * is decided elsewhere from its roles.
 */
export interface Principal {
  /** Who logged in; unique inside its tenant. */
  readonly subject: string;
  /** The wall between customers: nothing crosses it. */
  readonly tenant: string;
  /** Who pays; `null` for anonymous subjects, which have no account quota. */
  readonly account: string | null;
}

/** The tenant of hubs without multi-tenancy. */
export const DEFAULT_TENANT = "default";

/** Everybody on a hub that asks for no login. */
export const ANONYMOUS: Principal = { subject: "anonymous", tenant: DEFAULT_TENANT, account: null };
