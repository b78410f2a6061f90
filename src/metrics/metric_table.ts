/**
 * The one table of everything that Trunkline measures: names, help texts, types and labels. Nothing is exposed
 * that does not stand here, the reference in docs/metrics.md is made from it, and the types below make a
 * misspelled name, a forgotten label or an unknown value of a closed label a compile error.
 */

import { CERTIFICATE_FAULTS } from "../core/client_certificate.ts";
import { SECURITY_EVENT_KINDS } from "../core/security_event.ts";
import type { TransportKind } from "../core/transport.ts";
import { agentMetrics } from "./agent_metric_table.ts";
import { defineMetrics, type MetricDefinition, type MetricType } from "./metric_definition.ts";
import { keptMetrics } from "./kept_metric_table.ts";
import { quotaMetrics } from "./quota_metric_table.ts";
import { tunnelMetrics } from "./tunnel_metric_table.ts";

const transports: readonly TransportKind[] = ["websocket", "text", "frames", "json"];

/** Names are the services' own, so there is a bound to them. */
const SERVICE_LABEL =
  "Name of the service, other characters than letters, digits, `_`, `.`, `-` as `_`; `other` beyond 200 names, and " +
  "for those who did not register";

/** There only while tenants are kept apart (`auth.multi_tenant`). */
const tenantLabel = {
  tenant: "Name of the tenant, of the first 100 that came; `other` for all beyond them; none without tenants",
} as const;

