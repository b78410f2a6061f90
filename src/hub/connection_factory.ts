/**
 * Makes connections out of accepted sockets: outbox, transport and heartbeat joined the same way for every
 * transport, and one set of all connections, which draining and metrics need.
 */
import type { TransportKind } from "../core/transport.ts";
import type { QuotaManager } from "../limits/quota_manager.ts";
import { FramesTransport } from "../link/frames_transport.ts";
import type { HeartbeatMonitor } from "../link/heartbeat.ts";
import { JsonLinesTransport } from "../link/json_lines_transport.ts";
import { Outbox, type OutboxSettings } from "../link/outbox.ts";
import { SocketSink } from "../link/socket_sink.ts";
import type { TransportOptions, TransportSettings } from "../link/socket_transport.ts";
import type { MuxLimits } from "../link/mux_limits.ts";
import type { StreamStats } from "../link/stream_stats.ts";
import { TextTransport } from "../link/text_transport.ts";
import type { Transport } from "../link/transport.ts";
import { WebSocketStream } from "../link/websocket_stream.ts";
import { WebSocketTransport } from "../link/websocket_transport.ts";
import { holdsWholeFrames } from "../wire/frame_header.ts";
import type { AcceptedLink } from "./accepted_link.ts";
import { Connection, type ConnectionUser } from "./connection.ts";
import { FramesPort, type FramesUser } from "./frames_user.ts";
import type { JsonUser } from "./json_user.ts";
import { freeLogin, type Login } from "./login.ts";
import type { LoginWatch } from "./login_watch.ts";

/** What connections of frames have more than others. */
export interface FramesSettings extends TransportSettings {
  readonly limits: MuxLimits;
  readonly streamStats: StreamStats;
  /** They say who they are with a frame, also on a hub without logins: so somebody waits for it. */
  readonly watch: LoginWatch<Connection>;
}

/** What all connections of one hub share. Each kind of transport has `stats` of its own. */
export interface ConnectionFactoryOptions {
  readonly outbox: OutboxSettings;
  readonly websocket: TransportSettings;
  readonly text: TransportSettings;
  readonly frames: FramesSettings;
  readonly json: TransportSettings;
  readonly heartbeat: HeartbeatMonitor;
  /** Watches those who have to log in; `null`: nobody has to. */
  readonly watch: LoginWatch<Connection> | null;
  /** Decides how much each may use; `null`: everybody as much as there is. */
  readonly quotas: QuotaManager | null;
}

/** What makes a connection one of its kind. */
interface Opening {
  readonly kind: TransportKind;
  readonly accepted: AcceptedLink;
  readonly user: ConnectionUser;
  readonly watch: LoginWatch<Connection> | null;
  /** `null`: somebody has to log in. */
  readonly login: Login | null;
}

type MakeTransport = (connection: Connection, parts: Omit<TransportOptions, "owner">) => Transport;

const TRANSPORTS = { websocket: WebSocketTransport, text: TextTransport } as const;
/** What a WebSocket message of frames may hold beside the longest text message. */
const MESSAGE_ROOM_BYTES = 1024 * 1024;
/** What one may hold before a login: the longest AuthRequest, its header, a few heartbeats. */
const GUEST_MESSAGE_BYTES = 17 * 1024;
const NOTHING = new Uint8Array(0);

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
    this.#openPlain("websocket", accepted, user);
  }

  /** Takes over a socket of length-prefixed text messages. */
  openText(accepted: AcceptedLink, user: ConnectionUser): void {
    this.#openPlain("text", accepted, user);
  }

  /** Takes over a socket of JSON lines. Its user may let it go on as one of frames. */
  openJson(accepted: AcceptedLink, user: JsonUser): void {
    const { watch } = this.#options;
    this.#open(
      { kind: "json", accepted, user, watch, login: watch === null ? freeLogin(accepted) : accepted.login },
      (connection, parts) => {
        const transport = new JsonLinesTransport({ ...parts, owner: connection });
        user.attached({
          hold: () => transport.hold(),
          release: () => transport.release(),
          becomeFrames: (last, framesUser) =>
            transport.handOver(last, (head) => {
              this.openFrames({ ...accepted, head, connectionId: connection.id }, framesUser);
            }),
        });
        return transport;
      },
    );
  }

  /** Takes over a socket of frames. Its user says when somebody is logged in. */
  openFrames(accepted: AcceptedLink, user: FramesUser): void {
    const { limits, streamStats, watch } = this.#options.frames;
    this.#open({ kind: "frames", accepted, user, watch, login: null }, (connection, parts) => {
      const owner = new FramesPort(connection, user);
      const transport = new FramesTransport({ ...parts, owner, role: "hub", limits, streamStats });
      user.attached(transport.mux);
      return transport;
    });
  }

  /** Takes over a WebSocket of frames after its handshake. */
  openFramesInWebSocket(accepted: AcceptedLink, user: FramesUser): void {
    const { turns, readLimits } = this.#options.frames;
    const link = new WebSocketStream({
      link: accepted.link,
      head: accepted.head,
      maxMessageBytes: user.maxMessageBytes + MESSAGE_ROOM_BYTES,
      server: {
        turns,
        readLimits,
        isMessage: holdsWholeFrames,
        guests: { maxMessageBytes: GUEST_MESSAGE_BYTES, isGuest: () => isGuest(user) },
      },
    });
    this.openFrames({ ...accepted, link, head: NOTHING }, user);
  }

  /** Bytes that connections of a kind hold of messages that have not come to their end. Looks at each. */
  unfinishedBytesOf(kind: TransportKind): number {
    let bytes = 0;
    for (const connection of this.connections.values()) {
      if (connection.kind === kind) bytes += connection.transport.unfinishedBytes;
    }
    return bytes;
  }

  /** Resolves when no connection is left. */
  async empty(): Promise<void> {
    if (this.connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    await promise;
  }

  #openPlain(kind: keyof typeof TRANSPORTS, accepted: AcceptedLink, user: ConnectionUser): void {
    const { watch } = this.#options;
    const login = watch === null ? freeLogin(accepted) : accepted.login;
    this.#open(
      { kind, accepted, user, watch, login },
      (owner, parts) => new TRANSPORTS[kind]({ ...parts, owner }),
    );
  }

  #open({ kind, accepted, user, watch, login }: Opening, connect: MakeTransport): void {
    const { link, peer, head, admittedBy, connectionId: id = crypto.randomUUID() } = accepted;
    const { outbox: outboxSettings, heartbeat, quotas, [kind]: settings } = this.#options;
    const { stats, clock } = settings;
    const parts = { id, user, stats, clock, admittedBy, watch, quotas, onClosed: this.#closed };
    const connection = new Connection(parts, (owner) => {
      const sink = new SocketSink(link.socket);
      const outbox = new Outbox({ kind, sink, owner, settings: outboxSettings });
      return connect(owner, { link, peer, outbox, settings, maxMessageBytes: user.maxMessageBytes });
    });
    stats.accepted++;
    stats.connections++;
    this.connections.set(id, connection);
    connection.transportReady(login);
    heartbeat.watch(connection.transport);
    connection.transport.start(head);
  }

  readonly #closed = (connection: Connection): void => {
    // One that goes on with frames has left its place to the next one already.
    if (this.connections.get(connection.id) === connection) this.connections.delete(connection.id);
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

function isGuest(user: FramesUser): boolean {
  return (user.loginFault?.() ?? null) !== null;
}
