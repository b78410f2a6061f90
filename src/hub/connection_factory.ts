/**
 * Makes connections out of accepted sockets: outbox, transport and heartbeat joined the same way for every
 * transport, and one set of all connections, which draining and metrics need.
 */
import { isLoopback } from "../core/ip_range.ts";
import type { HeartbeatMonitor } from "../link/heartbeat.ts";
import { JsonLinesTransport } from "../link/json_lines_transport.ts";
import { Outbox, type OutboxSettings } from "../link/outbox.ts";
import { SocketSink } from "../link/socket_sink.ts";
import type { TransportSettings } from "../link/socket_transport.ts";
import { TextTransport } from "../link/text_transport.ts";
import { WebSocketTransport } from "../link/websocket_transport.ts";
import type { AcceptedLink } from "./accepted_link.ts";
import { ANONYMOUS_LOGIN, LOCAL_LOGIN, type Login } from "./login.ts";
import { Connection, type ConnectionUser } from "./connection.ts";
import type { LoginWatch } from "./login_watch.ts";

/** What all connections of one hub share. Each kind of transport has `stats` of its own. */
export interface ConnectionFactoryOptions {
  readonly outbox: OutboxSettings;
  readonly websocket: TransportSettings;
  readonly text: TransportSettings;
  readonly frames: TransportSettings;
  readonly json: TransportSettings;
  readonly heartbeat: HeartbeatMonitor;
  /** Watches those who have to log in; `null`: nobody has to. */
  readonly watch: LoginWatch<Connection> | null;
}

const TRANSPORTS = { websocket: WebSocketTransport, text: TextTransport, json: JsonLinesTransport } as const;

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
  openWebSocket(accepted: AcceptedLink, user: ConnectionUser): void {
    this.#open("websocket", accepted, user);
  }

  /** Takes over a socket of length-prefixed text messages. */
  openText(accepted: AcceptedLink, user: ConnectionUser): void {
    this.#open("text", accepted, user);
  }

  /** Takes over a socket of JSON lines. */
  openJson(accepted: AcceptedLink, user: ConnectionUser): void {
    this.#open("json", accepted, user);
  }

  /** Resolves when no connection is left. */
  async empty(): Promise<void> {
    if (this.connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    await promise;
  }

  #open(
    kind: keyof typeof TRANSPORTS,
    { link, peer, head, login }: AcceptedLink,
    user: ConnectionUser,
  ): void {
    const { outbox: settings, heartbeat, watch, [kind]: transport } = this.#options;
    const { stats, clock } = transport;
    const id = crypto.randomUUID();
    const connection = new Connection({ id, user, stats, clock, watch, onClosed: this.#closed }, (owner) => {
      const outbox = new Outbox({ kind, sink: new SocketSink(link.socket), owner, settings });
      const { maxMessageBytes } = user;
      return new TRANSPORTS[kind]({ link, peer, outbox, owner, settings: transport, maxMessageBytes });
    });
    stats.accepted++;
    stats.connections++;
    this.connections.set(id, connection);
    connection.transportReady(watch === null ? anonymousLogin(peer.ip) : login);
    heartbeat.watch(connection.transport);
    connection.transport.start(head);
  }

  readonly #closed = (connection: Connection): void => {
    if (!this.connections.delete(connection.id)) return;
    this.#options.heartbeat.unwatch(connection.transport);
    const { stats } = this.#options[connection.kind];
    stats.connections--;
    if (connection.state.name === "closed") {
      const { code } = connection.state;
      stats.closed.set(code, (stats.closed.get(code) ?? 0) + 1);
    }
    if (this.connections.size === 0) this.#whenEmpty?.();
  };
}

/** Who comes to a hub without logins. */
function anonymousLogin(ip: string): Login {
  return isLoopback(ip) ? LOCAL_LOGIN : ANONYMOUS_LOGIN;
}
