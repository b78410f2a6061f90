/**
 * One of the connections of an agent's pool, with the link that makes it again and the session that is up. It passes
 * on what concerns the agent; messages only as long as it is the one that the agent's messages go over, so that each
 * is handled once. When it was last used is known to the millisecond.
 */
import type { Clock, Logger } from "../core/ports.ts";
import type { Backoff } from "../limits/backoff.ts";
import type { Stream, StreamConsumer } from "../link/stream.ts";
import type { OpenRefusal, StreamRefusal } from "../link/stream_mux.ts";
import type { OpenStream, TunnelResponse } from "../wire/frame_payloads.ts";
import { dial, type DialledLink } from "./dial.ts";
import { type DialTarget, firstPath } from "./dial_target.ts";
import { Link, type LinkState } from "./link.ts";
import { LinkPaths } from "./link_paths.ts";
import type { LoginMemory } from "./login.ts";
import { Session } from "./session.ts";
import type { SessionBounds } from "./session_limits.ts";
import type { SessionParts } from "./session_parts.ts";
import type { SessionUser } from "./session_user.ts";
import type { WatchedLink } from "./stall_watch.ts";

/** What an agent takes from its connections. */
export interface PoolUser {
  /** The hub opens a stream: who uses it, or why not. Must not wait. */
  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal;
  /** A message of the hub. */
  received(message: Uint8Array): void;
  /** There may be room for messages that there was none for. */
  drained(): void;
  /** The hub says what became of a tunnel. */
  tunnelAnswered(response: TunnelResponse): void;
  /** Whether a hub that goes away still owes something beside streams. */
  isBusy(): boolean;
}

/** Who decides for the connections. */
export interface PoolLinkOwner {
  /** The session is up. */
  begins(link: PoolLink): void;
  /** It takes and gives nothing any more. */
  ends(link: PoolLink): void;
  /** It has one stream more. */
  used(link: PoolLink): void;
  /** Its state is another. */
  changed(link: PoolLink): void;
  /** Something that is waited for at the end. */
  keep<T>(promise: Promise<T>): Promise<T>;
}

/** What all connections of a pool share. */
export interface PoolLinkSettings {
  readonly target: DialTarget;
  readonly login: LoginMemory;
  readonly parts: SessionParts;
  readonly bounds: SessionBounds;
  /** What the delays of each are like. */
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly authTimeoutMs: number;
  readonly user: PoolUser;
}

/** One connection as a status page and metrics have it. */
export interface LinkStatus {
  /** `leaving`: it is closed as soon as its last stream ended. */
  readonly state: LinkState<Session>["kind"] | "leaving";
  /** Whether messages go over it. */
  readonly isPrimary: boolean;
  readonly streams: number;
  /** How long the way there and back took last; `null` while it was not measured. */
  readonly roundTripMs: number | null;
  /** Since when it is up, in milliseconds of the clock; `null` while it is not. */
  readonly connectedSinceMs: number | null;
}

/** So many streams on one connection are worth another one. */
export const CROWDED_STREAMS = 32;

/** One connection. */
export class PoolLink implements SessionUser, WatchedLink {
  /** Whether messages go over it. */
  isPrimary = false;
  readonly #settings: PoolLinkSettings;
  readonly #owner: PoolLinkOwner;
  readonly #link: Link<DialledLink, Session>;
  #session: Session | null = null;
  /** When its last stream began or ended, or it was made. */
  #usedMs: number;
  #isRetired = false;
  /** Whether it was given up, and only its socket is not gone yet. */
  #isAbandoned = false;

