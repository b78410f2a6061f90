/**
 * An agent's connection to its hub, for a program: streams both ways and messages, on one connection or a pool of them,
 * each made again for ever. Streams belong to one connection and end with it; messages go over one at a time, and
 * subscriptions and services go on with the next one. After `stop` nothing is left of it.
 */
import { TrunklineError } from "../core/errors.ts";
import { type Clock, type Logger, systemClock } from "../core/ports.ts";
import { StreamCode } from "../core/stream_codes.ts";
import { Backoff } from "../limits/backoff.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { StreamRefusal } from "../link/stream_mux.ts";
import type { OpenStream, TunnelResponse } from "../wire/frame_payloads.ts";
import type { DialTarget } from "./dial_target.ts";
import type { LinkState } from "./link.ts";
import { LinkPool, ONE_LINK, type PoolOptions, type PoolRefusal, type PoolStats } from "./link_pool.ts";
import { type AgentIdentity, LoginMemory } from "./login.ts";
import { MessageClient, type ServiceDescription } from "./message_client.ts";
import type { Messages } from "./messages.ts";
import type { LinkStatus, PoolLinkSettings, PoolUser } from "./pool_link.ts";
import { ProblemLog } from "./problem_log.ts";
import type { Session } from "./session.ts";
import { DEFAULT_BOUNDS, type SessionBounds } from "./session_limits.ts";
import { type AgentTurns, createAgentTurns, createSessionParts } from "./session_parts.ts";
import { TunnelClient, type TunnelStatus, type WantedTunnel } from "./tunnel_client.ts";

/** Says who uses a stream that the hub opens, or why nobody does. Must not wait. */
export type StreamAcceptor = (stream: Stream, open: OpenStream) => StreamConsumer | StreamRefusal;

/** Why there is no stream: what the connection says, or that there is none. */
export type StreamFailure = PoolRefusal;

/** How to connect. */
export interface AgentLinkOptions {
  readonly target: DialTarget;
  readonly identity: AgentIdentity;
  readonly logger: Logger;
  /** @default the process's clock */
  readonly clock?: Clock;
  /** What it shares with others in the agent. @default its own */
  readonly turns?: AgentTurns;
  /** How long a login may take, in milliseconds. @default 10_000 */
  readonly authTimeoutMs?: number;
  /** @default see {@link DEFAULT_BOUNDS} */
  readonly bounds?: Partial<SessionBounds>;
  /** What the delays of each connection are like. @default what stands in `Backoff` */
  readonly backoff?: Backoff;
  /** How many connections to keep. @default one */
  readonly pool?: PoolOptions;
  /** Registers as a service, again with each connection that messages go over. @default it does not */
  readonly registerAs?: ServiceDescription;
  /** Told at each change of a tunnel. */
  readonly onTunnel?: (status: TunnelStatus) => void;
  /** Told of each tunnel that is given back, with the address that it had. */
  readonly onGivenBack?: (wanted: WantedTunnel, url: string) => void;
  /** Told at each change of the state. May call `stop`. */
  readonly onState?: (state: LinkState<Session>) => void;
}

const AUTH_TIMEOUT_MS = 10_000;
const NOBODY: StreamRefusal = { code: StreamCode.notAllowed, reason: "This agent takes no streams" };

/** The connections of one agent, as one. */
export class AgentLink implements PoolUser {
  /** Messages over whichever connection is up. */
  readonly messages: Messages;
  /** The tunnels that it keeps registered; none until it is told. */
  readonly tunnels: TunnelClient;
  readonly #client: MessageClient;
  readonly #pool: LinkPool;
  readonly #login: LoginMemory;
  readonly #onState: (state: LinkState<Session>) => void;
  #acceptor: StreamAcceptor = () => NOBODY;
  /** The state that was told last. */
  #told: LinkState<Session> | null = null;

