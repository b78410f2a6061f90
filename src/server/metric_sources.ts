/**
 * Connects the plain numbers that the hub's parts count to the names of the metric table.
 */
import type { MessageBroker } from "../broker/message_broker.ts";
import type { ConnectionFactory } from "../hub/connection_factory.ts";
import type { DoorStats } from "../hub/hub_stats.ts";
import type { Relay } from "../hub/relay.ts";
import type { QuotaManager } from "../limits/quota_manager.ts";
import { DROP_REASONS, type LinkStats } from "../link/link_stats.ts";
import type { TransportKind } from "../core/transport.ts";
import { LANES } from "../link/lane.ts";
import type { OutboxLedger } from "../link/outbox_ledger.ts";
import type { StreamStats } from "../link/stream_stats.ts";
import type { MetricSample } from "../metrics/metric_table.ts";
import type { MetricSource } from "../metrics/metrics.ts";
import type { Agents } from "../tunnel/agents.ts";
import type { Tunnels } from "../tunnel/tunnels.ts";
import { CloseCode } from "../core/close_codes.ts";
import { keptSamples } from "./kept_metrics.ts";
import { agentSamples } from "./agent_metrics.ts";
import type { PublicDoor } from "./public_setup.ts";
import { quotaSamples } from "./quota_metrics.ts";
import { tunnelSamples, visitorSamples } from "./tunnel_metrics.ts";

/** The parts that are counted. */
export interface HubCounters {
  readonly door: DoorStats;
  readonly links: Readonly<Record<TransportKind, LinkStats>>;
  readonly connections: ConnectionFactory;
  readonly ledger: OutboxLedger;
  /** `null` while the relay is off. */
  readonly relay: Relay | null;
  /** `null` while the broker is off. */
  readonly broker: MessageBroker | null;
  readonly agents: Agents;
  readonly tunnels: Tunnels;
  readonly visitors: PublicDoor;
  readonly quotas: QuotaManager;
  /** Of the connections of agents. */
  readonly streams: StreamStats;
}

const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(CloseCode));

/** Reads all parts of one hub at each scrape. */
export class HubMetricSource implements MetricSource {
  readonly #counters: HubCounters;

  constructor(counters: HubCounters) {
    this.#counters = counters;
  }

