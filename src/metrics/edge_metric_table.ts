/** The table of everything that an agent measures of itself, beside what every process does. */
import { defineMetrics } from "./metric_definition.ts";
import { metricTable, namedMetrics, type SampleOf } from "./metric_table.ts";

const NAME =
  "Tunnel or topic of a service as the agent's configuration has it; `connect`: streams to destinations that others " +
  "name; `other`: all beyond 100";
const {
  trunkline_build_info,
  process_cpu_seconds_total,
  process_resident_memory_bytes,
  process_heap_used_bytes,
  process_heap_total_bytes,
  process_start_time_seconds,
} = metricTable;

/** All metrics of an agent by name. */
export const edgeMetricTable = defineMetrics({
  agent_connection_status: {
    type: "gauge",
    help: "Whether there is a connection to the hub (1) or not (0)",
  },
  agent_connections: {
    type: "gauge",
    help: "Connections to the hub that are up",
  },
  agent_connections_total: {
    type: "counter",
    help: "Connections to the hub that there were",
  },
  agent_round_trip_seconds: {
    type: "gauge",
    help: "How long the way to the hub and back took last, on the connection that took longest",
  },
  agent_tunnels: {
    type: "gauge",
    help: "Tunnels by where they stand",
    labels: { state: ["waiting", "asked", "up", "refused"] },
  },
  agent_requests_total: {
    type: "counter",
    help:
      "What others asked of the agent: connections through tunnels and to destinations, and requests to services",
    labels: { name: NAME, result: ["ok", "failed"] },
  },
  agent_request_duration_seconds: {
    type: "histogram",
    help: "How long each of those took",
    labels: { name: NAME },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600],
  },
  agent_errors_total: {
    type: "counter",
    help:
      "What went wrong: connections to the hub, tunnels that it refused, services behind tunnels that cannot be " +
      "reached, destinations that are not allowed or cannot be reached, commands and URLs that fail",
    labels: { kind: ["connection", "tunnel", "local", "destination", "service"] },
  },
  agent_destinations_over_limit_total: {
    type: "counter",
    help:
      "Streams to destinations that were refused because too many dials, or look-ups of names, are in progress",
    labels: { limit: ["dials", "lookups"] },
  },
  agent_streams_active: {
    type: "gauge",
    help: "Connections through a tunnel, or to destinations, that are open",
    labels: { name: NAME },
  },
  agent_received_bytes_total: {
    type: "counter",
    help: "Bytes that came from the services behind tunnels, and from destinations",
    labels: { name: NAME },
  },
  agent_sent_bytes_total: {
    type: "counter",
    help: "Bytes that went to them",
    labels: { name: NAME },
  },
  trunkline_build_info,
  process_cpu_seconds_total,
  process_resident_memory_bytes,
  process_heap_used_bytes,
  process_heap_total_bytes,
  process_start_time_seconds,
});

/** A sample of an agent. */
export type EdgeMetricSample = SampleOf<typeof edgeMetricTable>;

/** The table as a list, in its order. */
export function listEdgeMetrics() {
  return namedMetrics(edgeMetricTable);
}