  constructor(options: AgentLinkOptions) {
    const { logger, clock = systemClock, pool = ONE_LINK, registerAs, onState = () => {} } = options;
    const problems = new ProblemLog(logger, { clock, text: "A message was not handled as it should" });
    this.#onState = onState;
    this.#client = new MessageClient({
      onProblem: (error) => problems.tell(error),
      onIdle: () => this.#pool.primary?.settle(),
      ...(registerAs === undefined ? {} : { registerAs }),
    });
    this.messages = this.#client;
    this.tunnels = new TunnelClient({
      onChange: (status) => options.onTunnel?.(status),
      onGivenBack: (wanted, url) => options.onGivenBack?.(wanted, url),
    });
    const settings = readSettings(options, this);
    this.#login = settings.login;
    this.#pool = new LinkPool({
      pool,
      settings,
      owner: {
        primaryChanged: (session) => this.#carriedBy(session),
        stateChanged: () => this.#tellState(),
      },
    });
  }

  /** Where the connection stands that carries the messages; without one, the first that is up, or the first. */
  get state(): LinkState<Session> {
    return this.#pool.state;
  }

  /** Whether there is a connection, as a gauge has it. */
  get connectionStatus(): 0 | 1 {
    return this.#pool.isUp ? 1 : 0;
  }

  /** How many connections there were. */
  get connections(): number {
    return this.#pool.stats.connections;
  }

  /** All connections, those that are made or waited for included. */
  get links(): readonly LinkStatus[] {
    return this.#pool.status;
  }

  /** What became of connections since the start. */
  get poolStats(): Readonly<PoolStats> {
    return this.#pool.stats;
  }

  /** Begins to connect; of no effect later. */
  start(): void {
    this.#pool.start();
  }

  /** Logs in with this token from the next connection on, at once where the last one was refused; `null`: with none. */
  changeToken(token: string | null): void {
    if (this.#login.changeToken(token)) this.#pool.credentialsChanged();
  }

  /** Opens a stream on the connection with the fewest that takes one; it can be written to at once. */
  openStream(open: OpenStream, consumer: StreamConsumer): Stream | StreamFailure {
    return this.#pool.openStream(open, consumer);
  }

  /** Says who takes the streams that the hub opens from now on. @default nobody does */
  onStream(acceptor: StreamAcceptor): void {
    this.#acceptor = acceptor;
  }

  /** Ends everything for good; resolves when nothing is left. Of no effect later. */
  async stop(): Promise<void> {
    this.#client.stop();
    await this.#pool.stop();
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

  #carriedBy(session: Session | null): void {
    this.#client.disconnected();
    if (session === null) return this.tunnels.disconnected();
    this.#client.connected(session);
    this.tunnels.connected(session);
  }

  #tellState(): void {
    const { state } = this.#pool;
    if (state === this.#told) return;
    this.#told = state;
    this.#onState(state);
  }
}

function readSettings(options: AgentLinkOptions, user: PoolUser): PoolLinkSettings {
  const { target, identity, logger, clock = systemClock, bounds = {}, turns = createAgentTurns() } = options;
  return {
    target,
    login: new LoginMemory(identity, {
      hasCertificate: (target.tls?.client ?? null) !== null,
      ...(target.names === undefined ? {} : { names: target.names }),
    }),
    parts: createSessionParts({ ip: target.url.host, port: target.url.port }, { clock, turns }),
    bounds: { ...DEFAULT_BOUNDS, ...bounds },
    backoff: options.backoff ?? new Backoff({ random: Math.random }),
    clock,
    logger,
    authTimeoutMs: options.authTimeoutMs ?? AUTH_TIMEOUT_MS,
    user,
  };
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
  const code = opened === "too_many" ? "request_failed" : "connection_lost";
  throw new TrunklineError(code, `Cannot open a stream: ${whyNoStream(opened)}`, {
    details: { reason: opened },
  });
}

/** Why there is no stream, for people. */
export function whyNoStream(failure: StreamFailure): string {
  switch (failure) {
    case "offline":
      return "there is no connection to the hub now";
    case "going_away":
      return "the hub goes away and takes no new ones";
    case "too_many":
      return "there are as many as the hub takes at a time";
    case "no_ids":
      return "this connection had as many as there can be";
    case "closed":
      return "the connection ends";
  }
}
