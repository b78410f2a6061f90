/**
 * What one connection may use: its own limits, and its part of what its account and its tenant may have. Made at the
 * login, given back at the end.
 */
import type { Clock } from "../core/ports.ts";
import { BytePace } from "./byte_pace.ts";
import type { QuotaCount, QuotaRate, QuotaScopeKind } from "../core/quota_words.ts";
import type { ConnectionLimits } from "./quota_rules.ts";
import { Direction, type QuotaRefusal, type QuotaScope } from "./quota_scope.ts";
import type { QuotaStats } from "./quota_stats.ts";
import { RateGate } from "./rate_gate.ts";

/** What a quota is made of. */
export interface ConnectionQuotaOptions {
  /** `null`: nobody pays for it. */
  readonly account: QuotaScope | null;
  readonly tenant: QuotaScope;
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  readonly stats: QuotaStats;
  /** Told once at its end. */
  readonly onLeft: (quota: ConnectionQuota) => void;
}

/** How fast a connection is read, and written to. */
export interface Paces {
  readonly reading: BytePace;
  readonly writing: BytePace;
}

/** What a quota counts of one connection. */
type Counted = Exclude<QuotaCount, "connections" | "tunnels">;

/** The quota of one connection. */
export class ConnectionQuota {
  /** `null` where neither a limit nor the load of the hub concerns this connection alone. */
  readonly own: RateGate | null;
  /** How fast it is read, and written to; `null`: as fast as it goes. */
  paces: Paces | null = null;
  /** Told when they are there. */
  onPaced: (paces: Paces) => void = () => {};
  /** Whose limit the last one was turned away by. */
  refusedBy: QuotaScopeKind = "connection";
  readonly #options: ConnectionQuotaOptions;
  readonly #counts: Record<Counted, number> = { streams: 0, subscriptions: 0 };
  #account: QuotaScope | null;
  readonly tenant: QuotaScope;
  #limits: ConnectionLimits;
  /** Its own bandwidth, in and out. */
  readonly #bandwidth = { incoming: new Direction(), outgoing: new Direction() };
  /** Something came that could not be refused, and is not paid for by the configured rate. */
  #owesRate = false;
  #isLeft = false;

  constructor(options: ConnectionQuotaOptions) {
    this.#options = options;
    const { account, tenant, limits } = options;
    this.#account = account;
    this.tenant = tenant;
    this.#limits = limits;
    this.own = account === null || limits.messagesPerSecond > 0 ? new RateGate() : null;
    account?.count("connections", 1);
    tenant.count("connections", 1);
    this.change(limits);
  }

  /** Who pays for it; `null`: nobody. */
  get account(): QuotaScope | null {
    return this.#account;
  }

