/**
 * One peer of the hub: who it is, how it speaks and what it still has to get. It knows nothing of rooms,
 * topics or tunnels. Its state changes in one place, and whoever listens hears of its end exactly once.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Clock } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { OutgoingMessage, Transport } from "../core/transport.ts";
import type { LinkStats } from "../link/link_stats.ts";
import type { Channel, Lane } from "../link/lane.ts";
import type { Outbox, PushResult } from "../link/outbox.ts";
import { type ConnectionEvent, type ConnectionState, nextState } from "./connection_state.ts";

/** What a connection is made of. */
export interface ConnectionOptions {
  /** Unique in this process. */
  readonly id: string;
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly stats: LinkStats;
  readonly clock: Clock;
}

/** Hears of the two ends of a connection, each at most once. */
export interface ConnectionListener {
  /** It takes nothing more: leave rooms, unsubscribe. */
  closing(connection: Connection): void;
  /** The socket is gone. */
  closed(connection: Connection): void;
}

/** One connected peer. */
export class Connection {
  readonly id: string;
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly #stats: LinkStats;
  readonly #clock: Clock;
  readonly #listener: ConnectionListener;
  #state: ConnectionState;

  constructor({ id, transport, outbox, stats, clock }: ConnectionOptions, listener: ConnectionListener) {
    this.id = id;
    this.transport = transport;
    this.outbox = outbox;
    this.#stats = stats;
    this.#clock = clock;
    this.#listener = listener;
    this.#state = { name: "opening", sinceMs: clock.now() };
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Who stands behind it; `null` unless it is open. */
  get principal(): Principal | null {
    return this.#state.name === "open" ? this.#state.principal : null;
  }

  /** The transport is ready and needs a login next. */
  transportReady(): boolean {
    return this.#move({ type: "transport_ready" });
  }

  /** The login succeeded (or none is asked for): it is in use from now on. */
  authenticated(principal: Principal): boolean {
    return this.#move({ type: "authenticated", principal });
  }

  /** Queues a message. What a connection that is not open is sent is refused as `closed`. */
  send(message: OutgoingMessage, lane: Exclude<Lane, "publish">): PushResult {
    if (this.#state.name !== "open") return "closed";
    const encoded = message.encodedFor(this.transport.kind);
    return this.#count(this.outbox.push(lane, encoded), encoded.bytes);
  }

  /** Queues a publish; a connection that is too slow for it gets what the channel's policy says. */
  publish(message: OutgoingMessage, channel: Channel): PushResult {
    if (this.#state.name !== "open") return "closed";
    const encoded = message.encodedFor(this.transport.kind);
    return this.#count(this.outbox.publish(encoded, channel), encoded.bytes);
  }

  /** Says goodbye; see {@link CloseCode}. Of no effect on a connection that ends already. */
  close(code: number, reason: string): void {
    this.transport.close(code, reason);
  }

  /** The outbox is over its bound: a slow consumer is closed, one that is closing already is cut. */
  overflow(): void {
    if (this.#state.name === "draining") this.transport.destroy();
    else this.close(CloseCode.slowConsumer, "Too slow to take what it is sent");
  }

  /** The transport says that a goodbye began, from either side. */
  transportClosing(code: number, reason: string): void {
    if (this.#move({ type: "closing", code, reason })) this.#listener.closing(this);
  }

  /** The transport says that the socket is gone. */
  transportClosed(): void {
    this.transportClosing(CloseCode.abnormal, "");
    if (this.#move({ type: "closed", code: CloseCode.abnormal, reason: "" })) this.#listener.closed(this);
  }

  #count(result: PushResult, bytes: number): PushResult {
    if (result === "queued") {
      this.#stats.messagesSent++;
      this.#stats.bytesSent += bytes;
    } else if (result === "full") {
      this.#stats.dropped.slow_consumer++;
    }
    return result;
  }

  #move(event: ConnectionEvent): boolean {
    const next = nextState(this.#state, event, this.#clock.now());
    if (next === null) return false;
    this.#state = next;
    return true;
  }
}
