/** What accounts and tenants use of what they may use, as metrics. */
import type { QuotaManager } from "../limits/quota_manager.ts";
import { QUOTA_COUNTS, QUOTA_RATES } from "../core/quota_words.ts";
import type { QuotaScope } from "../limits/quota_scope.ts";
import type { MetricSample } from "../metrics/metric_table.ts";

/** Accounts and tenants that are told by name at a time: those that use most of what they may. */
export const MAX_NAMED_SCOPES = 100;

/** Reads the quotas of one hub. */
export function* quotaSamples(quotas: QuotaManager): Iterable<MetricSample> {
  for (const scope of named(quotas.scopes())) yield* scopeSamples(scope);
  for (const { scope, what, count } of quotas.stats.refused()) {
    yield { name: "trunkline_quota_refused_total", labels: { scope, what }, value: count };
  }
  for (const what of QUOTA_RATES) {
    yield { name: "trunkline_limits_delayed_total", labels: { what }, value: quotas.stats.delayed[what] };
  }
  yield { name: "trunkline_limits_share", value: quotas.share };
  for (const direction of ["lowered", "raised"] as const) {
    const value = quotas.stats.adjusted[direction];
    yield { name: "trunkline_limits_adjusted_total", labels: { direction }, value };
  }
}

function* scopeSamples(scope: QuotaScope): Iterable<MetricSample> {
  const { kind, tenant, name } = scope.who;
  if (kind === "connection") return;
  for (const what of QUOTA_COUNTS) {
    const labels = { scope: kind, tenant, name, what };
    yield { name: "trunkline_quota_used", labels, value: scope.used(what) };
    yield { name: "trunkline_quota_limit", labels, value: scope.limits[what] };
  }
  const perSecond = { messages: scope.limits.messagesPerSecond, requests: scope.limits.requestsPerSecond };
  for (const what of QUOTA_RATES) {
    const labels = { scope: kind, tenant, name, what };
    yield { name: "trunkline_quota_passed_total", labels, value: scope.gate(what).passed };
    yield { name: "trunkline_quota_limit", labels, value: perSecond[what] };
  }
}

/** Those of which something is there, who uses most first. */
function named(scopes: Iterable<QuotaScope>): readonly QuotaScope[] {
  const used = [...scopes].filter(({ isIdle }) => !isIdle).map((scope) => ({ scope, usage: usageOf(scope) }));
  used.sort((one, other) => other.usage - one.usage);
  return used.slice(0, MAX_NAMED_SCOPES).map(({ scope }) => scope);
}

/** The largest part of a limit that is used; without limits by how many connections there are, behind all with. */
function usageOf(scope: QuotaScope): number {
  const parts = QUOTA_COUNTS.map((what) =>
    scope.limits[what] === 0 ? 0 : scope.used(what) / scope.limits[what]
  );
  return Math.max(...parts, scope.used("connections") / 1e9);
}
