/**
 * A local port whose connections leave from another agent: each becomes a stream that names where it wants to go, with
 * a half-close both ways and a reset that stays one. A connection that cannot be taken is reset at once.
 */
import { createServer, type Server, type Socket } from "node:net";
import { messageOf, TrunklineError } from "../core/errors.ts";
import { StreamCode } from "../core/stream_codes.ts";
import type { Flusher } from "../link/flusher.ts";
import { PlainSocket } from "../link/gated_socket.ts";
import { type ByteMeter, SocketPump } from "../link/socket_pump.ts";
import { ignoreSocketError } from "../link/socket_transport.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { OpenStream, TargetOpen } from "../wire/frame_payloads.ts";
import { type StreamFailure, whyNoStream } from "./agent_link.ts";

/** Where connections go. */
export type StreamTarget = TargetOpen["target"];

/** What a local port needs. */
export interface LocalListenerOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly target: StreamTarget;
  readonly flusher: Flusher;
  readonly openStream: (open: OpenStream, consumer: StreamConsumer) => Stream | StreamFailure;
  /** A connection could not be led to its target, or broke. */
  readonly onFailure: (reason: string) => void;
}

/** What went through a local port. */
export interface ListenerStats extends ByteMeter {
  /** Connections that there are, there were, and those of them that failed. */
  active: number;
  total: number;
  failed: number;
}

const CLIENT_GONE = {
  code: StreamCode.cancelled,
  reason: "The client's connection broke",
  notStarted: false,
};
const KEEP_ALIVE_MS = 30_000;

/** A bound port. */
export class LocalListener {
  readonly stats: ListenerStats = { active: 0, total: 0, failed: 0, bytesRead: 0, bytesWritten: 0 };
  readonly #options: LocalListenerOptions;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  private constructor(options: LocalListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
      (socket) => this.#accept(socket),
    );
  }

  /** Binds the port. Throws `address_in_use` or `listen_failed`. */
  static async listen(options: LocalListenerOptions): Promise<LocalListener> {
    const listener = new LocalListener(options);
    const server = listener.#server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port }, resolve);
    try {
      await promise;
    } catch (error) {
      throw listenError(error, options);
    } finally {
      server.off("error", reject);
    }
    server.on("error", (error) => options.onFailure(messageOf(error)));
    return listener;
  }

  /** The port that it has. */
  get port(): number {
    const address = this.#server.address();
    return address === null || typeof address === "string" ? this.#options.port : address.port;
  }

  /** Takes nobody any more; those who are there may go on for so long. Resolves when nothing is left. */
  async close(graceMs = 0): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    const timer = setTimeout(() => this.#clients.forEach((socket) => socket.resetAndDestroy()), graceMs);
    await promise;
    clearTimeout(timer);
  }

  #accept(socket: Socket): void {
    const { target, flusher, openStream } = this.#options;
    socket.on("error", ignoreSocketError);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#clients.add(socket);
    this.stats.active++;
    this.stats.total++;
    socket.once("close", () => {
      this.#clients.delete(socket);
      this.stats.active--;
    });
    const pump = new SocketPump(new PlainSocket(socket), flusher, {
      meter: this.stats,
      failure: () => CLIENT_GONE,
      onClosed: (reset) => {
        if (reset !== null && reset.origin !== "local") this.#failed(reset.reason);
      },
    });
    const src = { ip: socket.remoteAddress ?? "127.0.0.1", port: socket.remotePort ?? 0 };
    const stream = openStream({ target, src }, pump);
    if (typeof stream !== "string") return pump.start(stream);
    socket.resetAndDestroy();
    this.#failed(whyNoStream(stream));
  }

  #failed(reason: string): void {
    this.stats.failed++;
    this.#options.onFailure(reason);
  }
}

function listenError(error: unknown, { host, port }: LocalListenerOptions): TrunklineError {
  const isInUse = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return isInUse
    ? new TrunklineError("address_in_use", `Cannot listen on ${address}: another program has it`)
    : new TrunklineError("listen_failed", `Cannot listen on ${address}: ${messageOf(error)}`);
}
