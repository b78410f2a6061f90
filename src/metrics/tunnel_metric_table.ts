/**
 * The part of the table of metrics that is about tunnels and their visitors.
 */
import { defineMetrics } from "./metric_definition.ts";

const TUNNEL =
  "`<account>/<agent>/<tunnel>`, with `<tenant>/` before it unless the tenant is `default`; `other`: all beyond 100";

/** Metrics by name. */
export const tunnelMetrics = defineMetrics({
  tunnel_registry_size: {
    type: "gauge",
    help: "Tunnels that are registered",
    labels: { kind: ["http", "tcp"] },
  },
  trunkline_tunnels_refused_total: {
    type: "counter",
    help: "Tunnels that agents asked for and did not get",
  },
  trunkline_forwarded_streams_total: {
    type: "counter",
    help: "Streams of spokes that were led to an agent",
  },
  trunkline_egress_connections_active: {
    type: "gauge",
    help: "Connections that leave from the hub itself for spokes",
  },
  trunkline_egress_connections_total: {
    type: "counter",
    help: "Connections that spokes asked the hub for: ok (also while they are made), denied, or failed",
    labels: { result: ["ok", "denied", "failed"] },
  },
  trunkline_tunnel_connections_active: {
    type: "gauge",
    help: "Connections of visitors that are open; of tunnels that are there",
    labels: { tunnel: TUNNEL },
  },
  trunkline_tunnel_connections_total: {
    type: "counter",
    help: "Connections of visitors that went to an agent",
    labels: { tunnel: TUNNEL },
  },
  trunkline_tunnel_connections_refused_total: {
    type: "counter",
    help: "Connections of visitors that a limit or the agent turned away",
    labels: { tunnel: TUNNEL },
  },
  trunkline_tunnel_received_bytes_total: {
    type: "counter",
    help: "Bytes that visitors sent",
    labels: { tunnel: TUNNEL },
  },
  trunkline_tunnel_sent_bytes_total: {
    type: "counter",
    help: "Bytes that visitors were sent",
    labels: { tunnel: TUNNEL },
  },
});
