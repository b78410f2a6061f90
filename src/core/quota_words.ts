/** The words for what connections, accounts and tenants may use. */

/** What there may be of at a time. */
export const QUOTA_COUNTS = ["connections", "streams", "subscriptions", "tunnels"] as const;
/** A word of {@link QUOTA_COUNTS}. */
export type QuotaCount = typeof QUOTA_COUNTS[number];

/** What there may be of in a second. */
export const QUOTA_RATES = ["messages", "requests"] as const;
/** A word of {@link QUOTA_RATES}. */
export type QuotaRate = typeof QUOTA_RATES[number];

/** Who has a quota. */
export const QUOTA_SCOPES = ["connection", "account", "tenant"] as const;
/** A word of {@link QUOTA_SCOPES}. */
export type QuotaScopeKind = typeof QUOTA_SCOPES[number];
