/**
 * Connections to one local HTTP service that are kept open between requests: as many as it may have, each for one
 * exchange at a time. One that was not used for a while is closed, and so is one that says something unasked or ends.
 * Whoever has a connection is set on it, so that lending one costs no listener.
 */
import type { Socket } from "node:net";
import { established, openSocket, secureSocket, type SocketPlace } from "../link/client_socket.ts";
import type { ClientTls } from "../link/client_tls.ts";
import type { Flusher } from "../link/flusher.ts";
import { type GatedSocket, PlainSocket } from "../link/gated_socket.ts";
import { SocketWriter } from "../link/socket_writer.ts";
import { ignoreSocketError } from "../link/socket_transport.ts";

/** How to reach the service. */
export interface LocalPoolOptions extends SocketPlace {
  /** `null` for plain text. */
  readonly tls: ClientTls | null;
  /** The most connections, those in use included. */
  readonly maxConnections: number;
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly flusher: Flusher;
}

/** Who has a connection. */
export interface LocalUser {
  /** Bytes of the service. */
  heard(chunk: Uint8Array): void;
  /** The service sends nothing more. */
  ended(): void;
  /** The connection is gone. */
  gone(): void;
}

/** Why there is no connection. */
export type PoolFailure = { readonly kind: "late" } | { readonly kind: "refused"; readonly detail: string };

/** What one who waited gets: a connection that was idle, or leave to make one, for which it is counted already. */
type Turn = LocalConnection | "make" | "late";

/** Who waits for a connection. */
interface Waiter {
  readonly fresh: boolean;
  readonly take: (turn: Turn) => void;
}

/** So often the idle are looked at in the time that they may be idle. */
const SWEEPS = 2;

/** One connection. */
export class LocalConnection {
  readonly link: GatedSocket;
  readonly writer: SocketWriter;
  /** Whether it served an exchange before, and may just have been closed by the service. */
  isUsed = false;
  /** `null` while it is idle. */
  user: LocalUser | null = null;
  /** How often the idle had been looked at when it became one of them. */
  idleSince = 0;
  hasEnded = false;

  constructor(link: GatedSocket, flusher: Flusher) {
    this.link = link;
    this.writer = new SocketWriter(link.socket, flusher);
  }
}

/** The connections of one service. */
export class LocalPool {
  readonly #options: LocalPoolOptions;
  /** The newest last. */
  #idle: LocalConnection[] = [];
  /** The one who waits longest first. */
  readonly #waiting: Waiter[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #count = 0;
  #sweeps = 0;
  #isClosed = false;

  constructor(options: LocalPoolOptions) {
    this.#options = options;
  }

  /** How many connections there are, those in use included. */
  get size(): number {
    return this.#count;
  }

