/** What quotas turned away, as plain numbers that metrics read when they are collected. */
import type { QuotaCount, QuotaRate, QuotaScopeKind } from "../core/quota_words.ts";

/** What can be turned away. */
export type Refused = QuotaCount | QuotaRate;

/** Counters of one hub. */
export class QuotaStats {
  readonly #refused = new Map<QuotaScopeKind, Map<Refused, number>>();
  /** Rates were lowered, and raised again, so often. */
  readonly adjusted = { lowered: 0, raised: 0 };
  /** Messages after which their connection was read later, and requests that were told to come later, for the load. */
  readonly delayed: Record<QuotaRate, number> = { messages: 0, requests: 0 };

  /** One was turned away. */
  refuse(scope: QuotaScopeKind, what: Refused): void {
    let byKind = this.#refused.get(scope);
    if (byKind === undefined) this.#refused.set(scope, byKind = new Map());
    byKind.set(what, (byKind.get(what) ?? 0) + 1);
  }

  /** Everything that was ever turned away. */
  *refused(): Generator<{ readonly scope: QuotaScopeKind; readonly what: Refused; readonly count: number }> {
    for (const [scope, byKind] of this.#refused) {
      for (const [what, count] of byKind) yield { scope, what, count };
    }
  }
}
