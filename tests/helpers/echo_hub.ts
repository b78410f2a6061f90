/** One address that gives every connection back what it sent, over WebSockets and text messages. */
import { createSecureContext } from "node:tls";
import { parseIpRange } from "../../src/core/ip_range.ts";
import { type Clock, systemClock } from "../../src/core/ports.ts";
import type { SecurityEvent } from "../../src/core/security_event.ts";
import type { Encoded, OutgoingMessage, TransportKind } from "../../src/core/transport.ts";
import type { AcceptedSocket } from "../../src/hub/accepted_socket.ts";
import { Admission } from "../../src/hub/admission.ts";
import type { Connection, ConnectionUser } from "../../src/hub/connection.ts";
import { ConnectionFactory } from "../../src/hub/connection_factory.ts";
import type { FramesUser } from "../../src/hub/frames_user.ts";
import { createHttpFront } from "../../src/hub/http_front.ts";
import { DoorStats } from "../../src/hub/hub_stats.ts";
import { Listener } from "../../src/hub/listener.ts";
import type { JsonUser } from "../../src/hub/json_user.ts";
import type { LoginDesk } from "../../src/hub/login.ts";
import { LoginWatch } from "../../src/hub/login_watch.ts";
import { OriginPolicy } from "../../src/hub/origin_policy.ts";
import type { UpgradeTarget } from "../../src/hub/upgrade.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { HeartbeatMonitor } from "../../src/link/heartbeat.ts";
import { LinkStats } from "../../src/link/link_stats.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";
import { StreamStats } from "../../src/link/stream_stats.ts";
import { Turns } from "../../src/link/turns.ts";
import type { FirstByteKind } from "../../src/wire/first_byte.ts";
import { encodeLengthPrefixed } from "../../src/wire/length_prefix.ts";
import { encodeWsFrame, WsOpcode } from "../../src/wire/ws_frame.ts";
import type { TestCertificates } from "./certificates.ts";
import { MemoryLogger } from "./memory_logger.ts";

const MAX_MESSAGE_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);
const LANE = { maxBytes: 1 << 20, messageOverheadBytes: 0 };

class EchoedMessage implements OutgoingMessage {
  readonly #data: Uint8Array;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  encodedFor(kind: TransportKind): Encoded {
    if (kind === "text") return encodeLengthPrefixed(NOTHING, this.#data);
    if (kind === "json") throw new TypeError("Cannot echo JSON lines: a session speaks them");
    return encodeWsFrame(WsOpcode.text, this.#data);
  }
}

/** Greets, then sends everything back. */
class Echo implements ConnectionUser {
  readonly maxMessageBytes = MAX_MESSAGE_BYTES;
  readonly opened: (connection: Connection) => void;
  /** Everybody who ever came. */
  readonly seen: Connection[] = [];

  constructor(greeting: string | null) {
    this.opened = (connection) => {
      this.seen.push(connection);
      if (greeting === null) return;
      connection.send(new EchoedMessage(new TextEncoder().encode(greeting)), "control");
    };
  }

  received(connection: Connection, data: Uint8Array): number {
    connection.send(new EchoedMessage(data), "request");
    return 1;
  }

  closing(): void {}
}

/** What may be different. */
export interface EchoHubOptions {
  readonly certificates?: TestCertificates | undefined;
  /** @default HTTP and text */
  readonly transports?: readonly FirstByteKind[];
  /** Whether text messages are taken at all. @default true */
  readonly takesText?: boolean;
  /** Makes who takes each connection of frames. @default nobody does */
  readonly framesUser?: () => FramesUser;
  /** Makes who takes each connection of JSON lines. @default nobody does */
  readonly jsonUser?: () => JsonUser;
  /** What everybody is sent first. @default nothing */
  readonly greeting?: string;
  readonly subprotocols?: UpgradeTarget["subprotocols"];
  readonly maxConnections?: number;
  readonly maxConnectionsPerIp?: number;
  /** A source that sends a PROXY header. */
  readonly proxy?: string;
  readonly firstByteTimeoutMs?: number;
  /** Decides who may come in. @default everybody may */
  readonly logins?: LoginDesk;
  /** When somebody logs in who has to. @default "request" */
  readonly login?: UpgradeTarget["login"];
  readonly queryToken?: boolean;
  /** How long a login may take, and how long a peer may take to log in. @default 10_000 */
  readonly loginTimeoutMs?: number;
  /** What time it is for the watch of logins. @default the process's clocks */
  readonly loginClock?: { readonly clock: Clock; readonly wallClock: Clock };
}

/** A bound address; WebSockets are served at `/echo`. */
export class EchoHub implements AsyncDisposable {
  readonly door = new DoorStats();
  readonly websocket = new LinkStats();
  readonly text = new LinkStats();
  readonly json = new LinkStats();
  /** What happened that somebody who looks after security wants to know. */
  readonly events: SecurityEvent[] = [];
  readonly listener: Listener;
  readonly connections: ConnectionFactory;
  readonly watch: LoginWatch<Connection> | null;
  readonly #echo: Echo;

