/**
 * The system topic about what the hub measures: `system.metrics`.
 */
import { type Handlers, on, success, type SystemResult } from "./system_handler.ts";
import { systemPayloads } from "./system_payloads.ts";

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

/** Makes the handler. */
export function metricsTopics(readMetrics: ReadMetrics): Handlers {
  return [["system.metrics", on(systemPayloads.metrics, (wanted) => metricsOf(wanted, readMetrics))]];
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
