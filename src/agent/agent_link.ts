/**
 * An agent's connection to its hub, for a program: streams both ways and messages on one connection that is made again
 * for ever. Streams belong to one connection and end with it; subscriptions and services go on with the next one.
 * After `stop` nothing is left of it.
 */
import { TrunklineError } from "../core/errors.ts";
import { type Clock, type Logger, systemClock } from "../core/ports.ts";
import { StreamCode } from "../core/stream_codes.ts";
import { Backoff } from "../limits/backoff.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { OpenRefusal, StreamRefusal } from "../link/stream_mux.ts";
import type { OpenStream, TunnelResponse } from "../wire/frame_payloads.ts";
import { dial, type DialledLink } from "./dial.ts";
import { type DialTarget, firstPath } from "./dial_target.ts";
import { Link, type LinkState } from "./link.ts";
import { LinkPaths } from "./link_paths.ts";
import { type AgentIdentity, LoginMemory } from "./login.ts";
import { MessageClient, type ServiceDescription } from "./message_client.ts";
import type { Messages } from "./messages.ts";
import { ProblemLog } from "./problem_log.ts";
import { Session, type SessionUser } from "./session.ts";
import { DEFAULT_BOUNDS, type SessionBounds } from "./session_limits.ts";
import { createSessionParts, type SessionParts } from "./session_parts.ts";
import { TunnelClient, type TunnelStatus } from "./tunnel_client.ts";

/** Says who uses a stream that the hub opens, or why nobody does. Must not wait. */
export type StreamAcceptor = (stream: Stream, open: OpenStream) => StreamConsumer | StreamRefusal;

/** Why there is no stream: what the connection says, or that there is none. */
export type StreamFailure = OpenRefusal | "offline";

/** How to connect. */
export interface AgentLinkOptions {
  readonly target: DialTarget;
  readonly identity: AgentIdentity;
  readonly logger: Logger;
  /** @default the process's clock */
  readonly clock?: Clock;
  /** How long a login may take, in milliseconds. @default 10_000 */
  readonly authTimeoutMs?: number;
  /** @default see {@link DEFAULT_BOUNDS} */
  readonly bounds?: Partial<SessionBounds>;
  /** @default what stands in `Backoff` */
  readonly backoff?: Backoff;
  /** Registers as a service at each connection. @default it does not */
  readonly registerAs?: ServiceDescription;
  /** Told at each change of a tunnel. */
  readonly onTunnel?: (status: TunnelStatus) => void;
  /** Told at each change of the state. May call `stop`. */
  readonly onState?: (state: LinkState<Session>) => void;
}

const AUTH_TIMEOUT_MS = 10_000;
const NOBODY: StreamRefusal = { code: StreamCode.notAllowed, reason: "This agent takes no streams" };

/** One connection that is made again for ever. */
export class AgentLink implements SessionUser {
  /** Messages over whichever connection is up. */
  readonly messages: Messages;
  /** The tunnels that it keeps registered; none until it is told. */
  readonly tunnels: TunnelClient;
  readonly #login: LoginMemory;
  readonly #parts: SessionParts;
  readonly #bounds: SessionBounds;
  readonly #client: MessageClient;
  readonly #link: Link<DialledLink, Session>;
  /** What has not ended yet: attempts to dial, to log in, and connections. */
  readonly #open = new Set<Promise<unknown>>();
  #session: Session | null = null;
  #acceptor: StreamAcceptor = () => NOBODY;
  #connections = 0;

