/**
 * The schema of `hub`, `relay` and `tunnel`: where spokes connect, how connections are kept, and what runs on
 * them. Guarantees that `hub.listen` is always a list whose entries say whether they speak TLS.
 */
import { z } from "zod";
import { section, shorthandList } from "./composites.ts";
import {
  address,
  ADDRESS_JSON,
  bool,
  duration,
  field,
  GIB,
  host,
  HOUR,
  integer,
  ipRange,
  KIB,
  MIB,
  MINUTE,
  oneOf,
  portRange,
  SECOND,
  size,
  text,
} from "./fields.ts";
import { path, type SchemaContext } from "./schema_context.ts";

const MAX_LIST = 1000;

/** The keys of TLS that every listener with TLS has. */
export function tlsKeys(context: SchemaContext) {
  return {
    cert: path(context).nullable().prefault(null)
      .describe("PEM file with the certificate and its chain; null: no TLS"),
    key: path(context).nullable().prefault(null).describe("PEM file with the private key of the certificate"),
    min_version: minVersion().prefault("1.2").describe("Oldest TLS version that is spoken"),
    reload: section({
      auto: bool().prefault(true).describe("Load certificates anew when their files change"),
      interval: duration(10 * SECOND, 168 * HOUR).prefault("24h")
        .describe("How often the files are looked at even without a notice of change"),
    }).prefault({}).describe("When certificates change"),
    sni: z.array(section({
      host: text("a host name such as hub.example or *.hub.example", /^(\*\.)?[A-Za-z0-9][A-Za-z0-9.-]*$/)
        .describe("Host name that the client asks for; *. at its start stands for one label"),
      cert: path(context).describe("PEM file with the certificate and its chain"),
      key: path(context).describe("PEM file with the private key"),
    })).max(MAX_LIST).prefault([]).describe("Other certificates by the host name that the client asks for"),
  };
}

/** The oldest version of TLS that is spoken. */
export function minVersion() {
  const versions = ["1.2", "1.3"] as const;
  return field({
    json: { enum: [...versions, 1.2, 1.3] },
    expected: '"1.2" or "1.3"',
    read: (raw) => versions.find((version) => version === String(raw)),
  });
}

