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
  /** Reads PROXY header and TLS of an accepted socket; `null`: it was no visitor, and is gone. Does not reject. */
  readonly prepare: (raw: Socket) => Promise<VisitorSocket | null>;
  /** Tells a visitor that there is no memory for more, and ends its connection. */
  readonly turnAway: (raw: Socket) => void;
  /** The listener failed after it was bound. */
  readonly onError: (reason: string) => void;
}

/** How often connections are looked at that take too long. */
const MAX_CHECK_MS = 500;
const CHECKS_PER_TIMEOUT = 4;

/** The address. */
export class PublicListener {
  readonly #options: PublicListenerOptions;
  readonly #server: Server;
  readonly #connections = new Set<VisitorConnection>();
  /** Accepted, and not ready to be read yet. */
  readonly #preparing = new Set<Socket>();
  readonly #timer: ReturnType<typeof setInterval>;
  #isDraining = false;
  #whenEmpty: (() => void) | null = null;

  private constructor(options: PublicListenerOptions) {
    this.#options = options;
    this.#server = createServer(
      { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
      (socket) => void this.#accept(socket),
    );
    const { headerTimeoutMs, idleTimeoutMs, responseTimeoutMs } = options.settings;
    const shortest = Math.min(headerTimeoutMs, idleTimeoutMs, responseTimeoutMs);
    this.#timer = setInterval(() => this.#check(), Math.min(MAX_CHECK_MS, shortest / CHECKS_PER_TIMEOUT));
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

  async #accept(raw: Socket): Promise<void> {
    const { admission, prepare, keepAliveMs } = this.#options;
    raw.on("error", ignoreSocketError);
    const ip = raw.remoteAddress ?? "";
    if (this.#isDraining) return void raw.resetAndDestroy();
    if (admission.isOverloaded) return this.#options.turnAway(raw);
    if (!admission.enter(ip)) return void raw.resetAndDestroy();
    raw.once("close", () => {
      admission.leave(ip);
      this.#preparing.delete(raw);
      this.#tellEmpty();
    });
    raw.setKeepAlive(true, keepAliveMs);
    this.#preparing.add(raw);
    const socket = await prepare(raw);
    this.#preparing.delete(raw);
    if (socket === null || raw.destroyed) return void raw.destroy();
    this.#serve(socket);
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
