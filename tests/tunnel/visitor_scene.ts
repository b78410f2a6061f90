/** One connection of a visitor over a real socket, with a clock, an agent and a service that are the test's own. */
import { once } from "node:events";
import { type Socket } from "node:net";
import { Flusher } from "../../src/link/flusher.ts";
import { PlainSocket } from "../../src/link/gated_socket.ts";
import type { Stream, StreamConsumer } from "../../src/link/stream.ts";
import type { ExchangeRecord } from "../../src/tunnel/exchange_record.ts";
import { emptyStats, type Tunnel } from "../../src/tunnel/tunnel.ts";
import type { VisitorEnd } from "../../src/tunnel/visitor_ends.ts";
import { VisitorConnection } from "../../src/tunnel/visitor_connection.ts";
import { until } from "../helpers/event_loop.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { FakeLink } from "./fake_links.ts";

/** How long it may take nothing of what it has to get. */
export const STALL_MS = 60_000;
/** How long everything may take. */
export const LIMIT_MS = 1000;

const PIECE = new Uint8Array(64 * 1024).fill(0x61);

/** A stream as the agent has it: what the hub wrote to it, and the agent's own words to the hub. */
export class AgentStream {
  text = "";
  /** Whether the agent takes more. */
  isOpen = true;
  resetReason: string | null = null;
  readonly hub: StreamConsumer;

  constructor(hub: StreamConsumer) {
    this.hub = hub;
  }

  write(bytes: Uint8Array): boolean {
    this.text += new TextDecoder("latin1").decode(bytes);
    return this.isOpen;
  }

  end(): void {}

  consumed(): void {}

  reset(_code: number, reason: string): void {
    this.resetReason = reason;
  }

  /** The agent sends something. */
  say(text: string | Uint8Array): void {
    this.hub.data(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  /** The agent sends so many bytes, some in each turn. */
  async sayMuch(bytes: number): Promise<void> {
    for (let sent = 0; sent < bytes; sent += PIECE.length) {
      this.say(PIECE.subarray(0, bytes - sent));
      await new Promise((passed) => setImmediate(passed));
    }
  }
}

/** The connection. */
export class VisitorScene implements AsyncDisposable {
  readonly streams: AgentStream[] = [];
  readonly records: ExchangeRecord[] = [];
  readonly visitor: Visitor;
  /** The hub's end. */
  readonly socket: Socket;
  readonly connection: VisitorConnection;
  /** Why the hub ended it. */
  readonly ended: VisitorEnd[] = [];
  isDraining = false;
  /** What the visitor got. */
  gotBytes = 0;
  #nowMs = 0;
  readonly #service: TcpService;

  private constructor(service: TcpService, { visitor, socket }: { visitor: Visitor; socket: Socket }) {
    this.#service = service;
    this.visitor = visitor;
    visitor.socket.on("data", ({ length }: Uint8Array) => this.gotBytes += length);
    this.socket = socket;
    const ends = { peer: { ip: "192.0.2.1", port: 1 }, local: { ip: "192.0.2.2", port: 80 } };
    this.connection = new VisitorConnection({ link: new PlainSocket(socket), ...ends }, {
      settings: {
        protocol: "http",
        headerTimeoutMs: LIMIT_MS,
        idleTimeoutMs: LIMIT_MS,
        responseTimeoutMs: LIMIT_MS,
        sendTimeoutMs: STALL_MS,
        bodyBytesPerSecond: 0,
        exchangeIdleMs: 0,
        maxBodyBytes: 0,
        isTrusted: () => false,
      },
      ports: {
        clock: { now: () => this.#nowMs },
        wallClock: { now: () => 0 },
        flusher: new Flusher(64 * 1024),
        route: () => ({ kind: "tunnel", tunnel: TUNNEL, link: this.#link() }),
        isDraining: () => this.isDraining,
        record: (record) => this.records.push(record),
        endedSlow: (reason) => this.ended.push(reason),
        closed: () => {},
      },
    });
    this.connection.start();
  }

  static async start(): Promise<VisitorScene> {
    const accepted = Promise.withResolvers<Socket>();
    const service = await TcpService.start(accepted.resolve);
    const visitor = await Visitor.at(service.port);
    return new VisitorScene(service, { visitor, socket: await accepted.promise });
  }

  /** The visitor sends something, and the hub opens its stream for it: the one with this number. */
  async asks(text: string, number = 1): Promise<AgentStream> {
    this.visitor.socket.write(text);
    await until(() => this.streams.length >= number);
    return this.streams[number - 1] as AgentStream;
  }

  /** Time goes on, and the hub looks whether something took too long, now and then. */
  pass(ms: number): void {
    for (let step = 0; step < STEPS; step++) {
      this.#nowMs += ms / STEPS;
      this.connection.check(this.#nowMs);
    }
  }

  /** Until something of an answer waits that the socket does not take. */
  async isBehind(): Promise<void> {
    await until(() => this.socket.writableLength > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    if (!this.socket.closed) await once(this.socket, "close");
    await this.visitor[Symbol.asyncDispose]();
    await this.#service[Symbol.asyncDispose]();
  }

  #link() {
    const link = new FakeLink();
    const open = (_open: unknown, consumer: StreamConsumer) => {
      const stream = new AgentStream(consumer);
      this.streams.push(stream);
      return stream as unknown as Stream;
    };
    return Object.assign(link, { open });
  }
}

const STEPS = 10;

const TUNNEL: Tunnel = {
  id: 1,
  kind: "http",
  name: "web",
  agent: { tenant: "default", account: "acme", agentId: "edge" },
  session: "s1",
  url: "http://app.localhost",
  host: "app.localhost",
  port: null,
  localAddr: null,
  createdAtMs: 0,
  request: { requestId: "1", kind: "http" },
  stats: emptyStats(),
};