function hubTls(context: SchemaContext) {
  const { cert, key, min_version, reload, sni } = tlsKeys(context);
  return section({
    cert,
    key,
    client_ca: path(context).nullable().prefault(null)
      .describe("PEM file with the authorities whose client certificates are believed"),
    require_client_cert: bool().prefault(false).describe("Refuse connections without a client certificate"),
    min_version,
    deny: z.array(
      text(
        "the SHA-256 fingerprint of a certificate, or its serial number, in hex and in quotes",
        /^(([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{1,2}(:?[0-9A-Fa-f]{2}){0,20})$/,
      ),
    ).max(100_000).prefault([]).describe(
      "SHA-256 fingerprints, or serial numbers, of client certificates that are refused",
    ),
    reload,
    sni,
  });
}

/** The ways in which a listener can be spoken to. */
export const TRANSPORTS = ["http", "text", "frames", "json"] as const;

function listen() {
  const entry = section({
    address: address().describe("Address to listen on"),
    tls: bool().nullable().prefault(null).describe("Speak TLS here; null: when hub.tls.cert is set"),
    transports: z.array(oneOf(...TRANSPORTS)).min(1).max(4).prefault(["http", "text", "frames", "json"])
      .describe("What is spoken here"),
  });
  return shorthandList(entry, {
    json: ADDRESS_JSON,
    expected: "an address such as 127.0.0.1:8443, or a list of addresses or of { address, tls, transports }",
    expand: (short) => ({ address: short }),
  });
}

function origins() {
  return z.array(field({
    json: { type: "string", minLength: 1 },
    expected: 'self, loopback, "*" or an origin such as https://app.example',
    read: (raw) => {
      if (raw === "self" || raw === "loopback" || raw === "*") return raw;
      const url = typeof raw === "string" ? URL.parse(raw) : null;
      return url !== null && /^https?:$/.test(url.protocol) &&
          url.href === `${url.origin}/`
        ? url.origin
        : undefined;
    },
  })).max(MAX_LIST);
}

function outbox() {
  return section({
    control: size(16 * KIB, 64 * MIB).prefault("256KiB").describe("Most bytes queued on the control lane"),
    request: size(64 * KIB, GIB).prefault("1MiB").describe(
      "Most bytes queued on the lane of requests and responses",
    ),
    publish: size(64 * KIB, GIB).prefault("1MiB").describe(
      "Most bytes queued on the lane of published messages",
    ),
    total: size(MIB, 1024 * GIB).prefault("1GiB")
      .describe(
        "Most bytes queued for all connections together; over it the largest queues are closed first",
      ),
    slow_consumer: slowConsumer().prefault("close")
      .describe(
        "What happens when the publish lane is full: close the connection, drop the oldest, keep the latest",
      ),
  });
}

/** What happens to a subscriber that does not keep up. */
export function slowConsumer() {
  return oneOf("close", "drop_oldest", "latest");
}

function hubConnections() {
  return {
    max_connections: integer(1, 1_000_000).prefault(20_000).describe("Most connections at a time"),
    max_connections_per_ip: integer(1, 1_000_000).prefault(1000)
      .describe("Most connections of one visitor (IPv6 by /64); loopback and listed proxies are exempt"),
    first_byte_timeout: duration(100, 5 * MINUTE).prefault("10s")
      .describe("How long a new connection may stay silent"),
    auth_timeout: duration(100, 5 * MINUTE).prefault("10s").describe("How long a login may take"),
    tcp_keepalive: duration(SECOND, HOUR).prefault("30s").describe(
      "Idle time before TCP asks whether the peer is there",
    ),
    heartbeat: section({
      interval: duration(100, HOUR).prefault("30s").describe(
        "Silence after which the peer is asked for a sign of life",
      ),
      timeout: duration(200, 2 * HOUR).prefault("60s")
        .describe("Silence after which the connection is closed; more than the interval"),
    }).prefault({}).describe("How lost peers are noticed"),
    outbox: outbox().prefault({}).describe("What waits to be sent to a connection"),
    read_budget: section({
      messages: integer(1, 100_000).prefault(64).describe("Most messages read from a connection in a turn"),
      bytes: size(KIB, 64 * MIB).prefault("64KiB").describe("Most bytes read from a connection in a turn"),
      deliveries: integer(1, 10_000_000).prefault(4096)
        .describe("Most deliveries that the messages of a connection cause in a turn"),
    }).prefault({}).describe("How much of a turn of the event loop one connection may take"),
  };
}

/** The section `hub`. */
export function hubSchema(context: SchemaContext) {
  return section({
    listen: listen().prefault("127.0.0.1:8443")
      .describe("Address on which spokes connect, or a list of { address, tls, transports }"),
    tls: hubTls(context).prefault({}).describe("TLS on the hub's addresses"),
    allow_insecure: bool().prefault(false).describe("Allow plain text on addresses beyond loopback"),
    origins: origins().prefault(["self", "loopback"])
      .describe(
        'Web pages that may connect: self, loopback, origins such as https://app.example, "*" for all',
      ),
    proxy_protocol: z.array(ipRange()).max(MAX_LIST).prefault([])
      .describe("Sources whose PROXY header is believed and required: IP addresses or ranges"),
    ...hubConnections(),
  }).transform((hub) => ({
    ...hub,
    listen: hub.listen.map((entry) => ({ ...entry, tls: entry.tls ?? hub.tls.cert !== null })),
  }));
}

/** The section `relay`. */
export function relaySchema() {
  return section({
    enabled: bool().prefault(true).describe("Relay every message of a room to everybody in the room"),
    paths: z.array(text("a path such as /relay", /^\/([A-Za-z0-9._~-]+(\/[A-Za-z0-9._~-]+)*)?$/)).min(1).max(
      100,
    )
      .prefault(["/relay"]).describe("Paths on the hub's addresses; / and /ws only when the broker is off"),
    rooms: bool().prefault(true).describe("A further path segment names a room: /relay/<room>"),
    echo: bool().prefault(true).describe("The sender gets its own messages too"),
    auth: oneOf("inherit", "none", "required").prefault("inherit")
      .describe("Login: inherit (as auth.mode says), none or required"),
    max_message: size(1, 64 * MIB).prefault("1MiB").describe("Largest message"),
  });
}

/** The section `tunnel`. */
export function tunnelSchema() {
  return section({
    tcp_listen: host().prefault("127.0.0.1").describe("Address on which the ports of TCP tunnels listen"),
    tcp_ports: portRange().nullable().prefault("20000-20999").describe(
      "Ports for TCP tunnels, such as 20000-20999; null: off",
    ),
    name_lease: duration(SECOND, 24 * HOUR).prefault("60s")
      .describe("How long the name of a lost agent is kept for it"),
    idle_timeout: duration(0, 168 * HOUR).prefault("0s").describe(
      "How long a visitor's connection, once it leads to a service, may stay without a byte either way; 0: no limit",
    ),
    window: section({
      initial: size(16 * KIB, GIB).prefault("256KiB").describe("Bytes in flight that a new stream may have"),
      max: size(16 * KIB, GIB).prefault("16MiB").describe("Bytes in flight that a stream may grow to"),
      connection: size(64 * KIB, GIB).prefault("64MiB")
        .describe("Bytes in flight of all streams of a connection"),
    }).prefault({}).describe("Credit of streams"),
    balance: oneOf("round_robin", "least_connections", "weighted_round_robin", "ip_hash").prefault(
      "round_robin",
    )
      .describe("How visitors are spread over the agents of a tunnel"),
    health: section({
      interval: duration(100, HOUR).prefault("5s").describe(
        "Time between two checks of an agent's local service",
      ),
      rise: integer(1, 100).prefault(2).describe("Good checks in a row that make it healthy"),
      fall: integer(1, 100).prefault(3).describe("Bad checks in a row that make it unhealthy"),
    }).prefault({}).describe("Checks of the agents' local services"),
    breaker: section({
      failures: integer(1, 10_000).prefault(5).describe("Failures in a row that open the circuit"),
      open: duration(100, HOUR).prefault("30s").describe("How long the circuit stays open"),
      half_open_requests: integer(1, 1000).prefault(1).describe(
        "Requests that are let through to try it again",
      ),
    }).prefault({}).describe("Circuit breaker: stops asking a local service that keeps failing"),
  });
}
