/**
 * The schema of what runs beside the connections of spokes: the broker, the public listener, metrics,
 * dashboard, logging and the rest of the small sections.
 */
import { z } from "zod";
import { section } from "./composites.ts";
import {
  address,
  bool,
  duration,
  GIB,
  host,
  HOUR,
  integer,
  ipRange,
  KIB,
  MIB,
  oneOf,
  SECOND,
  size,
  text,
  topicPattern,
} from "./fields.ts";
import { path, type SchemaContext, secret, wordOrPath } from "./schema_context.ts";
import { slowConsumer, tlsKeys } from "./schema_hub.ts";

const MAX_RATE = 1_000_000_000;

function topicPolicy() {
  return section({
    pattern: topicPattern().describe("Topics that this is about"),
    slow_consumer: slowConsumer().nullable().prefault(null).describe("null: as hub.outbox.slow_consumer"),
    retain: bool().prefault(false).describe("Keep the last message for new subscribers"),
    history: section({
      size: integer(1, 1_000_000).describe("Most messages that are kept"),
      ttl: duration(SECOND, 8760 * HOUR).describe("How long they are kept"),
    }).nullable().prefault(null).describe("Keep messages for replay: { size, ttl }; null: none"),
    presence: bool().prefault(false).describe("Tell subscribers who joins and leaves"),
  });
}

/** The section `broker`. */
export function brokerSchema() {
  return section({
    enabled: bool().prefault(true).describe("Publish and subscribe by topic"),
    max_payload: size(1, 15 * MIB).prefault("64KiB").describe("Largest payload"),
    request: section({
      timeout: duration(1, 24 * HOUR).prefault("5s").describe(
        "How long an answer may take when the request does not say",
      ),
      max_timeout: duration(1, 24 * HOUR).prefault("1h").describe("The most that a request may ask for"),
      failover: bool().prefault(false).describe("Try another service once when one goes away in the middle"),
    }).prefault({}).describe("Requests and their answers"),
    max_outstanding_requests: integer(1, 10_000_000).prefault(10_000).describe(
      "Most requests without an answer yet",
    ),
    max_malformed: integer(1, 100_000).prefault(20).describe(
      "Malformed messages of a connection in a minute; one more closes it",
    ),
    max_subscriptions_per_connection: integer(1, 1_000_000).prefault(10_000).describe(
      "Most subscriptions of a connection",
    ),
    rate: section({
      per_service: integer(0, MAX_RATE).prefault(0).describe(
        "Messages a second of one connection; 0: no limit",
      ),
      per_topic: integer(0, MAX_RATE).prefault(0).describe("Messages a second on each topic; 0: no limit"),
      topics: z.record(z.string(), integer(0, MAX_RATE)).prefault({})
        .describe(
          "Messages a second on each topic that a pattern selects, the first match wins: { sensors.#: 500 }",
        ),
    }).prefault({}).describe("Rates that are told apart by service and topic"),
    retained: section({
      max_count: integer(0, 100_000_000).prefault(100_000).describe("Most retained messages of a tenant"),
      max_bytes: size(0, 1024 * GIB).prefault("64MiB").describe("Most bytes of a tenant's retained messages"),
    }).prefault({}).describe("Retained messages"),
    history: section({
      max_bytes: size(0, 1024 * GIB).prefault("256MiB").describe(
        "Most bytes of all histories of a tenant; over it the oldest messages go",
      ),
    }).prefault({}).describe("Histories of topics"),
    topics: z.array(topicPolicy()).max(10_000).prefault([])
      .describe(
        "Policies, the first match wins: { pattern, slow_consumer, retain, history: { size, ttl }, presence }",
      ),
  });
}