  constructor(settings: PoolLinkSettings, owner: PoolLinkOwner) {
    const { target, backoff, clock, logger, authTimeoutMs } = settings;
    this.#settings = settings;
    this.#owner = owner;
    this.#usedMs = clock.now();
    this.#link = new Link<DialledLink, Session>({
      ports: {
        dial: (path, signal) => owner.keep(dial(target, { path, signal })),
        discard: ({ link }) => link.socket.destroy(),
        openSession: (dialled, signal) => owner.keep(this.#openSession(dialled, signal)),
        stateChanged: () => owner.changed(this),
      },
      paths: new LinkPaths(firstPath(target.url)),
      backoff: backoff.fresh(),
      clock,
      logger,
      authTimeoutMs,
    });
  }

  /** Where it stands. */
  get state(): LinkState<Session> {
    return this.#link.state;
  }

  /** The session that is up. */
  get session(): Session | null {
    return this.#session;
  }

  /** Whether it is closed when nothing is left of it, for good. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Whether something new may go over it. */
  get isUsable(): boolean {
    return this.#session !== null && !this.#session.isParting && !this.#isRetired && !this.#isAbandoned;
  }

  get streams(): number {
    return this.#session?.streams ?? 0;
  }

  /** Whether another connection would do better for a further stream. */
  get isCrowded(): boolean {
    return this.streams >= CROWDED_STREAMS || this.#session?.isFull === true;
  }

  get lastHeardMs(): number {
    return this.#session?.lastHeardMs ?? -Infinity;
  }

  /** What is to be told of it. */
  get status(): LinkStatus {
    const { state } = this.#link;
    return {
      state: state.kind === "up" && !this.isUsable ? "leaving" : state.kind,
      isPrimary: this.isPrimary,
      streams: this.streams,
      roundTripMs: this.#session?.roundTripMs ?? null,
      connectedSinceMs: state.kind === "up" ? state.sinceMs : null,
    };
  }

  /** Whether it has had no streams for so long. */
  isIdle(idleMs: number): boolean {
    return this.streams === 0 && this.#settings.clock.now() - this.#usedMs >= idleMs;
  }

  start(): void {
    this.#link.start();
  }

  stop(): void {
    this.#link.stop();
  }

  /** It is needed no more: ends with its last stream, and no stream that the hub opens meanwhile is lost. */
  retire(): void {
    this.#isRetired = true;
    this.#link.retire();
    if (this.#session !== null) void this.#owner.keep(this.#session.leave());
  }

  /** Ends what does not answer any more, with all its streams. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#session?.abandon("the hub gave no sign of life here, but on other connections");
  }

  ask(): void {
    this.#session?.ask();
  }

  openStream(open: OpenStream, consumer: StreamConsumer): Stream | OpenRefusal {
    return this.#session?.openStream(open, consumer) ?? "closed";
  }

  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    const accepted = this.#settings.user.accept(stream, open);
    if (!("code" in accepted)) this.#owner.used(this);
    return accepted;
  }

  received(message: Uint8Array): void {
    if (this.isPrimary) this.#settings.user.received(message);
  }

  drained(): void {
    if (this.isPrimary) this.#settings.user.drained();
  }

  tunnelAnswered(response: TunnelResponse): void {
    if (this.isPrimary) this.#settings.user.tunnelAnswered(response);
  }

  isBusy(): boolean {
    return this.isPrimary && this.#settings.user.isBusy();
  }

  /** The clock is read for the last one only: many end and begin in a turn, and it costs as much as all else here. */
  streamEnded(): void {
    if (this.streams <= 1) this.#usedMs = this.#settings.clock.now();
  }

  sessionBegins(session: Session): void {
    this.#session = session;
    this.#isAbandoned = false;
    this.#owner.begins(this);
  }

  sessionEnds(session: Session): void {
    if (this.#session !== session) return;
    this.#session = null;
    this.#owner.ends(this);
  }

  async #openSession(dialled: DialledLink, signal: AbortSignal): Promise<Session> {
    const { login, parts, bounds } = this.#settings;
    const session = await Session.open({ dialled, login, user: this, parts, bounds }, signal);
    void this.#owner.keep(session.closed);
    return session;
  }
}