  constructor(options: AgentLinkOptions) {
    const { target, identity, logger, clock = systemClock, bounds = {}, registerAs } = options;
    this.#login = new LoginMemory(identity);
    this.#parts = createSessionParts({ ip: target.url.host, port: target.url.port }, clock);
    this.#bounds = { ...DEFAULT_BOUNDS, ...bounds };
    const problems = new ProblemLog(logger, { clock, text: "A message was not handled as it should" });
    this.#client = new MessageClient({
      onProblem: (error) => problems.tell(error),
      onIdle: () => this.#session?.settle(),
      ...(registerAs === undefined ? {} : { registerAs }),
    });
    this.messages = this.#client;
    this.tunnels = new TunnelClient({ onChange: (status) => options.onTunnel?.(status) });
    this.#link = new Link<DialledLink, Session>({
      ports: {
        dial: (path, signal) => this.#keep(dial(target, { path, signal })),
        discard: ({ link }) => link.socket.destroy(),
        openSession: (dialled, signal) => this.#keep(this.#openSession(dialled, signal)),
        stateChanged: (state) => options.onState?.(state),
      },
      paths: new LinkPaths(firstPath(target.url)),
      backoff: options.backoff ?? new Backoff({ random: Math.random }),
      clock,
      logger,
      authTimeoutMs: options.authTimeoutMs ?? AUTH_TIMEOUT_MS,
    });
  }

  /** Where the connection stands. */
  get state(): LinkState<Session> {
    return this.#link.state;
  }

  /** Whether there is a connection, as a gauge has it. */
  get connectionStatus(): 0 | 1 {
    return this.#session === null ? 0 : 1;
  }

  /** How many connections there were. */
  get connections(): number {
    return this.#connections;
  }

  /** Begins to connect; of no effect later. */
  start(): void {
    this.#link.start();
  }

  /** Opens a stream on the connection that is up; it can be written to at once. */
  openStream(open: OpenStream, consumer: StreamConsumer): Stream | StreamFailure {
    return this.#session?.openStream(open, consumer) ?? "offline";
  }

  /** Says who takes the streams that the hub opens from now on. @default nobody does */
  onStream(acceptor: StreamAcceptor): void {
    this.#acceptor = acceptor;
  }

  /** Ends everything for good; resolves when nothing is left. Of no effect later. */
  async stop(): Promise<void> {
    this.#client.stop();
    this.#link.stop();
    while (this.#open.size > 0) await Promise.allSettled([...this.#open]);
  }

  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    return this.#acceptor(stream, open);
  }

  received(message: Uint8Array): void {
    this.#client.received(message);
  }

  tunnelAnswered(response: TunnelResponse): void {
    this.tunnels.answered(response);
  }

  drained(): void {
    this.#client.drained();
  }

  isBusy(): boolean {
    return this.#client.isBusy;
  }

  sessionBegins(session: Session): void {
    this.#connections++;
    this.#session = session;
    this.#client.connected(session);
    this.tunnels.connected(session);
  }

  sessionEnds(session: Session): void {
    if (this.#session !== session) return;
    this.#session = null;
    this.#client.disconnected();
    this.tunnels.disconnected();
  }

  async #openSession(dialled: DialledLink, signal: AbortSignal): Promise<Session> {
    const session = await Session.open({
      dialled,
      login: this.#login,
      user: this,
      parts: this.#parts,
      bounds: this.#bounds,
    }, signal);
    void this.#keep(session.closed);
    return session;
  }

  #keep<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(() => {}, () => {}).finally(() => this.#open.delete(settled));
    this.#open.add(settled);
    return promise;
  }
}

/** Begins to connect to a hub; goes on until `stop`. */
export function connectAgent(options: AgentLinkOptions): AgentLink {
  const link = new AgentLink(options);
  link.start();
  return link;
}

/** The stream, or an error that tells why there is none. */
export function expectStream(opened: Stream | StreamFailure): Stream {
  if (typeof opened !== "string") return opened;
  const why = opened === "offline"
    ? "there is no connection to the hub now"
    : opened === "going_away"
    ? "the hub goes away and takes no new ones"
    : opened === "too_many"
    ? "there are as many as the hub takes at a time"
    : opened === "no_ids"
    ? "this connection had as many as there can be"
    : "the connection ends";
  const code = opened === "too_many" ? "request_failed" : "connection_lost";
  throw new TrunklineError(code, `Cannot open a stream: ${why}`, {
    details: { reason: opened },
  });
}
