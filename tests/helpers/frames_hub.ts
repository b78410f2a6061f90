/**
 * Stands in for a hub where a test needs one that misbehaves: it speaks frames on TCP and WebSocket at one port, lets
 * agents in and sends back their streams. It is no hub: no messages, no rights, no limits.
 */
import type { Socket } from "node:net";
import { CloseCode } from "../../src/core/close_codes.ts";
import { systemClock } from "../../src/core/ports.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { type GatedStream, PlainSocket } from "../../src/link/gated_socket.ts";
import { HeartbeatMonitor } from "../../src/link/heartbeat.ts";
import type { Stream, StreamConsumer } from "../../src/link/stream.ts";
import type { StreamRefusal } from "../../src/link/stream_mux.ts";
import type { AuthRequest, AuthResponse, OpenStream } from "../../src/wire/frame_payloads.ts";
import { echoOf } from "./echo_stream.ts";
import { HubEnd, hubParts } from "./hub_end.ts";
import { ServerWebSocket } from "./server_websocket.ts";
import { fieldOf, readHead, serveWhileThere, SocketServer, upgradeAnswer } from "./socket_server.ts";

/** What a hub is to do. */
export interface FramesHubOptions {
  /** Answers frames on a bare stream as an HTTP server would. */
  readonly onlyHttp?: boolean;
  /** Answers a login; `null` for nothing. @default lets everybody in */
  readonly onLogin?: (request: AuthRequest, end: HubEnd) => AuthResponse | null;
  /** What it says of itself at a login. */
  readonly limits?: Readonly<Record<string, number>>;
  /** When it asks its agents for a sign of life, and gives them up. */
  readonly heartbeat?: { readonly intervalMs: number; readonly timeoutMs: number };
}

const FRAMES = 0x01;
const CLOSE_TIMEOUT_MS = 200;
/** As a hub has them that is not told otherwise. */
const LIMITS = { maxStreams: 4096, initialWindow: 256 * 1024, maxPayload: 64 * 1024 };

/** A hub until the end of its scope. */
export class FramesHub implements AsyncDisposable {
  /** Every login that was tried. */
  readonly logins: AuthRequest[] = [];
  /** Connections that are logged in. */
  readonly ends = new Set<HubEnd>();
  readonly #options: FramesHubOptions;
  readonly #parts = hubParts(CLOSE_TIMEOUT_MS);
  readonly #heartbeat: HeartbeatMonitor;
  #server: SocketServer | null = null;
  #waiting: { count: number; resolve: () => void } | null = null;

  private constructor(options: FramesHubOptions) {
    this.#options = options;
    const { heartbeat = { intervalMs: 30_000, timeoutMs: 60_000 } } = options;
    this.#heartbeat = new HeartbeatMonitor({ ...heartbeat, clock: systemClock });
    this.#heartbeat.start();
  }

  static async open(options: FramesHubOptions = {}): Promise<FramesHub> {
    const hub = new FramesHub(options);
    hub.#server = await SocketServer.open((socket) => hub.#serve(socket));
    return hub;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** The one connection that is logged in. */
  get end(): HubEnd {
    const [end] = this.ends;
    if (end === undefined) throw new Error("nobody is logged in");
    return end;
  }

  /** Until so many logins were tried. */
  async tried(count: number): Promise<void> {
    if (this.logins.length >= count) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { count, resolve };
    await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#heartbeat.stop();
    for (const end of this.ends) end.destroy();
    await this.#server?.[Symbol.asyncDispose]();
  }

  #serve(socket: Socket): void {
    socket.once("data", (chunk: Uint8Array) => {
      socket.pause();
      if (chunk[0] === FRAMES) {
        if (this.#options.onlyHttp === true) return void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
        return this.#begin(new PlainSocket(socket), chunk);
      }
      socket.unshift(chunk);
      void serveWhileThere((peer) => this.#upgrade(peer), socket);
    });
  }

  async #upgrade(socket: Socket): Promise<void> {
    const head = await readHead(socket);
    if (fieldOf(head, "Sec-WebSocket-Key") === null) {
      return void socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    }
    socket.write(upgradeAnswer(head));
    this.#begin(new ServerWebSocket(socket), new Uint8Array(0));
  }

  #begin(link: GatedStream, head: Uint8Array): void {
    const end = new HubEnd(link, this.#parts, {
      login: (request) => this.#login(request, end),
      accept: (stream, open) => this.#accept(stream, open),
      closed: () => this.#left(end),
    });
    end.start(head);
  }

  #login(request: AuthRequest, end: HubEnd): void {
    this.logins.push(request);
    if (this.#waiting !== null && this.logins.length >= this.#waiting.count) this.#waiting.resolve();
    const { onLogin = (asked: AuthRequest) => this.admit(asked) } = this.#options;
    const response = onLogin(request, end);
    if (response === null) return;
    if (response.ok) this.#takeOver(request);
    end.answer(response);
    if (!response.ok) {
      // A goodbye that is somebody's fault drops what waits before it.
      end.transport.outbox.flush();
      return end.close(CloseCode.unauthorized, response.message);
    }
    end.request = request;
    this.ends.add(end);
    this.#heartbeat.watch(end.transport);
  }

  /** The answer that lets an agent in. */
  admit({ agentId }: AuthRequest): AuthResponse {
    const number = this.logins.length;
    return {
      ok: true,
      connectionId: `c${number}`,
      agentId,
      accountId: "a",
      tenant: "default",
      resume: `resume-${number}`,
      limits: { ...LIMITS, ...this.#options.limits },
    };
  }

  /** Another process with the same name takes the place of the one before. */
  #takeOver({ agentId, session }: AuthRequest): void {
    for (const end of this.ends) {
      const { request } = end;
      if (request?.agentId !== agentId || request.session === session) continue;
      end.close(CloseCode.replaced, "Another process took over");
    }
  }

  /** A stream for the agent `echo` is sent back. */
  #accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    return "target" in open && open.target.agent === "echo"
      ? echoOf(stream)
      : { code: StreamCode.unknownTunnel, reason: "Only echo is here" };
  }

  #left(end: HubEnd): void {
    this.ends.delete(end);
    this.#heartbeat.unwatch(end.transport);
  }
}
