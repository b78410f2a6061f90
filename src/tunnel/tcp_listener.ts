/**
 * One port of a TCP tunnel: each visitor's connection becomes a stream to the agent, with a half-close both ways and a
 * reset that stays one. A visitor that cannot be taken is reset at once; nothing waits. One through whose connection
 * nothing flows is reset when its time is over.
 */
import { createServer, type Server, type Socket } from "node:net";
import { messageOf } from "../core/errors.ts";
import { PlainSocket } from "../link/gated_socket.ts";
import { SocketPump } from "../link/socket_pump.ts";
import { ignoreSocketError } from "../link/socket_transport.ts";
import type { Flusher } from "../link/flusher.ts";
import type { VisitorAdmission } from "./visitor_admission.ts";
import type { AgentLink } from "./frame_services.ts";
import type { Flowing, IdleWatch } from "./idle_watch.ts";
import type { TunnelStats } from "./tunnel.ts";

/** What one port needs. */
export interface TcpListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly tunnelId: number;
  readonly stats: TunnelStats;
  readonly admission: VisitorAdmission;
  readonly flusher: Flusher;
  readonly keepAliveMs: number;
  readonly idle: IdleWatch;
  /** A visitor is ended because nothing flowed. */
  readonly onIdle: () => void;
  /** The connection of the agent that takes the next stream; `undefined` while there is none. */
  readonly pick: () => AgentLink | undefined;
  /** The listener failed after it was bound. */
  readonly onError: (reason: string) => void;
}

/** Why a port cannot be listened on. */
export type ListenRefusal = "in_use" | "not_allowed";

/** A bound port. */
export class TcpListener {
  readonly #options: TcpListenerOptions;
  readonly #server: Server;
  readonly #visitors = new Set<Socket>();

  private constructor(options: TcpListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
      (socket) => this.#accept(socket),
    );
  }

  /** Binds the port. */
  static async listen(options: TcpListenerOptions): Promise<TcpListener | ListenRefusal> {
    const listener = new TcpListener(options);
    const server = listener.#server;
    const { promise, resolve } = Promise.withResolvers<ListenRefusal | null>();
    const fail = (error: Error & { code?: string }) =>
      resolve(error.code === "EADDRINUSE" ? "in_use" : "not_allowed");
    server.once("error", fail);
    server.listen({ host: options.host, port: options.port }, () => resolve(null));
    const refusal = await promise;
    server.off("error", fail);
    if (refusal !== null) {
      server.on("error", () => {});
      server.close();
      return refusal;
    }
    server.on("error", (error) => options.onError(messageOf(error)));
    return listener;
  }

  /** Takes nobody any more; those who are there stay. Resolves once the port is free. */
  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    // The callback waits for the visitors too; the port is free once the handle is closed, which is at once.
    this.#server.close(() => {});
    setImmediate(resolve);
    return promise;
  }

  /** Ends all who are there. */
  destroyVisitors(): void {
    for (const socket of this.#visitors) socket.resetAndDestroy();
  }

  #accept(socket: Socket): void {
    const { stats, pick, tunnelId, flusher, keepAliveMs } = this.#options;
    socket.on("error", ignoreSocketError);
    const ip = socket.remoteAddress ?? "";
    if (!this.#enter(ip)) return this.#refuse(socket);
    const link = pick();
    if (link === undefined) {
      this.#leave(ip);
      return this.#refuse(socket);
    }
    socket.setKeepAlive(true, keepAliveMs);
    this.#visitors.add(socket);
    stats.active++;
    stats.total++;
    socket.once("close", () => {
      this.#visitors.delete(socket);
      stats.active--;
      this.#leave(ip);
    });
    const pump = new SocketPump(new PlainSocket(socket), flusher, {
      meter: stats,
      failure: () => VISITOR_GONE,
      onClosed: (reset) => {
        if (reset?.notStarted === true) stats.refused++;
      },
    });
    const stream = link.open(
      { tunnelId, src: endpoint(socket, "remote"), dst: endpoint(socket, "local") },
      pump,
    );
    if (typeof stream === "string") return this.#refuse(socket);
    this.#watch(socket, pump);
    pump.start(stream);
  }

  #enter(ip: string): boolean {
    const { admission } = this.#options;
    if (!admission.enter()) return false;
    if (admission.enterIp(ip)) return true;
    admission.leave();
    return false;
  }

  #leave(ip: string): void {
    this.#options.admission.leaveIp(ip);
    this.#options.admission.leave();
  }

  #watch(socket: Socket, pump: SocketPump): void {
    const { idle, onIdle } = this.#options;
    const visitor: Flowing = {
      get progress() {
        return pump.progress;
      },
      idle() {
        onIdle();
        socket.resetAndDestroy();
      },
    };
    idle.watch(visitor);
    socket.once("close", () => idle.unwatch(visitor));
  }

  #refuse(socket: Socket): void {
    this.#options.stats.refused++;
    socket.resetAndDestroy();
  }
}

const VISITOR_GONE = { code: 0, reason: "The visitor's connection broke", notStarted: false } as const;

function endpoint(socket: Socket, side: "remote" | "local"): { ip: string; port: number } {
  const [ip, port] = side === "remote"
    ? [socket.remoteAddress, socket.remotePort]
    : [socket.localAddress, socket.localPort];
  // A socket that is gone already does not tell.
  return { ip: ip === undefined || ip === "" ? "0.0.0.0" : ip, port: port ?? 0 };
}
