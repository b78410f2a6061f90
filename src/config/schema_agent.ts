/**
 * The whole schema of an agent's configuration and the type of what it yields: key names as in the file, durations
 * in milliseconds, paths absolute, secrets in clear, addresses taken apart.
 */
import { z } from "zod";
import { parseDestinationRule } from "../core/access_rules.ts";
import { section } from "./composites.ts";
import {
  address,
  bool,
  duration,
  field,
  HOUR,
  integer,
  MINUTE,
  oneOf,
  SECOND,
  text,
  topicPattern,
} from "./fields.ts";
import { HUB_URL_PATTERN, type HubUrl, parseHubUrl } from "./hub_url.ts";
import { LOCAL_SERVICE_PATTERN, type LocalService, parseLocalService } from "./local_service.ts";
import { detachedContext, isHttpUrl, path, type SchemaContext, secret } from "./schema_context.ts";
import { minVersion } from "./schema_hub.ts";
import { logLineKeys } from "./schema_services.ts";

const MAX_LIST = 1000;

function hubUrl() {
  return field<HubUrl>({
    unit: "written",
    json: { type: "string", pattern: HUB_URL_PATTERN },
    expected:
      "a URL such as tls://hub.example:8443, tcp://127.0.0.1:8443, wss://hub.example or ws://127.0.0.1:8443, without user, password and fragment",
    read: (raw) => {
      const url = typeof raw === "string" ? parseHubUrl(raw) : "scheme";
      return typeof url === "string" ? undefined : url;
    },
  });
}

function localService() {
  return field<LocalService>({
    unit: "written",
    json: {
      anyOf: [{ type: "string", pattern: LOCAL_SERVICE_PATTERN }, {
        type: "integer",
        minimum: 1,
        maximum: 65535,
      }],
    },
    expected:
      "an address such as 127.0.0.1:5432, a port of this machine, or a URL such as http://127.0.0.1:3000",
    read: (raw) => {
      const written = typeof raw === "number" ? String(raw) : raw;
      return (typeof written === "string" ? parseLocalService(written) : null) ?? undefined;
    },
  });
}

function httpUrl() {
  return field({
    json: { type: "string", pattern: "^https?://" },
    expected: "an http or https URL without user name and password",
    read: (raw) => typeof raw === "string" && isHttpUrl(raw) ? raw : undefined,
  });
}

/** Where a spoke may go through the agent: `host:port`, with `*` for any host or port, `*.` before a name, ranges. */
function destinationPattern() {
  return field({
    json: { type: "string", minLength: 3 },
    expected:
      "a destination such as 127.0.0.1:5432, db.lan:5432, *.lan:443, 10.0.0.0/8:1-1023, [fd00::/8]:* or *:22",
    read: (raw) => typeof raw === "string" && parseDestinationRule(raw) !== null ? raw : undefined,
  });
}

function hubSection(context: SchemaContext) {
  return section({
    url: hubUrl().prefault("tcp://127.0.0.1:8443")
      .describe(
        "The hub: tls:// or tcp:// (falls back to WebSocket where only HTTP passes), wss:// or ws://",
      ),
    token: secret(context).nullable().prefault(null).describe("Token to log in with; null: none"),
    ca: path(context).nullable().prefault(null)
      .describe("PEM file with the authority of the hub's certificate; null: those that the system trusts"),
    cert: path(context).nullable().prefault(null).describe("PEM file with a client certificate; null: none"),
    key: path(context).nullable().prefault(null).describe(
      "PEM file with the private key of the client certificate",
    ),
    tls_min_version: minVersion().prefault("1.3").describe("Oldest TLS version that is spoken"),
    connect_timeout: duration(100, 10 * MINUTE).prefault("30s")
      .describe("How long connecting may take: proxy, TLS and handshake together"),
    pool: section({
      initial: integer(1, 64).prefault(1).describe("Connections that are always kept"),
      max: integer(1, 64).prefault(4).describe("Most connections"),
      idle_timeout: duration(SECOND, 24 * HOUR).prefault("300s")
        .describe("How long a further connection may be without streams before it is closed"),
      cleanup_interval: duration(SECOND, HOUR).prefault("60s").describe(
        "How often idle connections are looked for",
      ),
    }).prefault({}).describe("Several connections to the hub"),
  });
}

