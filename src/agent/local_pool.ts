/**
 * Connections to one local HTTP service that are kept open between requests: as many as it may have, each for one
 * exchange at a time. One that was not used for a while is closed, and so is one that says something unasked or ends.
 */
import type { Socket } from "node:net";
import { established, openSocket, secureSocket, type SocketPlace } from "../link/client_socket.ts";
import type { ClientTls } from "../link/client_tls.ts";
import { type GatedSocket, PlainSocket } from "../link/gated_socket.ts";
import type { Flusher } from "../link/flusher.ts";
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

/** A connection that is lent. */
export interface LentConnection {
  readonly link: GatedSocket;
  readonly writer: SocketWriter;
  /** Whether it served an exchange before, and may just have been closed by the service. */
  readonly isUsed: boolean;
}

/** Why there is no connection. */
export type PoolFailure = { readonly kind: "late" } | { readonly kind: "refused"; readonly detail: string };

interface Idle {
  readonly lent: LentConnection;
  readonly timer: ReturnType<typeof setTimeout>;
  /** Listens for whatever means that it cannot be used any more. */
  readonly end: () => void;
}

/** The connections of one service. */
export class LocalPool {
  readonly #options: LocalPoolOptions;
  readonly #idle: Idle[] = [];
  readonly #waiting: (() => void)[] = [];
  #count = 0;
  #isClosed = false;

  constructor(options: LocalPoolOptions) {
    this.#options = options;
  }

  /** How many connections there are, those in use included. */
  get size(): number {
    return this.#count;
  }

  /** A connection: one that is idle, else a new one, once there may be one more. Does not reject. */
  async lend({ fresh = false }: { readonly fresh?: boolean } = {}): Promise<LentConnection | PoolFailure> {
    const idle = fresh ? undefined : this.#takeIdle();
    if (idle !== undefined) return { ...idle, isUsed: true };
    if (this.#count >= this.#options.maxConnections) {
      const turn = await this.#turn();
      if (turn !== null) return turn;
      return await this.lend({ fresh });
    }
    this.#count++;
    const outcome = await this.#connect();
    if ("kind" in outcome) {
      this.#gone();
      return outcome;
    }
    return { link: outcome, writer: new SocketWriter(outcome.socket, this.#options.flusher), isUsed: false };
  }

  /** Gives a connection back. `isGood`: it may serve the next exchange. */
  giveBack(lent: LentConnection, isGood: boolean): void {
    const { link } = lent;
    const { socket } = link;
    if (!isGood || this.#isClosed || socket.destroyed || socket.readableEnded) {
      socket.destroy();
      return this.#gone();
    }
    const end = () => this.#drop(lent);
    const timer = setTimeout(end, this.#options.idleTimeoutMs);
    socket.once("data", end).once("end", end).once("close", end);
    this.#idle.push({ lent, timer, end });
    link.resume();
    this.#waiting.shift()?.();
  }

  /** Lends nothing more; what is idle is closed. */
  close(): void {
    this.#isClosed = true;
    for (const { lent } of [...this.#idle]) this.#drop(lent);
  }

  /** The newest: what was not needed for long is closed. */
  #takeIdle(): LentConnection | undefined {
    const idle = this.#idle.pop();
    if (idle === undefined) return undefined;
    const { lent, timer, end } = idle;
    const { link } = lent;
    clearTimeout(timer);
    link.pause();
    link.socket.off("data", end).off("end", end).off("close", end);
    return lent;
  }

  #drop(lent: LentConnection): void {
    const at = this.#idle.findIndex((one) => one.lent === lent);
    const [idle] = at < 0 ? [] : this.#idle.splice(at, 1);
    if (idle === undefined) return;
    clearTimeout(idle.timer);
    lent.link.socket.destroy();
    this.#gone();
  }

  #gone(): void {
    this.#count--;
    this.#waiting.shift()?.();
  }

  /** Waits until a connection is free; `late` when that takes as long as connecting may. */
  async #turn(): Promise<PoolFailure | null> {
    const { promise, resolve } = Promise.withResolvers<PoolFailure | null>();
    const wake = () => resolve(null);
    this.#waiting.push(wake);
    const timer = setTimeout(() => resolve({ kind: "late" }), this.#options.connectTimeoutMs);
    const outcome = await promise;
    clearTimeout(timer);
    const at = this.#waiting.indexOf(wake);
    if (at >= 0) this.#waiting.splice(at, 1);
    return outcome;
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
      const link = tls === null ? new PlainSocket(raw) : await secure(raw, host, tls);
      link.pause();
      return link;
    } catch (error) {
      raw.destroy();
      if (isLate) return { kind: "late" };
      const detail = error instanceof Error
        ? "code" in error ? String(error.code) : error.message
        : String(error);
      return { kind: "refused", detail };
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