/** All metrics by name. */
export const metricTable = defineMetrics({
  trunkline_build_info: {
    type: "gauge",
    help: "Always 1; the labels say what is running",
    labels: { version: "Version of Trunkline", deno: "Version of the runtime" },
  },
  trunkline_component_up: {
    type: "gauge",
    help: "Whether a part of the hub works (1) or not (0); the same answer as /readyz",
    labels: { component: "Name of the part, for example `listener`" },
  },
  trunkline_certificate_remaining_seconds: {
    type: "gauge",
    help: "Time until the first certificate of a door ends; negative after it",
    labels: { door: "`hub` or `public`, where TLS is spoken there" },
  },
  trunkline_certificate_reloads_total: {
    type: "counter",
    help: "Certificates that were read anew: replaced, or of no use so that the old ones stayed",
    labels: { door: ["hub", "public"], result: ["replaced", "failed"] },
  },
  trunkline_config_reloads_total: {
    type: "counter",
    help:
      "Configurations that were read anew: loaded, or of no use so that nothing changed, or partly loaded, a mistake of the hub",
    labels: { result: ["loaded", "invalid", "partly"] },
  },
  trunkline_connections: {
    type: "gauge",
    help: "Open connections",
    labels: { transport: transports },
  },
  trunkline_connections_accepted_total: {
    type: "counter",
    help: "Connections that were registered",
    labels: { transport: transports },
  },
  trunkline_sockets: {
    type: "gauge",
    help: "Accepted sockets that are open, whatever they speak",
  },
  trunkline_sockets_accepted_total: {
    type: "counter",
    help: "Sockets that were accepted, whatever they speak",
  },
  trunkline_connections_refused_total: {
    type: "counter",
    help: "Connections that were turned away before they were registered",
    labels: { reason: "Why, for example `max_connections`, `origin`, `unauthorized`" },
  },
  trunkline_connections_closed_total: {
    type: "counter",
    help: "Registered connections that ended",
    labels: { code: "WebSocket close code (RFC 6455, section 7.4), also for the other transports" },
  },
  trunkline_first_bytes_total: {
    type: "counter",
    help: "Connections by the transport that their first byte announced",
    labels: { kind: ["http", "text", "frames", "json", "unknown"] },
  },
  trunkline_tls_handshake_errors_total: {
    type: "counter",
    help: "TLS handshakes that failed",
  },
  trunkline_client_certificates_refused_total: {
    type: "counter",
    help: "Connections that ended because of their client certificate, or the lack of one",
    labels: { reason: CERTIFICATE_FAULTS },
  },
  trunkline_http_requests_total: {
    type: "counter",
    help: "HTTP requests on the hub's port that were answered without an upgrade",
    labels: { code: "HTTP status code" },
  },
  trunkline_messages_received_total: {
    type: "counter",
    help: "Messages from clients",
    labels: { transport: transports },
  },
  trunkline_messages_sent_total: {
    type: "counter",
    help: "Messages queued for clients, each receiver counted",
    labels: { transport: transports },
  },
  trunkline_messages_dropped_total: {
    type: "counter",
    help: "Messages that never reached the socket of a receiver, each receiver counted",
    labels: { reason: ["slow_consumer", "drop_oldest", "latest", "closed"] },
  },
  trunkline_received_bytes_total: {
    type: "counter",
    help: "Bytes read from clients, framing included, encryption not",
    labels: { transport: transports },
  },
  trunkline_sent_bytes_total: {
    type: "counter",
    help: "Bytes of messages queued for clients, framing included, encryption not, each receiver counted",
    labels: { transport: transports },
  },
  trunkline_unfinished_bytes: {
    type: "gauge",
    help: "Bytes that are held of messages of clients that have not come to their end",
    labels: { transport: transports },
  },
  trunkline_outbox_bytes: {
    type: "gauge",
    help: "Bytes that wait in all outboxes and their sockets together",
  },
  trunkline_outbox_lane_bytes: {
    type: "gauge",
    help: "Bytes that wait in one lane of all outboxes together and were not yet handed to a socket",
    labels: { lane: ["control", "request", "publish", "data"] },
  },
  trunkline_relay_rooms: {
    type: "gauge",
    help: "Relay rooms with at least one member",
  },
  trunkline_relay_members: {
    type: "gauge",
    help: "Members of all relay rooms together",
  },
  trunkline_broker_published_total: {
    type: "counter",
    help: "Publishes that were routed, whether or not somebody was subscribed",
  },
  trunkline_broker_delivered_total: {
    type: "counter",
    help: "Publishes queued for subscribers, each subscriber counted",
  },
  trunkline_broker_unmatched_total: {
    type: "counter",
    help: "Publishes that nobody was subscribed to",
  },
  trunkline_broker_errors_total: {
    type: "counter",
    help: "Messages that were answered with an error, or would have been if they had an id",
    labels: { code: "Error code, for example `MALFORMED_MESSAGE`, `PAYLOAD_TOO_LARGE`, `RATE_LIMITED`" },
  },
  trunkline_broker_gap_notices_total: {
    type: "counter",
    help: "Notices to subscribers that they lost messages of a topic",
  },
  trunkline_broker_subscriptions: {
    type: "gauge",
    help: "Subscriptions; one to what is published and to requests counts as one",
  },
  trunkline_broker_services: {
    type: "gauge",
    help: "Connections that registered as a service",
  },
  trunkline_broker_requests_outstanding: {
    type: "gauge",
    help: "Requests that wait for their answer",
  },
  trunkline_broker_requests_total: {
    type: "counter",
    help: "Requests that were sent on to a service, second tries included",
  },
  trunkline_broker_responses_total: {
    type: "counter",
    help: "Answers of services that were sent back",
  },
  trunkline_broker_late_responses_total: {
    type: "counter",
    help: "Answers of services that came when nobody waited any more",
  },
  trunkline_broker_tapped_total: {
    type: "counter",
    help: "Messages that were shown to subscribers of system.message",
  },
  trunkline_broker_log_listeners: {
    type: "gauge",
    help: "Connections that follow the log",
  },
  trunkline_broker_log_lines_total: {
    type: "counter",
    help: "Log lines for those who follow the log: shown (delivered) or over what one may be shown (dropped)",
    labels: { result: ["delivered", "dropped"] },
  },
  trunkline_broker_presence_events_total: {
    type: "counter",
    help: "Events about who comes to topics and goes, and those that were too many to be told (lost)",
    labels: { event: ["join", "leave", "lost"] },
  },
  ...keptMetrics,
  trunkline_broker_requests_failed_total: {
    type: "counter",
    help: "Requests that were sent on and whose origin was told that there is no answer",
    labels: { code: ["TIMEOUT", "SERVICE_UNAVAILABLE"] },
  },
  trunkline_broker_service_connections: {
    type: "gauge",
    help: "Registered services by whether they answer signs of life",
    labels: { service: SERVICE_LABEL, state: ["active", "late"] },
  },
  trunkline_broker_service_answers_total: {
    type: "counter",
    help: "Requests that services answered in time",
    labels: { service: SERVICE_LABEL },
  },
  trunkline_broker_service_answer_seconds_total: {
    type: "counter",
    help: "How long the answers of services took together",
    labels: { service: SERVICE_LABEL },
  },
  trunkline_broker_service_errors_total: {
    type: "counter",
    help: "Requests that services did not answer in time (timeout) or had when they went away (gone)",
    labels: { service: SERVICE_LABEL, reason: ["timeout", "gone"] },
  },
  trunkline_broker_route_lookups_total: {
    type: "counter",
    help: "How often the subscribers of a topic were asked for: known already (hit) or to be found (miss)",
    labels: { result: ["hit", "miss"] },
  },
  trunkline_broker_request_seconds: {
    type: "histogram",
    help:
      "How long services took to answer requests; of answers that come in one turn of the event loop one is measured",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
  },
  trunkline_broker_routing_seconds: {
    type: "histogram",
    help: "How long routing a publish to all outboxes took; one publish in 64 is measured",
    buckets: [
      0.000005,
      0.00001,
      0.000025,
      0.00005,
      0.0001,
      0.00025,
      0.0005,
      0.001,
      0.0025,
      0.005,
      0.01,
      0.025,
      0.1,
    ],
  },
  trunkline_tenant_connections: {
    type: "gauge",
    help: "Connections to the broker that are logged in",
    labels: tenantLabel,
  },
  trunkline_tenant_subscriptions: {
    type: "gauge",
    help: "Subscriptions of a tenant; one to what is published and to requests counts as one",
    labels: tenantLabel,
  },
  trunkline_tenant_services: {
    type: "gauge",
    help: "Connections of a tenant that registered as a service",
    labels: tenantLabel,
  },
  trunkline_tenant_requests_outstanding: {
    type: "gauge",
    help: "Requests of a tenant that wait for their answer",
    labels: tenantLabel,
  },
  trunkline_tenant_published_total: {
    type: "counter",
    help: "Publishes of a tenant that were routed, whether or not somebody was subscribed",
    labels: tenantLabel,
  },
  trunkline_tenant_delivered_total: {
    type: "counter",
    help: "Publishes queued for subscribers of a tenant, each subscriber counted",
    labels: tenantLabel,
  },
  ...agentMetrics,
  ...quotaMetrics,
  ...tunnelMetrics,
  trunkline_security_events_total: {
    type: "counter",
    help: "Events of the audit log, also while it is off; those that share a line are each counted",
    labels: { kind: SECURITY_EVENT_KINDS },
  },
  trunkline_audit_lines_lost_total: {
    type: "counter",
    help: "Lines of the audit log that could not be written",
  },
  trunkline_event_loop_lag_seconds: {
    type: "histogram",
    help: "How late a timer of the event loop fires",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  trunkline_event_loop_lag_max_seconds: {
    type: "gauge",
    help: "The latest that a timer of the event loop fired in the last 15 to 30 seconds",
  },
  process_cpu_seconds_total: {
    type: "counter",
    help: "CPU time of the process",
    labels: { mode: ["user", "system"] },
  },
  process_resident_memory_bytes: {
    type: "gauge",
    help: "Resident memory of the process",
  },
  process_heap_used_bytes: {
    type: "gauge",
    help: "JavaScript heap in use",
  },
  process_heap_total_bytes: {
    type: "gauge",
    help: "JavaScript heap taken from the operating system",
  },
  process_start_time_seconds: {
    type: "gauge",
    help: "When the process started, as Unix time",
  },
});

type Table = typeof metricTable;
type AnyTable = Readonly<Record<string, MetricDefinition>>;

/** The name of any metric. */
export type MetricName = keyof Table;

/** The names of the metrics of one type. */
export type MetricNameOf<T extends MetricType> = {
  [N in MetricName]: Table[N]["type"] extends T ? N : never;
}[MetricName];

/** The labels that every series of a metric carries; no keys for a metric without labels. */
type LabelsIn<D> = D extends { readonly labels: infer L }
  ? { readonly [K in keyof L]: L[K] extends readonly (infer V)[] ? V : string }
  : Readonly<Record<string, never>>;

/** The labels of a metric of the hub. */
export type LabelsOf<N extends MetricName> = LabelsIn<Table[N]>;

/** One series' absolute value at this moment, of a metric of this table, in the unit of the metric's name. */
export type SampleOf<T extends AnyTable> = {
  [N in keyof T]: T[N]["type"] extends "histogram" ? never
    : T[N] extends { readonly labels: unknown }
      ? { readonly name: N; readonly labels: LabelsIn<T[N]>; readonly value: number }
    : { readonly name: N; readonly value: number };
}[keyof T];

/** A sample of the hub. */
export type MetricSample = SampleOf<Table>;

/** One metric of the table in a form that does not depend on its name. */
export interface NamedMetric extends MetricDefinition {
  readonly name: string;
}

/** The table as a list, in its order. */
export function listMetrics(): readonly NamedMetric[] {
  return namedMetrics(metricTable);
}

/** Any table as a list, in its order. */
export function namedMetrics(table: AnyTable): readonly NamedMetric[] {
  return Object.entries(table).map(([name, definition]) => ({ name, ...definition }));
}
