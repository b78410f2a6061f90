/**
 * Makes connections out of accepted sockets: outbox, transport and heartbeat joined the same way for every
 * transport, and one set of all connections, which draining and metrics need.
 */
import { ANONYMOUS } from "../core/principal.ts";
import type { HeartbeatMonitor } from "../link/heartbeat.ts";
import { Outbox, type OutboxSettings } from "../link/outbox.ts";
import { SocketSink } from "../link/socket_sink.ts";
import { type WebSocketSettings, WebSocketTransport } from "../link/websocket_transport.ts";
import { Connection, type ConnectionUser } from "./connection.ts";
import type { AcceptedWebSocket } from "./upgrade.ts";

/** What all connections of one hub share. */
export interface ConnectionFactoryOptions {
  readonly outbox: OutboxSettings;
  readonly websocket: WebSocketSettings;
  readonly heartbeat: HeartbeatMonitor;
}

/** Makes the connections of one hub and knows them all. */
export class ConnectionFactory {
  /** Every connection whose socket is there. */
  readonly connections = new Map<string, Connection>();
  readonly #options: ConnectionFactoryOptions;
  #whenEmpty: (() => void) | null = null;

  constructor(options: ConnectionFactoryOptions) {
    this.#options = options;
  }

  /** Takes over a WebSocket after its handshake. */
  openWebSocket({ link, peer, head }: AcceptedWebSocket, user: ConnectionUser): void {
    const { outbox: settings, websocket, heartbeat } = this.#options;
    const { stats, clock } = websocket;
    const id = crypto.randomUUID();
    const connection = new Connection({ id, user, stats, clock, onClosed: this.#closed }, (owner) => {
      const outbox = new Outbox({ kind: "websocket", sink: new SocketSink(link.socket), owner, settings });
      const { maxMessageBytes } = user;
      return new WebSocketTransport({ link, peer, outbox, owner, settings: websocket, maxMessageBytes });
    });
    stats.accepted++;
    stats.connections++;
    this.connections.set(id, connection);
    connection.transportReady();
    connection.authenticated(ANONYMOUS);
    heartbeat.watch(connection.transport);
    connection.transport.start(head);
  }

  /** Resolves when no connection is left. */
  async empty(): Promise<void> {
    if (this.connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    await promise;
  }

  readonly #closed = (connection: Connection): void => {
    const { stats } = this.#options.websocket;
    if (!this.connections.delete(connection.id)) return;
    this.#options.heartbeat.unwatch(connection.transport);
    stats.connections--;
    if (connection.state.name === "closed") {
      const { code } = connection.state;
      stats.closed.set(code, (stats.closed.get(code) ?? 0) + 1);
    }
    if (this.connections.size === 0) this.#whenEmpty?.();
  };
}
