/**
 * The quotas of one hub: knows every account and tenant that is there, lets connections in, and leaves less of the rates
 * while the hub is under load. Who went away is remembered for as long as his rates are not full again, and only so many
 * are: memory is bounded by who is connected and a constant.
 */
import type { Clock } from "../core/ports.ts";
import { ConnectionQuota } from "./connection_quota.ts";
import { type Adjusted, type AdjustSettings, LimitAdjuster } from "./limit_adjuster.ts";
import { QUOTA_RATES, type QuotaCount, type QuotaRate } from "../core/quota_words.ts";
import { limitsOfAccount, type QuotaLimits, type QuotaRules, UNLIMITED } from "./quota_rules.ts";
import { type QuotaRefusal, QuotaScope, type ScopeName } from "./quota_scope.ts";
import { QuotaStats } from "./quota_stats.ts";
import type { RateGate } from "./rate_gate.ts";

/** Who pays. */
export interface Payer {
  readonly tenant: string;
  /** `null`: nobody, as for those who did not log in. */
  readonly account: string | null;
}

/** What a manager works with. */
export interface QuotaManagerOptions {
  readonly rules: QuotaRules;
  /** How rates follow the load; `null`: they do not. */
  readonly adjust: AdjustSettings | null;
  /** May lag behind by a turn of the event loop. */
  readonly clock: Clock;
}

/** Accounts and tenants that are remembered while nothing of them is there. */
export const MAX_AWAY = 10_000;

/** The quotas. */
export class QuotaManager {
  readonly stats = new QuotaStats();
  readonly #clock: Clock;
  /** Accounts and tenants. */
  readonly #scopes = new Map<string, QuotaScope>();
  readonly #connections = new Set<ConnectionQuota>();
  /** Those of which nothing is there; who left first comes first. */
  readonly #away = new Map<string, QuotaScope>();
  #rules: QuotaRules;
  #adjuster: LimitAdjuster | null;

  constructor({ rules, adjust, clock }: QuotaManagerOptions) {
    this.#clock = clock;
    this.#rules = rules;
    this.#adjuster = adjust === null ? null : new LimitAdjuster(adjust);
  }

  /** What is left of rates, at most 1. */
  get share(): number {
    return this.#adjuster?.share ?? 1;
  }

  /** Accounts and tenants that are known. */
  scopes(): Iterable<QuotaScope> {
    return this.#scopes.values();
  }

  /** Lets a connection in, or says what is full. */
  enter(payer: Payer): ConnectionQuota | QuotaRefusal {
    const refusal = this.refusal(payer, "connections");
    if (refusal !== null) return refusal;
    const [tenant, account] = this.#scopesOf(payer);
    const quota = new ConnectionQuota({
      account,
      tenant,
      limits: this.#rules.connection,
      clock: this.#clock,
      stats: this.stats,
      onLeft: this.#left,
    });
    this.#connections.add(quota);
    this.#settle([tenant, account]);
    if (quota.own !== null) this.#restrict(quota.own, "messages", account === null);
    return quota;
  }

  /** The login of a connection was renewed: somebody else may pay for it. */
  renew(quota: ConnectionQuota, payer: Payer): void {
    const before = quota.account;
    if ((before?.who.name ?? null) === payer.account) return;
    const [, account] = this.#scopesOf(payer);
    quota.moveTo(account);
    this.#settle([before, account]);
  }

  /** Why somebody may have no more of something; `null`: he may. */
  refusal(payer: Payer, what: QuotaCount): QuotaRefusal | null {
    const [tenant, account] = this.#scopesOf(payer);
    return tenant.refusal(what, this.stats) ?? account?.refusal(what, this.stats) ?? null;
  }

  /** Somebody has more of something, or less. */
  count(payer: Payer, what: QuotaCount, change: number): void {
    const scopes = this.#scopesOf(payer);
    for (const scope of scopes) scope?.count(what, change);
    this.#settle(scopes);
  }

