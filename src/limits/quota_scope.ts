/**
 * What one account, tenant or connection uses, and what it may use.
 */
import type { Bandwidth } from "./byte_pace.ts";
import { QUOTA_RATES, type QuotaCount, type QuotaRate, type QuotaScopeKind } from "../core/quota_words.ts";
import type { QuotaLimits } from "./quota_rules.ts";
import type { QuotaStats } from "./quota_stats.ts";
import { RateGate } from "./rate_gate.ts";
import { TokenBucket } from "./token_bucket.ts";

/** What was not to be had. */
export interface QuotaRefusal {
  readonly scope: QuotaScopeKind;
  readonly limit: number;
}

/** Who it is. */
export interface ScopeName {
  readonly kind: QuotaScopeKind;
  readonly tenant: string;
  /** Of the account, or of the tenant once more. */
  readonly name: string;
}

/** One direction of a bandwidth. */
export class Direction implements Bandwidth {
  bytes: TokenBucket | null = null;

  configure({ bandwidth, burst }: Pick<QuotaLimits, "bandwidth" | "burst">, nowMs: number): void {
    if (bandwidth === 0) this.bytes = null;
    else if (this.bytes === null) this.bytes = new TokenBucket(bandwidth, nowMs, burst);
    else this.bytes.change({ perSecond: bandwidth, burst }, nowMs);
  }
}

/** A scope. */
export class QuotaScope {
  readonly who: ScopeName;
  readonly messages = new RateGate();
  /** Of HTTP. */
  readonly requests = new RateGate();
  readonly incoming = new Direction();
  readonly outgoing = new Direction();
  readonly #used: Record<QuotaCount, number> = { connections: 0, streams: 0, subscriptions: 0, tunnels: 0 };
  #limits: QuotaLimits;

  constructor(who: ScopeName, limits: QuotaLimits, nowMs: number) {
    this.who = who;
    this.#limits = limits;
    this.change(limits, nowMs);
  }

  get limits(): QuotaLimits {
    return this.#limits;
  }

  /** Other limits from now on. What is over a count stays. */
  change(limits: QuotaLimits, nowMs: number): void {
    this.#limits = limits;
    const { burst, messagesPerSecond, requestsPerSecond } = limits;
    this.messages.configure(messagesPerSecond, { burst, nowMs });
    this.requests.configure(requestsPerSecond, { burst, nowMs });
    this.incoming.configure(limits, nowMs);
    this.outgoing.configure(limits, nowMs);
  }

  /** How many there are. */
  used(what: QuotaCount): number {
    return this.#used[what];
  }

  /** Whether one more may be had. */
  hasRoom(what: QuotaCount): boolean {
    const limit = this.#limits[what];
    return limit === 0 || this.#used[what] < limit;
  }

  /** Why there may be no more of it, which is counted; `null`: there may. */
  refusal(what: QuotaCount, stats: QuotaStats): QuotaRefusal | null {
    if (this.hasRoom(what)) return null;
    stats.refuse(this.who.kind, what);
    return { scope: this.who.kind, limit: this.#limits[what] };
  }

  /** Counts more of it, or less, whatever the limit. */
  count(what: QuotaCount, change: number): void {
    this.#used[what] += change;
  }

  /** Whether nothing of it is there. */
  get isIdle(): boolean {
    const { connections, streams, subscriptions, tunnels } = this.#used;
    return connections + streams + subscriptions + tunnels === 0;
  }

  /** Whether a new one would be the same. */
  isFresh(nowMs: number): boolean {
    return this.isIdle && QUOTA_RATES.every((rate) => this.gate(rate).isFresh(nowMs)) &&
      [this.incoming, this.outgoing].every(({ bytes }) => bytes === null || bytes.isFull(nowMs));
  }

  gate(rate: QuotaRate): RateGate {
    return rate === "messages" ? this.messages : this.requests;
  }
}