  /** A connection that is idle, at once; the newest, so that what is not needed is closed. */
  lendIdle(): LocalConnection | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined) idle.isUsed = true;
    return idle;
  }

  /** A connection: one that is idle, unless it has to be fresh, else a new one once there may be one more. */
  async lend({ fresh = false }: { readonly fresh?: boolean } = {}): Promise<LocalConnection | PoolFailure> {
    const idle = fresh ? undefined : this.lendIdle();
    if (idle !== undefined) return idle;
    const turn = this.#count < this.#options.maxConnections ? this.#leave() : await this.#turn(fresh);
    if (turn === "late") return { kind: "late" };
    if (turn !== "make") return turn;
    const link = await this.#connect();
    if ("kind" in link) {
      this.#freed();
      return link;
    }
    return this.#watch(new LocalConnection(link, this.#options.flusher));
  }

  /** Gives a connection back. `isGood`: it may serve the next exchange. */
  giveBack(connection: LocalConnection, isGood: boolean): void {
    const { socket } = connection.link;
    connection.user = null;
    if (!isGood || this.#isClosed || socket.destroyed || connection.hasEnded) return void socket.destroy();
    connection.idleSince = this.#sweeps;
    this.#idle.push(connection);
    connection.link.resume();
    this.#timer ??= setInterval(() => this.#sweep(), this.#options.idleTimeoutMs / SWEEPS);
    this.#serve();
  }

  /** Keeps nothing more: what is idle is closed, and what is in use when it comes back. Who is under way still gets one. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const { link } of this.#idle) link.socket.destroy();
    this.#idle = [];
  }

  #watch(connection: LocalConnection): LocalConnection {
    const { socket } = connection.link;
    socket.on("data", (chunk: Uint8Array) => {
      if (connection.user !== null) connection.user.heard(chunk);
      else this.#drop(connection);
    });
    socket.on("end", () => {
      connection.hasEnded = true;
      if (connection.user !== null) connection.user.ended();
      else this.#drop(connection);
    });
    socket.once("close", () => {
      const { user } = connection;
      if (user === null) this.#drop(connection);
      this.#freed();
      user?.gone();
    });
    return connection;
  }

  /** Takes out one that nobody may use any more. */
  #drop(connection: LocalConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    connection.link.socket.destroy();
  }

  /** There may be one more. */
  #freed(): void {
    this.#count--;
    this.#serve();
  }

  /** Counts one that is made now. */
  #leave(): "make" {
    this.#count++;
    return "make";
  }

  /** Gives what is free to those who wait, each time to the first who can use it. */
  #serve(): void {
    while (this.#waiting.length > 0) {
      const at = this.#idle.length === 0 ? -1 : this.#waiting.findIndex(({ fresh }) => !fresh);
      if (at >= 0) {
        const idle = this.lendIdle();
        if (idle !== undefined) this.#waiting.splice(at, 1)[0]?.take(idle);
      } else if (this.#count < this.#options.maxConnections) {
        this.#waiting.shift()?.take(this.#leave());
      } else {
        // Those who wait need a fresh one: what is idle makes room, and they are served when it is gone.
        const [oldest] = this.#idle;
        if (oldest !== undefined) this.#drop(oldest);
        return;
      }
    }
  }

  #sweep(): void {
    this.#sweeps++;
    // The first one may have come right behind it.
    for (const connection of this.#idle.filter(({ idleSince }) => this.#sweeps - idleSince > SWEEPS)) {
      this.#drop(connection);
    }
    if (this.#idle.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Waits until it is its turn; `late` when that takes as long as connecting may. */
  async #turn(fresh: boolean): Promise<Turn> {
    const { promise, resolve } = Promise.withResolvers<Turn>();
    const waiter: Waiter = { fresh, take: resolve };
    this.#waiting.push(waiter);
    const timer = setTimeout(() => {
      const at = this.#waiting.indexOf(waiter);
      if (at >= 0) this.#waiting.splice(at, 1);
      resolve("late");
    }, this.#options.connectTimeoutMs);
    this.#serve();
    const turn = await promise;
    clearTimeout(timer);
    return turn;
  }

  async #connect(): Promise<GatedSocket | PoolFailure> {
    const { host, port, tls, connectTimeoutMs } = this.#options;
    const raw = openSocket({ host, port }, { allowHalfOpen: true });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      raw.destroy();
    }, connectTimeoutMs);
    try {
      await established(raw, "connect");
      return tls === null ? new PlainSocket(raw) : await secure(raw, host, tls);
    } catch (error) {
      raw.destroy();
      if (isLate) return { kind: "late" };
      return { kind: "refused", detail: detailOf(error) };
    } finally {
      clearTimeout(timer);
    }
  }
}

async function secure(raw: Socket, host: string, tls: ClientTls): Promise<GatedSocket> {
  const gate = secureSocket(raw, { host, tls, alpn: "http/1.1" });
  await established(gate.socket, "secureConnect");
  gate.socket.on("error", ignoreSocketError);
  return gate;
}

function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? String(error.code) : error.message;
}