  /** Other limits from now on: its own, or those of its account or tenant. */
  change(limits: ConnectionLimits): void {
    this.#limits = limits;
    const { messagesPerSecond, bandwidth, burst } = limits;
    this.own?.configure(messagesPerSecond, { burst, nowMs: this.#options.clock.now() });
    const isPaced = [bandwidth, this.#account?.limits.bandwidth, this.tenant.limits.bandwidth].some((limit) =>
      limit !== undefined && limit > 0
    );
    if (isPaced) this.#pace();
    this.#follow();
  }

  /**
   * One message: gives 0, or the milliseconds after which it may be sent again. Where the hub is under load it passes,
   * and the connection is read later.
   */
  takeMessage(): number {
    const nowMs = this.#options.clock.now();
    const waitMs = this.#rateMs(nowMs);
    if (waitMs > 0) return this.#turnedAway("messages", this.#account?.messages ?? this.own, waitMs);
    this.#passMessage(nowMs);
    if (this.#loadMs(nowMs) > 0) this.#hold();
    return 0;
  }

  /** One message that cannot be refused: the connection is not read until what it takes is paid. */
  chargeMessage(): void {
    const nowMs = this.#options.clock.now();
    this.#passMessage(nowMs);
    this.#owesRate = true;
    if (this.#owedMs(nowMs) > 0) this.#hold();
  }

  /** One request of HTTP: gives 0, or the milliseconds after which it may be sent again. */
  takeRequest(): number {
    const nowMs = this.#options.clock.now();
    const account = this.#account?.requests ?? null;
    const tenant = this.tenant.requests;
    const waitMs = this.#waitFor(null, account, tenant, nowMs);
    if (waitMs > 0) return this.#turnedAway("requests", account, waitMs);
    const delayMs = Math.max(account?.delayMs(nowMs) ?? 0, tenant.delayMs(nowMs));
    if (delayMs > 0) {
      account?.refuse();
      this.#options.stats.delayed.requests++;
      return delayMs;
    }
    account?.pass(nowMs);
    tenant.pass(nowMs);
    return 0;
  }

  /** One more of something; gives what is in the way, or `null`. */
  add(what: Counted): QuotaRefusal | null {
    const { stats } = this.#options;
    const refusal = this.#account?.refusal(what, stats) ?? this.tenant.refusal(what, stats);
    if (refusal === null) this.#count(what, 1);
    return refusal;
  }

  /** So many less of something. */
  remove(what: Counted, count = 1): void {
    this.#count(what, -count);
  }

  /** Somebody else pays from now on, also for what is there, and be it over the limit. */
  moveTo(account: QuotaScope | null): void {
    const before = this.#account;
    this.#account = account;
    for (const what of ["streams", "subscriptions"] as const) {
      before?.count(what, -this.#counts[what]);
      account?.count(what, this.#counts[what]);
    }
    before?.count("connections", -1);
    account?.count("connections", 1);
    this.change(this.#limits);
  }

  /** Gives back everything. Called once or more. */
  leave(): void {
    if (this.#isLeft) return;
    for (const what of ["streams", "subscriptions"] as const) this.#count(what, -this.#counts[what]);
    this.#isLeft = true;
    this.#account?.count("connections", -1);
    this.tenant.count("connections", -1);
    this.#options.onLeft(this);
  }

  #waitFor(own: RateGate | null, account: RateGate | null, tenant: RateGate, nowMs: number): number {
    const ownMs = own === null ? 0 : own.waitMs(nowMs);
    const accountMs = account === null ? 0 : account.waitMs(nowMs);
    const tenantMs = tenant.waitMs(nowMs);
    const waitMs = Math.max(ownMs, accountMs, tenantMs);
    if (waitMs > 0) {
      this.refusedBy = waitMs === ownMs ? "connection" : waitMs === accountMs ? "account" : "tenant";
    }
    return waitMs;
  }

  /** It is read later. */
  #hold(): void {
    this.#options.stats.delayed.messages++;
    this.#pace().reading.hold(this.#owedMs);
  }

  #passMessage(nowMs: number): void {
    if (this.own !== null) this.own.pass(nowMs);
    if (this.#account !== null) this.#account.messages.pass(nowMs);
    this.tenant.messages.pass(nowMs);
  }

  /** For how long configured rates make the next message wait. */
  #rateMs(nowMs: number): number {
    return this.#waitFor(this.own, this.#account?.messages ?? null, this.tenant.messages, nowMs);
  }

  /** For how long the load of the hub makes the next message wait. */
  #loadMs(nowMs: number): number {
    const { own, tenant: { messages } } = this;
    const account = this.#account;
    const ownMs = own === null ? 0 : own.delayMs(nowMs);
    const accountMs = account === null ? 0 : account.messages.delayMs(nowMs);
    return Math.max(ownMs, accountMs, messages.delayMs(nowMs));
  }

  /** For how long it is not read. */
  readonly #owedMs = (nowMs: number): number => {
    const rateMs = this.#owesRate ? this.#rateMs(nowMs) : 0;
    if (rateMs === 0) this.#owesRate = false;
    return Math.max(rateMs, this.#loadMs(nowMs));
  };

  #turnedAway(what: QuotaRate, demand: RateGate | null, waitMs: number): number {
    demand?.refuse();
    this.#options.stats.refuse(this.refusedBy, what);
    return waitMs;
  }

  #count(what: Counted, change: number): void {
    // What ends after its connection was given back with it.
    if (this.#isLeft) return;
    this.#counts[what] += change;
    this.#account?.count(what, change);
    this.tenant.count(what, change);
  }

  /** Makes the paces, where there are none. */
  #pace(): Paces {
    if (this.paces !== null) return this.paces;
    const { clock } = this.#options;
    this.paces = { reading: new BytePace(clock), writing: new BytePace(clock) };
    this.#follow();
    this.onPaced(this.paces);
    return this.paces;
  }

  #follow(): void {
    if (this.paces === null) return;
    const { incoming, outgoing } = this.#bandwidth;
    for (const own of [incoming, outgoing]) own.configure(this.#limits, this.#options.clock.now());
    this.paces.reading.follow([incoming, this.#account?.incoming ?? null, this.tenant.incoming]);
    this.paces.writing.follow([outgoing, this.#account?.outgoing ?? null, this.tenant.outgoing]);
  }
}

/** Those that are told to come later come in so long a time, from that on. */
const RETRY_MS = 5000;

/** After how many milliseconds one that is one too many may try again: not all at the same time. */
export function retryWhenFull(random: () => number = Math.random): number {
  return RETRY_MS + Math.floor(random() * RETRY_MS);
}

/** Why a connection is not let in, for people. */
export function tooManyConnections({ scope, limit }: QuotaRefusal): string {
  return `The ${scope} has as many connections as it may have (${limit})`;
}
