/**
 * The address at which visitors of HTTP tunnels come in: accepts, counts, hands each connection over once it is ready to
 * be read, and notices those that take too long. Nothing of a visitor is believed before the one who prepares its
 * connection says who it is.
 */
import { createServer, type Server, type Socket } from "node:net";
import { messageOf, TrunklineError } from "../core/errors.ts";
import { ignoreSocketError } from "../link/socket_transport.ts";
import type { VisitorAdmission } from "./visitor_admission.ts";
import { VisitorConnection } from "./visitor_connection.ts";
import type { VisitorPorts, VisitorSettings, VisitorSocket } from "./visitor_ports.ts";

/** What the address needs. */
export interface PublicListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly keepAliveMs: number;
  readonly settings: VisitorSettings;
  readonly ports: Omit<VisitorPorts, "closed" | "isDraining">;
  readonly admission: VisitorAdmission;
  /**
   * Reads PROXY header and TLS of an accepted socket; `null`: it was no visitor, and is gone. Asks `enter` as soon as it
   * knows the address, and goes on only if that says yes.
   */
  readonly prepare: (raw: Socket, enter: (ip: string) => boolean) => Promise<VisitorSocket | null>;
  /** A connection could not be taken. */
  readonly onFault: (reason: string) => void;
  /** The listener failed after it was bound. */
  readonly onError: (reason: string) => void;
}

/** How often connections are looked at that take too long. */
const MAX_CHECK_MS = 500;
const CHECKS_PER_TIMEOUT = 4;
/** A check that comes so many times later than it should means that the process stood still. */
const LATE_CHECKS = 2;

/** The address. */
export class PublicListener {
  readonly #options: PublicListenerOptions;
  readonly #server: Server;
  readonly #connections = new Set<VisitorConnection>();
  /** Accepted, and not ready to be read yet. */
  readonly #preparing = new Set<Socket>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #checkEveryMs: number;
  #checkedMs: number;
  #isDraining = false;
  #whenEmpty: (() => void) | null = null;

  private constructor(options: PublicListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
      (socket) => this.#accept(socket),
    );
    const { headerTimeoutMs, idleTimeoutMs, responseTimeoutMs, sendTimeoutMs } = options.settings;
    const shortest = Math.min(headerTimeoutMs, idleTimeoutMs, responseTimeoutMs, sendTimeoutMs);
    this.#checkEveryMs = Math.min(MAX_CHECK_MS, shortest / CHECKS_PER_TIMEOUT);
    this.#checkedMs = options.ports.clock.now();
    this.#timer = setInterval(() => this.#check(), this.#checkEveryMs);
  }

  /** Binds the address. Throws `address_in_use` or `listen_failed`. */
  static async listen(options: PublicListenerOptions): Promise<PublicListener> {
    const listener = new PublicListener(options);
    const server = listener.#server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port }, resolve);
    try {
      await promise;
    } catch (error) {
      clearInterval(listener.#timer);
      throw listenError(error, options);
    } finally {
      server.off("error", reject);
    }
    server.on("error", (error) => options.onError(messageOf(error)));
    return listener;
  }

  /** The port that it has. */
  get port(): number {
    const address = this.#server.address();
    return address === null || typeof address === "string" ? this.#options.port : address.port;
  }

  /** How many visitors' connections there are. */
  get size(): number {
    return this.#connections.size + this.#preparing.size;
  }

  /** Takes nobody any more; requests that are under way go on, and are the last ones of their connections. */
  stopAccepting(): void {
    this.#isDraining = true;
    this.#server.close();
    for (const socket of this.#preparing) socket.destroy();
    for (const connection of this.#connections) connection.drain();
  }

  /** Resolves once nobody is left. */
  async empty(): Promise<void> {
    if (this.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    await promise;
  }

  /** Ends everybody who is left. */
  destroyAll(): void {
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(raw: Socket): void {
    const { admission, keepAliveMs, onFault } = this.#options;
    raw.on("error", ignoreSocketError);
    if (this.#isDraining || !admission.enter()) return void raw.resetAndDestroy();
    raw.once("close", () => {
      admission.leave();
      this.#preparing.delete(raw);
      this.#tellEmpty();
    });
    raw.setKeepAlive(true, keepAliveMs);
    this.#preparing.add(raw);
    this.#take(raw).catch((error) => {
      onFault(messageOf(error));
      raw.destroy();
    });
  }

  async #take(raw: Socket): Promise<void> {
    const socket = await this.#options.prepare(raw, (ip) => this.#enterIp(raw, ip));
    this.#preparing.delete(raw);
    if (socket === null || raw.destroyed) return void raw.destroy();
    this.#serve(socket);
  }

  /** Counts a connection for its address, now that it is known; one too many is reset. */
  #enterIp(raw: Socket, ip: string): boolean {
    const { admission } = this.#options;
    if (raw.destroyed) return false;
    if (!admission.enterIp(ip)) {
      raw.resetAndDestroy();
      return false;
    }
    raw.once("close", () => admission.leaveIp(ip));
    return true;
  }

  #serve(socket: VisitorSocket): void {
    const { settings, ports } = this.#options;
    const connection: VisitorConnection = new VisitorConnection(socket, {
      settings,
      ports: {
        ...ports,
        isDraining: () => this.#isDraining,
        closed: () => {
          this.#connections.delete(connection);
          this.#tellEmpty();
        },
      },
    });
    this.#connections.add(connection);
    connection.start();
    if (this.#isDraining) connection.drain();
  }

  #tellEmpty(): void {
    if (this.size === 0) this.#whenEmpty?.();
  }

  #check(): void {
    const nowMs = this.#options.ports.clock.now();
    const isLate = nowMs - this.#checkedMs > LATE_CHECKS * this.#checkEveryMs;
    this.#checkedMs = nowMs;
    // What came in time may wait unread: it is read before anybody is judged.
    if (isLate) return;
    for (const connection of this.#connections) connection.check(nowMs);
  }
}

function listenError(error: unknown, { host, port }: PublicListenerOptions): TrunklineError {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const what = `Cannot listen on ${address} for visitors`;
  const details = { host, port, setting: "public.listen" };
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
    const next =
      "end the program that has it, or set public.listen to another port (public.enabled=false: none)";
    return new TrunklineError("address_in_use", `${what}: the port is already in use; ${next}`, { details });
  }
  return new TrunklineError("listen_failed", `${what}: ${messageOf(error)}; check public.listen`, {
    details,
  });
}
