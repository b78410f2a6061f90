/**
 * The part of the table of metrics that is about tunnels and their visitors.
 */
import { defineMetrics } from "./metric_definition.ts";

/** Methods of HTTP that have series of their own. */
export const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"] as const;
/** Classes of statuses. */
export const HTTP_STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx", "aborted"] as const;

const TUNNEL =
  "`<account>/<agent>/<tunnel>`, with `<tenant>/` before it unless the tenant is `default`; `other`: all beyond 100";

/** Metrics by name. */
export const tunnelMetrics = defineMetrics({
  tunnel_registry_size: {
    type: "gauge",
    help: "Tunnels that are registered",
    labels: { kind: ["http", "tcp"] },
  },
  tunnel_requests_total: {
    type: "counter",
    help:
      "Requests of visitors over HTTP that are over; aborted: the visitor was gone before it got a status",
    labels: { method: HTTP_METHODS, status: HTTP_STATUS_CLASSES },
  },
  tunnel_request_duration_seconds: {
    type: "histogram",
    help: "How long requests took, from their head to the end of the response",
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
  },
  tunnel_response_wait_seconds: {
    type: "histogram",
    help: "How long responses took to begin, from the head of the request",
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
  },
  trunkline_responses_broken_total: {
    type: "counter",
    help: "Responses to visitors that were cut in the middle, by either side",
  },
  trunkline_visitor_connections: {
    type: "gauge",
    help: "Connections of visitors over HTTP",
  },
  trunkline_visitors_ended_total: {
    type: "counter",
    help: "Connections of visitors, over HTTP and to ports of TCP tunnels, that were ended for being slow",
    labels: {
      reason: [
        "handshake",
        "header_timeout",
        "idle_timeout",
        "body_timeout",
        "send_timeout",
        "exchange_idle",
      ],
    },
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
    help: "Connections that the hub makes, or made, for spokes and that are not over",
  },
  trunkline_egress_connections_total: {
    type: "counter",
    help: "Connections that spokes asked the hub for; cancelled: whoever asked was gone before it was there",
    labels: { result: ["ok", "denied", "over_limit", "failed", "cancelled"] },
  },
  trunkline_egress_over_limit_total: {
    type: "counter",
    help: "What was refused because too many dials, or look-ups of names, are in progress for spokes",
    labels: { limit: ["dials", "lookups"] },
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