/** The section `public`. */
export function publicSchema(context: SchemaContext) {
  return section({
    enabled: bool().prefault(true).describe("Take visitors of HTTP tunnels"),
    listen: address().prefault("127.0.0.1:8080").describe("Address for visitors"),
    domain: host().prefault("localhost").describe("Domain whose subdomains are the tunnels"),
    tls: section(tlsKeys(context)).nullable().prefault(null)
      .describe("TLS for visitors: { cert, key, min_version, reload, sni } as hub.tls; null: plain text"),
    trusted_proxies: z.array(ipRange()).max(1000).prefault([])
      .describe("Proxies whose X-Forwarded-* fields are believed: IP addresses or ranges"),
    proxy_protocol: bool().prefault(false).describe(
      "Connections of trusted_proxies begin with a PROXY header",
    ),
    max_body: size(0, 1024 * GIB).prefault(0).describe("Largest request body; 0: no limit"),
    header_timeout: duration(100, HOUR).prefault("10s").describe("How long a request head may take"),
    idle_timeout: duration(100, HOUR).prefault("60s").describe(
      "How long a connection may wait for its next request",
    ),
    response_timeout: duration(100, 24 * HOUR).prefault("60s").describe(
      "How long a response may take to begin",
    ),
    body_rate: integer(0, MAX_RATE).prefault(16).describe(
      "Bytes a second that a request body has to bring, on average over response_timeout; 0: any will do",
    ),
    send_timeout: duration(100, 24 * HOUR).prefault("60s").describe(
      "How long a visitor may take nothing of what waits for it",
    ),
    access_log: oneOf("off", "common", "json").prefault("off")
      .describe("One line for each request on the standard output: off, common (Common Log Format) or json"),
  });
}

/** The section `metrics`. */
export function metricsSchema() {
  return section({
    enabled: bool().prefault(true).describe("Serve metrics for Prometheus"),
    listen: address().prefault("127.0.0.1:9090").describe("Address for metrics"),
    path: text("a path such as /metrics", /^\/[A-Za-z0-9._~/-]*$/).prefault("/metrics").describe(
      "Path of the metrics",
    ),
  });
}

/** The section `dashboard`. */
export function dashboardSchema(context: SchemaContext) {
  return section({
    enabled: bool().prefault(false).describe("Serve the dashboard"),
    listen: address().prefault("127.0.0.1:9000").describe("Address of the dashboard"),
    token: secret(context).nullable().prefault(null).describe("Token for logging in; a must beyond loopback"),
  });
}

/** The keys of log lines, which hub and agent have in common. */
export function logLineKeys(context: SchemaContext) {
  return {
    level: oneOf("debug", "info", "warning", "error").prefault("info").describe(
      "Least severe lines that are written",
    ),
    format: oneOf("auto", "pretty", "json").prefault("auto")
      .describe("auto (pretty on a terminal, JSON otherwise), pretty or json"),
    output: wordOrPath(context, ["stderr", "stdout"]).prefault("stderr").describe("stderr, stdout or a file"),
  };
}

/** The section `logging`. */
export function loggingSchema(context: SchemaContext) {
  return section({
    ...logLineKeys(context),
    audit: wordOrPath(context, ["stdout"]).nullable().prefault(null)
      .describe("Who logged in, who was refused what: stdout or a file; null: nowhere"),
  });
}

/** The section `performance`. */
export function performanceSchema() {
  return section({
    mode: oneOf("auto", "throughput", "latency").prefault("auto").describe(
      "What to favour: auto (as the load is), throughput or latency",
    ),
    memory: size(64 * MIB, 1024 * GIB).nullable().prefault(null).describe(
      "Resident memory that the process stays below; null: three quarters of what the machine or its cgroup has",
    ),
    buffers: section({
      read: size(KIB, 16 * MIB).prefault("64KiB").describe("Buffer for reading from a socket"),
      join: size(0, 16 * MIB).nullable().prefault(null).describe(
        "Small chunks are joined up to this size before a write; null: as mode says",
      ),
      socket: size(KIB, 64 * MIB).nullable().prefault(null).describe(
        "Bytes written to a socket before waiting for it; null: as mode says",
      ),
    }).prefault({}).describe("Sizes of buffers"),
  });
}

/** The section `storage`. */
export function storageSchema(context: SchemaContext) {
  return section({
    path: path(context).nullable().prefault(null).describe(
      "Folder for retained messages and history, made when it is missing; null: memory",
    ),
    sync: duration(0, 60_000).prefault("100ms").describe(
      "How long what was acknowledged may wait for the disk itself, which a loss of power takes; 0s: not at all",
    ),
  });
}

/** The section `cluster`. */
export function clusterSchema() {
  return section({
    driver: oneOf("memory", "nats").prefault("memory").describe(
      "How hubs reach each other: memory (one hub) or nats",
    ),
  });
}

/** The section `config`. */
export function watchSchema() {
  return section({ watch: bool().prefault(true).describe("Load the file again when it changes") });
}
