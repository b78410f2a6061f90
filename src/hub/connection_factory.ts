/**
 * Makes connections out of accepted sockets: outbox, transport and heartbeat joined the same way for every
 * transport, and one set of all connections, which draining and metrics need.
 */
import type { Clock } from "../core/ports.ts";
import { ANONYMOUS } from "../core/principal.ts";
import type { Flusher } from "../link/flusher.ts";
import type { HeartbeatMonitor } from "../link/heartbeat.ts";
import type { LinkStats } from "../link/link_stats.ts";
import type { Lane, SlowConsumerPolicy } from "../link/lane.ts";
import { Outbox } from "../link/outbox.ts";
import type { OutboxLedger } from "../link/outbox_ledger.ts";
import type { ReadLimits } from "../link/read_budget.ts";
import { SocketSink } from "../link/socket_sink.ts";
import type { Turns } from "../link/turns.ts";
import { WebSocketTransport } from "../link/websocket_transport.ts";
import { Connection } from "./connection.ts";
import { Hub } from "./hub.ts";
import type { AcceptedWebSocket } from "./upgrade.ts";

/** Bounds and shared parts of all connections of one hub. */
export interface ConnectionFactoryOptions {
  readonly clock: Clock;
  readonly flusher: Flusher;
  readonly ledger: OutboxLedger;
  readonly heartbeat: HeartbeatMonitor;
  readonly stats: LinkStats;
  readonly laneBytes: Readonly<Record<Lane, number>>;
  readonly socketBytes: number;
  readonly turns: Turns;
  readonly readLimits: ReadLimits;
  /** How long a peer may take to answer a close before it is cut. */
  readonly closeTimeoutMs: number;
}

/** Who uses a connection. */
export interface ConnectionUser {
  readonly maxMessageBytes: number;
  opened(connection: Connection): void;
  /** A message came; gives the number of deliveries that it caused. */
  message(connection: Connection, data: Uint8Array, isBinary: boolean): number;
  /** It takes and gives nothing more. */
  closing(connection: Connection): void;
}

/** Makes the connections of one hub and knows them all. */
export class ConnectionFactory {
  /** Every connection whose socket is there. */
  readonly connections = new Hub<Connection>();
  readonly #options: ConnectionFactoryOptions;
  #whenEmpty: (() => void) | null = null;

  constructor(options: ConnectionFactoryOptions) {
    this.#options = options;
  }

  /** Takes over a WebSocket after its handshake. */
  openWebSocket(accepted: AcceptedWebSocket, user: ConnectionUser): void {
    const { clock, stats, closeTimeoutMs, heartbeat, turns, readLimits } = this.#options;
    const outbox = this.#createOutbox(accepted, () => connection.overflow());
    const transport = new WebSocketTransport({
      link: accepted.link,
      peer: accepted.peer,
      outbox,
      stats,
      clock,
      closeTimeoutMs,
      turns,
      readLimits,
      maxMessageBytes: user.maxMessageBytes,
    });
    const connection = new Connection({ id: crypto.randomUUID(), transport, outbox, stats, clock }, {
      closing: () => {
        heartbeat.unwatch(transport);
        user.closing(connection);
      },
      closed: () => this.#closed(connection),
    });
    stats.accepted++;
    stats.connections++;
    this.connections.register(connection);
    heartbeat.watch(transport);
    connection.transportReady();
    connection.authenticated(ANONYMOUS);
    user.opened(connection);
    transport.start(accepted.head, {
      message: (data, isBinary) => user.message(connection, data, isBinary),
      closing: (code, reason) => connection.transportClosing(code, reason),
      closed: () => connection.transportClosed(),
    });
  }

  /** Resolves when no connection is left. */
  async empty(): Promise<void> {
    if (this.connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    await promise;
  }

  #createOutbox(accepted: AcceptedWebSocket, onOverflow: () => void): Outbox {
    const { flusher, ledger, laneBytes, socketBytes, stats } = this.#options;
    const sink = new SocketSink(accepted.link.socket);
    const onDropped = (policy: SlowConsumerPolicy, messages: number) => {
      if (policy !== "close") stats.dropped[policy] += messages;
    };
    return new Outbox({ sink, flusher, ledger, laneBytes, socketBytes, onOverflow, onDropped });
  }

  #closed(connection: Connection): void {
    const { stats } = this.#options;
    if (!this.connections.unregister(connection)) return;
    stats.connections--;
    if (connection.state.name === "closed") {
      const { code } = connection.state;
      stats.closed.set(code, (stats.closed.get(code) ?? 0) + 1);
    }
    if (this.connections.size === 0) this.#whenEmpty?.();
  }
}
