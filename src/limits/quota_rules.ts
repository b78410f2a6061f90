/**
 * What connections, accounts and tenants may use: which limits hold for whom.
 */

import type { QuotaCount } from "../core/quota_words.ts";

/** The limits of one account or tenant; 0: no limit. */
export interface QuotaLimits extends Readonly<Record<QuotaCount, number>> {
  readonly messagesPerSecond: number;
  /** Requests of HTTP through tunnels. */
  readonly requestsPerSecond: number;
  /** In bytes a second, in each direction. */
  readonly bandwidth: number;
  /** How far a rate may be exceeded for a second, as a factor. */
  readonly burst: number;
}

/** The limits of one connection; 0: no limit. */
export type ConnectionLimits = Pick<QuotaLimits, "messagesPerSecond" | "bandwidth" | "burst">;

/** The limits of one hub. */
export interface QuotaRules {
  readonly connection: ConnectionLimits;
  /** Of accounts that are not named. */
  readonly account: QuotaLimits;
  /** Of accounts by name, or by `tenant/name` where it is meant for one tenant only. */
  readonly accounts: ReadonlyMap<string, QuotaLimits>;
  /** Of tenants by name; others have none. */
  readonly tenants: ReadonlyMap<string, QuotaLimits>;
}

/** No limit at all. */
export const UNLIMITED: QuotaLimits = {
  connections: 0,
  streams: 0,
  subscriptions: 0,
  tunnels: 0,
  messagesPerSecond: 0,
  requestsPerSecond: 0,
  bandwidth: 0,
  burst: 1,
};

/** What holds for an account. */
export function limitsOfAccount(
  { account, accounts }: QuotaRules,
  tenant: string,
  name: string,
): QuotaLimits {
  return accounts.get(`${tenant}/${name}`) ?? accounts.get(name) ?? account;
}
