/** Quotas with a clock that is set by hand. */
import { QuotaManager } from "../../src/limits/quota_manager.ts";
import type { AdjustSettings } from "../../src/limits/limit_adjuster.ts";
import { type QuotaLimits, type QuotaRules, UNLIMITED } from "../../src/limits/quota_rules.ts";

/** What rules are made of; what is left out has no limit. */
export interface GivenRules {
  readonly connection?: Partial<QuotaRules["connection"]>;
  readonly account?: Partial<QuotaLimits>;
  readonly accounts?: Readonly<Record<string, Partial<QuotaLimits>>>;
  readonly tenants?: Readonly<Record<string, Partial<QuotaLimits>>>;
}

/** Rules. Bursts are twice the rate. */
export function rulesOf({ connection, account, accounts = {}, tenants = {} }: GivenRules): QuotaRules {
  const limits = (own: Partial<QuotaLimits> = {}): QuotaLimits => ({ ...UNLIMITED, burst: 2, ...own });
  const named = (all: Readonly<Record<string, Partial<QuotaLimits>>>) =>
    new Map(Object.entries(all).map(([name, own]) => [name, limits({ ...account, ...own })]));
  return {
    connection: limits(connection),
    account: limits(account),
    accounts: named(accounts),
    tenants: new Map(Object.entries(tenants).map(([name, own]) => [name, limits(own)])),
  };
}

/** A manager, and its clock. */
export function quotasOf(rules: GivenRules = {}, adjust: AdjustSettings | null = null) {
  const clock = { ms: 0, now: () => clock.ms };
  return { clock, quotas: new QuotaManager({ rules: rulesOf(rules), adjust, clock }) };
}
