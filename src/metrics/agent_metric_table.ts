/**
 * The part of the table of metrics that is about agents, their connections and streams.
 */
import { defineMetrics } from "./metric_definition.ts";

const STREAM_CODE = "Code of CloseStream (docs/protocol-frames.md); `other`: one that means nothing there";

/** Metrics by name. */
export const agentMetrics = defineMetrics({
  tunnel_connections_total: {
    type: "counter",
    help: "Connections of agents that were let in",
  },
  tunnel_connections_per_account: {
    type: "gauge",
    help: "Open connections of agents by account",
    labels: {
      account: "Account, with `<tenant>/` before it unless the tenant is `default`; `other`: all beyond 100",
    },
  },
  tunnel_streams_active: {
    type: "gauge",
    help: "Streams of agents' connections that are open",
  },
  trunkline_agents: {
    type: "gauge",
    help: "Agents that have a connection",
  },
  trunkline_agent_takeovers_total: {
    type: "counter",
    help: "Agents whose place another session of them took",
  },
  trunkline_agent_round_trip_max_seconds: {
    type: "gauge",
    help: "The longest of the round trips that were last measured on each agent's connection",
  },
  trunkline_streams_opened_total: {
    type: "counter",
    help: "Streams that were opened by the hub, or by an agent and taken",
    labels: { by: ["hub", "agent"] },
  },
  trunkline_streams_refused_total: {
    type: "counter",
    help: "Streams of agents that were refused",
    labels: { code: STREAM_CODE },
  },
  trunkline_streams_reset_total: {
    type: "counter",
    help: "Streams that ended other than gracefully, whoever ended them",
    labels: { code: STREAM_CODE },
  },
  trunkline_streams_over_cap_total: {
    type: "counter",
    help: "Streams that were reset because their connection held too much that was not read",
  },
  trunkline_stream_received_bytes_total: {
    type: "counter",
    help: "Bytes that came in streams, framing not included",
  },
  trunkline_stream_sent_bytes_total: {
    type: "counter",
    help: "Bytes written for streams, framing included",
  },
  trunkline_stream_buffered_bytes: {
    type: "gauge",
    help: "Bytes of streams that wait in the hub, to be written or to be passed on",
  },
  trunkline_stream_window_bytes: {
    type: "gauge",
    help: "What all streams together let agents have on their way",
  },
});
