/**
 * The address at which an agent is watched: its metrics, and whether it can be reached through its hub. `/healthz` is
 * 503 while there is no connection, so that whoever supervises the agent sees it.
 */
import type { AgentConfig } from "../config/mod.ts";
import type { Logger } from "../core/ports.ts";
import { listEdgeMetrics } from "../metrics/edge_metric_table.ts";
import { type Exposition, startExposition } from "../metrics/exposition.ts";
import { createMetricsOf } from "../metrics/metrics.ts";
import { ProcessStats } from "../metrics/process_stats.ts";
import type { Agent } from "./agent.ts";
import { AgentMetricSource } from "./agent_metrics.ts";

/** What it works with. */
export interface AgentMonitoringOptions {
  readonly agent: Agent;
  readonly version: string;
  readonly logger: Logger;
}

const PATH = "/metrics";

/** Starts it; `null` where it is switched off. Throws as {@link startExposition}. */
export function startAgentMonitoring(
  { enabled, listen }: AgentConfig["metrics"],
  { agent, version, logger }: AgentMonitoringOptions,
): Exposition | null {
  if (!enabled) return null;
  const metrics = createMetricsOf(listEdgeMetrics(), [
    new AgentMetricSource(agent),
    new ProcessStats({ version }),
  ]);
  agent.counts.onDuration = (name, seconds) =>
    metrics.observe("agent_request_duration_seconds", seconds, name);
  const health = { ready: () => agent.readiness() };
  return startExposition({
    listen,
    path: PATH,
    metrics,
    health,
    liveness: health,
    onError: (error) => logger.error("Cannot render the metrics", { error }),
  });
}