function tunnel(context: SchemaContext) {
  return section({
    name: text(
      "a name of letters, digits and - _ inside, at most 63 characters",
      /^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/,
    ).describe("Name of the tunnel; once in this file"),
    kind: oneOf("http", "tcp").describe("What goes through it"),
    local: localService().describe("The service that it leads to"),
    subdomain: text(
      "a label of a domain name in small letters, such as app",
      /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    ).nullable().prefault(null).describe("http: subdomain of public.domain to ask for; null: any"),
    hostname: text("a host name such as app.example", /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/)
      .nullable()
      .prefault(null).describe("http: whole host name to ask for instead of a subdomain; null: none"),
    host_header: text("a host such as app.local or app.local:3000", /^[A-Za-z0-9.:[\]_-]+$/).nullable()
      .prefault(null).describe("http: Host that the service is told; null: what the visitor sent"),
    ca: path(context).nullable().prefault(null)
      .describe(
        "https: PEM file with the authority of the service's certificate; null: those that the system trusts",
      ),
    insecure: bool().prefault(false).describe("https: do not check the service's certificate"),
    remote_port: integer(1, 65535).nullable().prefault(null).describe(
      "tcp: port of the hub to ask for; null: any",
    ),
    proxy_protocol: bool().prefault(false).describe("tcp: tell the service who visits by a PROXY header"),
    pool: section({
      max: integer(1, 10_000).prefault(64).describe("Most connections to the service"),
      idle_timeout: duration(SECOND, HOUR).prefault("60s").describe("How long an unused connection is kept"),
    }).prefault({}).describe("http: connections to the service"),
  });
}

function service() {
  return section({
    topic: topicPattern().describe("Requests that it answers"),
    exec: text("a command of the shell").nullable().prefault(null)
      .describe("Command that gets the payload and prints the answer"),
    url: httpUrl().nullable().prefault(null).describe(
      "URL to which the payload is posted and whose body is the answer",
    ),
    group: text("a name of letters, digits and _ . -", /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/).nullable()
      .prefault(null)
      .describe("Queue group; null: none"),
    priority: integer(-1_000_000, 1_000_000).prefault(0).describe(
      "Requests go to the highest priority first",
    ),
  });
}

/** The schema, reading paths and secrets through the context. */
export function agentSchema(context: SchemaContext) {
  return section({
    hub: hubSection(context).prefault({}).describe("The hub and how it is reached"),
    agent: section({
      id: text("a name of letters, digits and _ . -", /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/).nullable()
        .prefault(null)
        .describe("Name of this agent, unique in its account; null: the name of the machine"),
    }).prefault({}).describe("This agent"),
    tunnels: z.array(tunnel(context)).max(MAX_LIST).prefault([]).describe(
      "Tunnels to local services: { name, kind, local, subdomain, hostname, host_header, ca, insecure, remote_port, proxy_protocol, pool }",
    ),
    allow: z.array(destinationPattern()).max(MAX_LIST).prefault([])
      .describe("Destinations that others may reach through this agent: host:port; none when empty"),
    services: z.array(service()).max(MAX_LIST).prefault([])
      .describe("Requests that this agent answers: { topic, exec or url, group, priority }"),
    metrics: section({
      enabled: bool().prefault(true).describe("Serve /metrics for Prometheus, and /healthz"),
      listen: address().prefault("127.0.0.1:9091").describe("Address for both"),
    }).prefault({}).describe("Metrics and health"),
    logging: section(logLineKeys(context)).prefault({}).describe("Log lines"),
  });
}

/** A checked configuration of an agent with every key filled in. */
export type AgentConfig = z.infer<ReturnType<typeof agentSchema>>;

/** The configuration of an agent that is told nothing. */
export function defaultAgentConfig(): AgentConfig {
  return agentSchema(detachedContext).parse({});
}
