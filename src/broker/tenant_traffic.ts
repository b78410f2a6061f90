/**
 * What each tenant sends and gets, as plain numbers that outlive its connections, since counters never fall. Only so
 * many tenants are counted by name; all beyond them share one count, so that names that come and go cost nothing.
 */

/** Tenants that are counted by their names: the first that come. */
export const MAX_NAMED_TENANTS = 100;
/** What stands for all others. A tenant of this name is one of them, so nobody is shown their count as its own. */
export const OTHER_TENANTS = "other";

/** Counters of one tenant, or of all that share them. */
export class TenantTraffic {
  /** Under which name they are shown. */
  readonly label: string;
  /** Publishes that were routed. */
  published = 0;
  /** Publishes queued for a subscriber, each subscriber counted. */
  delivered = 0;

  constructor(label: string) {
    this.label = label;
  }
}

/** The counters of all tenants of one hub. */
export class TenantTraffics {
  readonly #named = new Map<string, TenantTraffic>();
  readonly #others = new TenantTraffic(OTHER_TENANTS);

  /** The counters of a tenant. */
  of(tenant: string): TenantTraffic {
    const known = this.#named.get(tenant);
    if (known !== undefined) return known;
    if (tenant === OTHER_TENANTS || this.#named.size >= MAX_NAMED_TENANTS) return this.#others;
    const traffic = new TenantTraffic(tenant);
    this.#named.set(tenant, traffic);
    return traffic;
  }

  /** All counters; those of the others come last. */
  *all(): Iterable<TenantTraffic> {
    yield* this.#named.values();
    yield this.#others;
  }
}
