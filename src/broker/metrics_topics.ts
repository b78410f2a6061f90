/**
 * The system topic about what the hub measures: `system.metrics`.
 */
import type { Permissions } from "./permissions.ts";
import { type Handlers, on, success, type SystemContext, type SystemResult } from "./system_handler.ts";
import { systemPayloads } from "./system_payloads.ts";
import { OTHER_TENANTS } from "./tenant_traffic.ts";

/** One series of a metric. */
export interface MetricSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Everything that is measured now, by name. */
export type ReadMetrics = () => Promise<ReadonlyMap<string, readonly MetricSeries[]>>;

interface Wanted {
  readonly showAll: boolean;
  readonly paramFilter?: Record<string, string> | undefined;
}

/** What the handler works with. */
export interface MetricsTopicsOptions {
  readonly readMetrics: ReadMetrics;
  readonly permissions: Permissions;
}

/**
 * Makes the handler. Who may not see the hub as a whole is shown the series of its own tenant; there are none of a
 * tenant that is not counted by its name.
 */
export function metricsTopics({ readMetrics, permissions }: MetricsTopicsOptions): Handlers {
  const handle = (wanted: Wanted, { principal }: SystemContext) => {
    if (permissions.sees(principal)) return metricsOf(wanted, readMetrics);
    if (principal.tenant === OTHER_TENANTS) return success({ metrics: {} });
    const own = { tenant: principal.tenant };
    return metricsOf({ ...wanted, paramFilter: { ...wanted.paramFilter, ...own } }, readMetrics);
  };
  return [["system.metrics", on(systemPayloads.metrics, handle)]];
}

async function metricsOf({ showAll, paramFilter }: Wanted, readMetrics: ReadMetrics): Promise<SystemResult> {
  const wanted = Object.entries(paramFilter ?? {});
  const metrics: Record<string, readonly MetricSeries[]> = {};
  for (const [name, series] of await readMetrics()) {
    const kept = series.filter(({ labels, value }) =>
      (showAll || value !== 0) && wanted.every(([label, text]) => labels[label] === text)
    );
    if (kept.length > 0) metrics[name] = kept;
  }
  return success({ metrics });
}