  /** Other rules from now on, for those who are there too. */
  change(rules: QuotaRules, adjust: AdjustSettings | null): void {
    const nowMs = this.#clock.now();
    this.#rules = rules;
    for (const scope of this.#scopes.values()) scope.change(this.#limitsOf(scope.who), nowMs);
    this.#changeAdjuster(adjust, nowMs);
    for (const quota of this.#connections) quota.change(rules.connection);
  }

  /** Rates follow the load; gives what became of them. */
  adjust({ lagMs, seconds }: { readonly lagMs: number; readonly seconds: number }): Adjusted {
    if (this.#adjuster === null) return "held";
    const nowMs = this.#clock.now();
    const adjusted = this.#adjuster.adjust({ lagMs, seconds, nowMs, gates: this.#sharing() });
    if (adjusted !== "held") this.stats.adjusted[adjusted]++;
    const configured = { share: this.share, ceiling: Infinity, nowMs };
    for (const gate of this.#others()) gate.restrict(configured);
    return adjusted;
  }

  /** Among whom the load is shared out: accounts, and connections for which nobody pays. */
  #sharing(): Readonly<Record<QuotaRate, readonly RateGate[]>> {
    const [messages, requests]: [RateGate[], RateGate[]] = [[], []];
    for (const scope of this.#scopes.values()) {
      if (scope.who.kind !== "account") continue;
      messages.push(scope.messages);
      requests.push(scope.requests);
    }
    for (const { own, account } of this.#connections) {
      if (account === null && own !== null) messages.push(own);
    }
    return { messages, requests };
  }

  /** What has a configured rate beside those. */
  *#others(): Generator<RateGate> {
    for (const scope of this.#scopes.values()) {
      if (scope.who.kind === "tenant") yield* QUOTA_RATES.map((rate) => scope.gate(rate));
    }
    for (const { own, account } of this.#connections) if (account !== null && own !== null) yield own;
  }

  #scopesOf({ tenant, account }: Payer): readonly [QuotaScope, QuotaScope | null] {
    const wall = this.#scope({ kind: "tenant", tenant, name: tenant });
    return [wall, account === null ? null : this.#scope({ kind: "account", tenant, name: account })];
  }

  #scope(who: ScopeName): QuotaScope {
    const known = this.#scopes.get(keyOf(who));
    if (known !== undefined) return known;
    const scope = new QuotaScope(who, this.#limitsOf(who), this.#clock.now());
    for (const rate of QUOTA_RATES) this.#restrict(scope.gate(rate), rate, who.kind === "account");
    this.#scopes.set(keyOf(who), scope);
    this.#settle([scope]);
    return scope;
  }

  #limitsOf({ kind, tenant, name }: ScopeName): QuotaLimits {
    if (kind === "account") return limitsOfAccount(this.#rules, tenant, name);
    return this.#rules.tenants.get(name) ?? UNLIMITED;
  }

  readonly #left = (quota: ConnectionQuota): void => {
    this.#connections.delete(quota);
    this.#settle([quota.tenant, quota.account]);
  };

  /** Remembers those of which nothing is there any more, and forgets some when they are too many. */
  #settle(scopes: readonly (QuotaScope | null)[]): void {
    for (const scope of scopes) {
      if (scope === null) continue;
      const key = keyOf(scope.who);
      this.#away.delete(key);
      if (scope.isIdle) this.#away.set(key, scope);
    }
    if (this.#away.size > MAX_AWAY) this.#forgetSome();
  }

  /** Forgets a tenth at least, so that the search is paid for by many: those whose rates are full, then who left first. */
  #forgetSome(): void {
    const wanted = MAX_AWAY - MAX_AWAY / 10;
    const nowMs = this.#clock.now();
    // Who came last may be about to be used.
    const candidates = [...this.#away].slice(0, -2);
    for (const [key, scope] of candidates) if (scope.isFresh(nowMs)) this.#forget(key);
    for (const [key] of candidates) {
      if (this.#away.size <= wanted) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#away.delete(key);
    this.#scopes.delete(key);
  }

  /** `isSharing`: it is one of those among whom the load is shared out. */
  #restrict(gate: RateGate, rate: QuotaRate, isSharing: boolean): void {
    if (this.#adjuster === null) return;
    const restriction = this.#adjuster.restrictionOf(rate, this.#clock.now());
    gate.restrict(isSharing ? restriction : { ...restriction, ceiling: Infinity });
  }

  /** Without adjustment everybody has what is configured. */
  #changeAdjuster(adjust: AdjustSettings | null, nowMs: number): void {
    if (adjust !== null) {
      if (this.#adjuster === null) this.#adjuster = new LimitAdjuster(adjust);
      else this.#adjuster.change(adjust);
      return;
    }
    this.#adjuster = null;
    const free = { share: 1, ceiling: Infinity, nowMs };
    const { messages, requests } = this.#sharing();
    for (const gate of [...messages, ...requests, ...this.#others()]) gate.restrict(free);
  }
}

function keyOf({ kind, tenant, name }: ScopeName): string {
  return JSON.stringify([kind, tenant, name]);
}
