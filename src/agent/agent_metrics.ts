/** The numbers of one agent, under the names of its table of metrics. */
import type { EdgeMetricSample } from "../metrics/edge_metric_table.ts";
import type { Agent } from "./agent.ts";
import { AGENT_ERROR_KINDS, CONNECT, MAX_NAMES } from "./agent_counts.ts";
import type { LocalStats } from "./local_stats.ts";

/** Reads an agent. */
export class AgentMetricSource {
  readonly #agent: Agent;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** Its numbers now. */
  *samples(): Iterable<EdgeMetricSample> {
    const { link, counts } = this.#agent;
    const up = link.links.filter(({ state }) => state === "up");
    yield { name: "agent_connection_status", value: link.connectionStatus };
    yield { name: "agent_connections", value: up.length };
    yield { name: "agent_connections_total", value: link.connections };
    const trips = up.map(({ roundTripMs }) => roundTripMs ?? 0);
    yield { name: "agent_round_trip_seconds", value: Math.max(0, ...trips) / 1000 };
    yield* this.#tunnelSamples();
    for (const [name, { ok, failed }] of counts.requests) {
      yield { name: "agent_requests_total", labels: { name, result: "ok" }, value: ok };
      yield { name: "agent_requests_total", labels: { name, result: "failed" }, value: failed };
    }
    for (const kind of AGENT_ERROR_KINDS) {
      yield { name: "agent_errors_total", labels: { kind }, value: counts.errors[kind] };
    }
    const { dials, lookups } = this.#agent.streams.targets.dialer;
    const name = "agent_destinations_over_limit_total";
    yield { name, labels: { limit: "dials" }, value: dials.refused };
    yield { name, labels: { limit: "lookups" }, value: lookups.refused };
    yield* this.#streamSamples();
  }

  *#tunnelSamples(): Iterable<EdgeMetricSample> {
    const states = { waiting: 0, asked: 0, up: 0, refused: 0 };
    for (const { state } of this.#agent.link.tunnels.statuses) states[state.kind]++;
    for (const state of ["waiting", "asked", "up", "refused"] as const) {
      yield { name: "agent_tunnels", labels: { state }, value: states[state] };
    }
  }

  *#streamSamples(): Iterable<EdgeMetricSample> {
    const { stats, targets } = this.#agent.streams;
    const named = [...stats].slice(0, MAX_NAMES);
    for (const [name, own] of named) yield* streamSamples(name, own);
    yield* streamSamples(CONNECT, targets.stats);
    if (stats.size > MAX_NAMES) yield* streamSamples("other", sumOf([...stats.values()].slice(MAX_NAMES)));
  }
}

function* streamSamples(
  name: string,
  { active, bytesRead, bytesWritten }: LocalStats,
): Iterable<EdgeMetricSample> {
  yield { name: "agent_streams_active", labels: { name }, value: active };
  yield { name: "agent_received_bytes_total", labels: { name }, value: bytesRead };
  yield { name: "agent_sent_bytes_total", labels: { name }, value: bytesWritten };
}

function sumOf(all: readonly LocalStats[]): LocalStats {
  const sum = { active: 0, total: 0, failed: 0, bytesRead: 0, bytesWritten: 0 };
  for (const { active, total, failed, bytesRead, bytesWritten } of all) {
    sum.active += active;
    sum.total += total;
    sum.failed += failed;
    sum.bytesRead += bytesRead;
    sum.bytesWritten += bytesWritten;
  }
  return sum;
}