  private constructor(options: EchoHubOptions) {
    this.#echo = new Echo(options.greeting ?? null);
    this.watch = options.logins === undefined ? null : createWatch(options);
    this.connections = this.#createConnections();
    this.listener = this.#createListener(options);
  }

  static async start(options: EchoHubOptions = {}): Promise<EchoHub> {
    const hub = new EchoHub(options);
    await hub.listener.listen();
    return hub;
  }

  get port(): number {
    return this.listener.address.port;
  }

  /** Every connection that there ever was, the oldest first. */
  get seen(): readonly Connection[] {
    return this.#echo.seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.stopAccepting();
    this.listener.destroyAll();
    await this.connections.empty();
  }

  #createConnections(): ConnectionFactory {
    const readLimits = { messages: 64, bytes: 64 * 1024, deliveries: 4096 };
    const transport = { clock: systemClock, closeTimeoutMs: 1000, turns: new Turns(), readLimits };
    return new ConnectionFactory({
      outbox: {
        ledger: new OutboxLedger(1e9, systemClock),
        flusher: new Flusher(64),
        lanes: { control: LANE, request: LANE, publish: LANE },
        socketBytes: 64 * 1024,
      },
      websocket: { ...transport, stats: this.websocket },
      text: { ...transport, stats: this.text },
      frames: {
        ...transport,
        stats: new LinkStats(),
        limits: {
          maxStreams: 1,
          windows: { initialBytes: 16 * 1024, maxBytes: 16 * 1024, connectionBytes: 64 * 1024 },
          peerInitialBytes: 16 * 1024,
        },
        streamStats: new StreamStats(),
        watch: this.watch ?? createWatch({}),
      },
      json: { ...transport, stats: this.json },
      heartbeat: new HeartbeatMonitor({ intervalMs: 30_000, timeoutMs: 60_000, clock: systemClock }),
      watch: this.watch,
      quotas: null,
    });
  }

  #createListener(options: EchoHubOptions): Listener {
    const { certificates, transports = ["http", "text"], takesText = true, framesUser, jsonUser } = options;
    const accepted = new Map<unknown, AcceptedSocket>();
    const firstByteTimeoutMs = options.firstByteTimeoutMs ?? 10_000;
    const context = certificates === undefined ? null : createSecureContext(certificates);
    const proxy = options.proxy === undefined ? null : parseIpRange(options.proxy);
    const target: UpgradeTarget = {
      subprotocols: options.subprotocols ?? "any",
      login: options.login ?? "request",
      accept: (link) => this.connections.openWebSocket(link, this.#echo),
    };
    return new Listener({
      address: { host: "127.0.0.1", port: 0 },
      tls: context === null ? null : () => ({ options: { secureContext: context }, clients: null }),
      transports,
      http: createHttpFront({
        origins: new OriginPolicy(["*"]),
        onLoopback: true,
        routes: (path) => path === "/echo" ? target : undefined,
        probe: (path) => path === "/healthz" ? { status: 200, body: { status: "ok" } } : undefined,
        accepted,
        isDraining: () => false,
        stats: this.door,
        headersTimeoutMs: firstByteTimeoutMs,
        requestTimeoutMs: 30_000,
        logins: options.logins ?? null,
        queryToken: options.queryToken ?? false,
        loginTimeoutMs: options.loginTimeoutMs ?? 10_000,
        events: { record: (event) => void this.events.push(event) },
      }),
      accepted,
      openText: takesText ? (link) => this.connections.openText(link, this.#echo) : null,
      openFrames: framesUser === undefined ? null : (link) => this.connections.openFrames(link, framesUser()),
      openJson: jsonUser === undefined ? null : (link) => this.connections.openJson(link, jsonUser()),
      admission: new Admission({
        maxConnections: options.maxConnections ?? 100,
        maxConnectionsPerIp: options.maxConnectionsPerIp ?? 100,
        proxies: proxy === null ? [] : [proxy],
      }),
      stats: this.door,
      logins: options.logins ?? null,
      events: { record: (event) => void this.events.push(event) },
      logger: new MemoryLogger(),
      firstByteTimeoutMs,
      keepAliveMs: 60_000,
    });
  }
}

function createWatch({ loginTimeoutMs = 10_000, loginClock }: EchoHubOptions): LoginWatch<Connection> {
  return new LoginWatch({
    clock: systemClock,
    wallClock: { now: () => Date.now() },
    timeoutMs: loginTimeoutMs,
    onEnded: () => {},
    ...loginClock,
  });
}