  *samples(): Iterable<MetricSample> {
    yield* doorSamples(this.#counters.door);
    yield* linkSamples("websocket", this.#counters.links.websocket);
    yield* linkSamples("text", this.#counters.links.text);
    yield* linkSamples("frames", this.#counters.links.frames);
    yield* linkSamples("json", this.#counters.links.json);
    yield* droppedAndClosed(Object.values(this.#counters.links));
    if (this.#counters.broker !== null) {
      yield* brokerSamples(this.#counters.broker);
      yield* serviceSamples(this.#counters.broker);
      yield* tenantSamples(this.#counters.broker);
      yield* keptSamples(this.#counters.broker);
    }
    yield* agentSamples(this.#counters.agents, this.#counters.streams);
    yield* tunnelSamples(this.#counters.tunnels);
    yield* visitorSamples(this.#counters.visitors, this.#counters.tunnels);
    for (const transport of ["websocket", "text", "frames", "json"] as const) {
      const value = this.#counters.connections.unfinishedBytesOf(transport);
      yield { name: "trunkline_unfinished_bytes", labels: { transport }, value };
    }
    yield* quotaSamples(this.#counters.quotas);
    yield { name: "trunkline_outbox_bytes", value: this.#counters.ledger.heldBytes };
    for (const lane of LANES) {
      const value = this.#counters.ledger.queuedBytesOf(lane);
      yield { name: "trunkline_outbox_lane_bytes", labels: { lane }, value };
    }
    yield { name: "trunkline_relay_rooms", value: this.#counters.relay?.roomCount ?? 0 };
    yield { name: "trunkline_relay_members", value: this.#counters.relay?.memberCount ?? 0 };
  }
}

function* doorSamples(door: DoorStats): Iterable<MetricSample> {
  yield { name: "trunkline_sockets", value: door.sockets };
  yield { name: "trunkline_sockets_accepted_total", value: door.accepted };
  yield { name: "trunkline_tls_handshake_errors_total", value: door.tlsHandshakeErrors };
  for (const [reason, value] of door.refused) {
    yield { name: "trunkline_connections_refused_total", labels: { reason }, value };
  }
  for (const [reason, value] of door.certificates) {
    yield { name: "trunkline_client_certificates_refused_total", labels: { reason }, value };
  }
  for (const kind of ["http", "text", "frames", "json", "unknown"] as const) {
    yield { name: "trunkline_first_bytes_total", labels: { kind }, value: door.firstBytes[kind] };
  }
  for (const [status, value] of door.httpResponses) {
    yield { name: "trunkline_http_requests_total", labels: { code: String(status) }, value };
  }
}

function* linkSamples(transport: TransportKind, link: LinkStats): Iterable<MetricSample> {
  const labels = { transport };
  yield { name: "trunkline_connections", labels, value: link.connections };
  yield { name: "trunkline_connections_accepted_total", labels, value: link.accepted };
  yield { name: "trunkline_messages_received_total", labels, value: link.messagesReceived };
  yield { name: "trunkline_messages_sent_total", labels, value: link.messagesSent };
  yield { name: "trunkline_received_bytes_total", labels, value: link.bytesReceived };
  yield { name: "trunkline_sent_bytes_total", labels, value: link.bytesSent };
}

function* droppedAndClosed(links: readonly LinkStats[]): Iterable<MetricSample> {
  for (const reason of DROP_REASONS) {
    const value = links.reduce((sum, { dropped }) => sum + dropped[reason], 0);
    yield { name: "trunkline_messages_dropped_total", labels: { reason }, value };
  }
  for (const [code, value] of closedByCode(links)) {
    yield { name: "trunkline_connections_closed_total", labels: { code }, value };
  }
}

/** Peers may close with any code: those that mean nothing here share one series. */
function closedByCode(links: readonly LinkStats[]): Map<string, number> {
  const byCode = new Map<string, number>();
  for (const [code, count] of links.flatMap(({ closed }) => [...closed])) {
    const label = KNOWN_CODES.has(code) ? String(code) : "other";
    byCode.set(label, (byCode.get(label) ?? 0) + count);
  }
  return byCode;
}

function* brokerSamples(broker: MessageBroker): Iterable<MetricSample> {
  const { stats, subscriptionCount, routeLookups } = broker;
  yield { name: "trunkline_broker_published_total", value: stats.published };
  yield { name: "trunkline_broker_delivered_total", value: stats.delivered };
  yield { name: "trunkline_broker_unmatched_total", value: stats.unmatched };
  yield { name: "trunkline_broker_gap_notices_total", value: stats.gapNotices };
  yield { name: "trunkline_broker_subscriptions", value: subscriptionCount };
  yield { name: "trunkline_broker_services", value: broker.serviceCount };
  yield { name: "trunkline_broker_requests_outstanding", value: broker.outstandingRequests };
  yield { name: "trunkline_broker_requests_total", value: stats.requests };
  yield { name: "trunkline_broker_responses_total", value: stats.responses };
  yield { name: "trunkline_broker_late_responses_total", value: stats.lateResponses };
  yield { name: "trunkline_broker_tapped_total", value: stats.tapped };
  yield { name: "trunkline_broker_log_listeners", value: broker.logListenerCount };
  for (const result of ["delivered", "dropped"] as const) {
    yield { name: "trunkline_broker_log_lines_total", labels: { result }, value: stats.logLines[result] };
  }
  for (const event of ["join", "leave", "lost"] as const) {
    yield {
      name: "trunkline_broker_presence_events_total",
      labels: { event },
      value: stats.presenceEvents[event],
    };
  }
  for (const code of ["TIMEOUT", "SERVICE_UNAVAILABLE"] as const) {
    const value = stats.failedRequests[code];
    yield { name: "trunkline_broker_requests_failed_total", labels: { code }, value };
  }
  for (const result of ["hit", "miss"] as const) {
    const value = result === "hit" ? routeLookups.hits : routeLookups.misses;
    yield { name: "trunkline_broker_route_lookups_total", labels: { result }, value };
  }
  for (const [code, value] of stats.errors) {
    yield { name: "trunkline_broker_errors_total", labels: { code }, value };
  }
}

function* serviceSamples({ stats, serviceStates }: MessageBroker): Iterable<MetricSample> {
  for (const { label: service, answers, answerMs, timeouts, lost } of stats.services.all()) {
    const labels = { service };
    const { active, late } = serviceStates.get(service) ?? { active: 0, late: 0 };
    const connections = "trunkline_broker_service_connections";
    yield { name: connections, labels: { service, state: "active" }, value: active };
    yield { name: connections, labels: { service, state: "late" }, value: late };
    yield { name: "trunkline_broker_service_answers_total", labels, value: answers };
    yield { name: "trunkline_broker_service_answer_seconds_total", labels, value: answerMs / 1000 };
    const errors = "trunkline_broker_service_errors_total";
    yield { name: errors, labels: { service, reason: "timeout" }, value: timeouts };
    yield { name: errors, labels: { service, reason: "gone" }, value: lost };
  }
}

function* tenantSamples(broker: MessageBroker): Iterable<MetricSample> {
  for (const { tenant, ...figures } of broker.tenants()) {
    const labels = { tenant };
    yield { name: "trunkline_tenant_connections", labels, value: figures.connections };
    yield { name: "trunkline_tenant_subscriptions", labels, value: figures.subscriptions };
    yield { name: "trunkline_tenant_services", labels, value: figures.services };
    yield { name: "trunkline_tenant_requests_outstanding", labels, value: figures.requestsOutstanding };
    yield { name: "trunkline_tenant_published_total", labels, value: figures.published };
    yield { name: "trunkline_tenant_delivered_total", labels, value: figures.delivered };
  }
}
