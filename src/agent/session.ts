/**
 * One connection on which the agent is logged in, from the first frame to the end of its socket: streams both ways,
 * messages, signs of life. A hub that is silent for too long is given up, one that goes away gets no new streams and is
 * left when the last one ended. Whatever ends it, its streams end first and `closed` tells why, once.
 */
import { CloseCode } from "../core/close_codes.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Encoded } from "../core/transport.ts";
import { type FramesOwner, FramesTransport, type OwnerFrame } from "../link/frames_transport.ts";
import { HeartbeatMonitor } from "../link/heartbeat.ts";
import { Outbox, type OutboxOwner, type OutboxSink } from "../link/outbox.ts";
import { SocketSink } from "../link/socket_sink.ts";
import { FULL_BYTES, type Stream, type StreamConsumer } from "../link/stream.ts";
import type { OpenRefusal, StreamRefusal } from "../link/stream_mux.ts";
import { StreamCode } from "../core/stream_codes.ts";
import { encodeFrame, encodeMessageFrame } from "../wire/frame.ts";
import { type FrameFault, protocolFault } from "../wire/frame_header.ts";
import type {
  AuthResponse,
  ErrorPayload,
  GoAway,
  OpenStream,
  RegisterTunnel,
  UnregisterTunnel,
} from "../wire/frame_payloads.ts";
import { wordlessEnd } from "./close_reason.ts";
import type { DialledLink } from "./dial.ts";
import type { LinkSession } from "./link.ts";
import type { SessionEnd } from "./link_failure.ts";
import {
  calledOff,
  endedLogin,
  type LoginAnswer,
  type LoginMemory,
  noFrames,
  wordlessLogin,
} from "./login.ts";
import type { MessageSender, SendOptions } from "./message_sender.ts";
import { type SessionBounds, SessionLimits } from "./session_limits.ts";
import { LANES, MAX_MESSAGE_BYTES, type SessionParts, SOCKET_BYTES } from "./session_parts.ts";
import type { SessionUser } from "./session_user.ts";
import { type StreamWatcher, TrackedConsumer } from "./tracked_consumer.ts";
import type { TunnelSender } from "./tunnel_client.ts";

/** What a session is made of. */
export interface SessionOptions {
  readonly dialled: DialledLink;
  readonly login: LoginMemory;
  readonly user: SessionUser;
  readonly parts: SessionParts;
  readonly bounds: SessionBounds;
}

type Phase = "login" | "up" | "closing";

const NOTHING = new Uint8Array(0);
/** How long the hub may take to hear that this side leaves. */
const LEAVE_MS = 10_000;
const LEAVING: SessionEnd = { code: null, reason: "the agent needs it no more", retryAfterMs: null };
const NOT_LOGGED_IN: StreamRefusal = { code: StreamCode.notAllowed, reason: "Nobody is logged in yet" };
/** Publishes of an agent wait for room, so that none is ever dropped for another. */
const PUBLISHES = { name: "", slowConsumer: "close", gapNotice: null } as const;

/** One session. */
export class Session
  implements LinkSession, FramesOwner, OutboxOwner, MessageSender, TunnelSender, StreamWatcher {
  readonly closed: Promise<SessionEnd>;
  readonly #options: SessionOptions;
  readonly #limits: SessionLimits;
  readonly #transport: FramesTransport;
  readonly #opened = Promise.withResolvers<Session>();
  readonly #closed = Promise.withResolvers<SessionEnd>();
  #phase: Phase = "login";
  #answer: LoginAnswer | null = null;
  #monitor: HeartbeatMonitor | null = null;
  /** How it ends once nothing is left to wait for; `null` while neither side goes away. */
  #parting: SessionEnd | null = null;
  /** What the first who ended it said. */
  #end: SessionEnd | null = null;
  /** Why there will be no login. */
  #loginError: TrunklineError | null = null;

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.closed = this.#closed.promise;
    this.#limits = new SessionLimits(options.bounds);
    this.#transport = this.#createTransport();
  }

  /** Logs in. Rejects with `refused`, `not_frames` or `unreachable`, and when the signal says so: then the connection is over. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const session = new Session(options);
    const onAbort = () => session.#giveUp(calledOff(signal.reason));
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      session.#start();
      if (signal.aborted) onAbort();
      return await session.#opened.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** What the hub said at the login. */
  get answer(): LoginAnswer {
    if (this.#answer === null) throw new TypeError("Cannot tell before the login");
    return this.#answer;
  }

  get maxPayloadBytes(): number | null {
    return this.#limits.maxPayloadBytes;
  }

  /** How many streams there are. */
  get streams(): number {
    return this.#transport.mux.size;
  }

  /** When the hub last showed that it lives, in milliseconds of the clock. */
  get lastHeardMs(): number {
    return this.#transport.lastHeardMs;
  }

  /** How long the way there and back took last, in milliseconds; `null` while it was not measured. */
  get roundTripMs(): number | null {
    return this.#transport.mux.measured.roundTripMs;
  }

  /** Whether bytes of streams wait because as much is on its way as may be. */
  get isFull(): boolean {
    const { measured, queuedBytes } = this.#transport.mux;
    return measured.isFull && queuedBytes >= FULL_BYTES;
  }

  /** Whether it is left as soon as nothing is left to wait for. */
  get isParting(): boolean {
    return this.#parting !== null;
  }

  /** Opens a stream; it can be written to at once. The hub refuses more than it said at the login. */
  openStream(open: OpenStream, consumer: StreamConsumer): Stream | OpenRefusal {
    return this.#transport.mux.open(open, new TrackedConsumer(consumer, this));
  }

  send(message: Uint8Array, { lane, isText }: SendOptions): boolean {
    if (this.#phase !== "up") return false;
    const { outbox } = this.#transport;
    const frame = encodeMessageFrame(NOTHING, { payload: message, isText });
    if (lane === "publish") {
      return outbox.hasRoomFor(frame) && outbox.publish(frame, PUBLISHES) === "queued";
    }
    const held = outbox.queuedBytesOf("request");
    const { maxBytes, messageOverheadBytes } = LANES.request;
    // An empty lane takes a message of any size; one that is full would end the connection.
    if (held > 0 && held + frame.bytes + messageOverheadBytes > maxBytes) return false;
    return outbox.push("request", frame) === "queued";
  }

  register(request: RegisterTunnel): void {
    if (this.#phase === "up") this.#push(encodeFrame({ kind: "register_tunnel", request }));
  }

  unregister(request: UnregisterTunnel): void {
    if (this.#phase === "up") this.#push(encodeFrame({ kind: "unregister_tunnel", request }));
  }

  /** Asks the hub for a sign of life; the milliseconds that it took, `null` if none came in time. */
  ping(timeoutMs: number): Promise<number | null> {
    return this.#transport.mux.ping(timeoutMs);
  }

  /** Asks the hub for a sign of life, without waiting for it. */
  ask(): void {
    this.#transport.ask();
  }

  /**
   * Takes its leave: the hub opens no more streams, and the session ends with the last one. What the hub opened
   * before it heard of that is taken as ever.
   */
  async leave(): Promise<void> {
    const { reason } = LEAVING;
    this.#push(encodeFrame({ kind: "go_away", goAway: { reason } }));
    // What the hub wrote before its answer was read before it.
    if (await this.ping(LEAVE_MS) === null) return this.abandon(reason);
    this.#parting ??= LEAVING;
    this.settle();
  }

  /** Ends it without a word: nobody is there who could be told goodbye. */
  abandon(reason: string): void {
    this.#end ??= { code: CloseCode.heartbeatTimeout, reason, retryAfterMs: null };
    this.#transport.destroy();
  }

  close(): void {
    this.#end ??= { code: null, reason: "", retryAfterMs: null };
    this.#transport.close(CloseCode.normal, "The agent leaves");
  }

  /** Work that a hub which goes away was waited for may be done now. */
  settle(): void {
    if (this.#parting === null || this.#phase !== "up") return;
    if (this.#transport.mux.size > 0 || this.#options.user.isBusy()) return;
    this.#end ??= this.#parting;
    this.#transport.close(CloseCode.normal, "The agent leaves");
  }

  frame(frame: OwnerFrame): FrameFault | null {
    switch (frame.kind) {
      case "auth_response":
        return this.#answered(frame.response);
      case "tunnel_response":
        if (this.#phase !== "up") return protocolFault("A TunnelResponse came before the login");
        this.#options.user.tunnelAnswered(frame.response);
        return null;
      case "datagram":
        return null;
      default:
        return protocolFault(`A hub does not send ${frame.kind} to an agent that asked for none`);
    }
  }

  received(message: Uint8Array): number {
    if (this.#phase === "up") this.#options.user.received(message);
    return 1;
  }

  accept(stream: Stream, open: OpenStream): StreamConsumer | StreamRefusal {
    if (this.#phase !== "up") return NOT_LOGGED_IN;
    const accepted = this.#options.user.accept(stream, open);
    return "code" in accepted ? accepted : new TrackedConsumer(accepted, this);
  }

  streamOver(): void {
    this.#options.user.streamEnded();
    this.settle();
  }

  goingAway(goAway: GoAway): void {
    const { reason, retryAfterMs = null } = goAway;
    this.#parting = { code: null, reason: `the hub goes away: ${reason}`, retryAfterMs };
    this.settle();
  }

  peerFailed(error: ErrorPayload): void {
    const { closeCode = null, message, retryAfterMs = null } = error;
    this.#end ??= { code: closeCode, reason: message, retryAfterMs };
    this.#loginError ??= endedLogin(error);
  }

  transportClosing(_code: number, reason: string): void {
    const wasUp = this.#phase === "up";
    this.#phase = "closing";
    this.#monitor?.stop();
    if (reason !== "") {
      this.#end ??= { code: null, reason, retryAfterMs: null };
      this.#loginError ??= noFrames(`what answers does not speak as a hub does (${reason})`);
    }
    if (wasUp) this.#options.user.sessionEnds(this);
    else this.#transport.destroy();
  }

  transportClosed(): void {
    const end = this.#end ?? wordlessEnd(this.#options.dialled.peerClose());
    const retryAfterMs = end.retryAfterMs ?? this.#parting?.retryAfterMs ?? null;
    this.#closed.resolve({ ...end, retryAfterMs });
    this.#opened.reject(this.#loginError ?? wordlessLogin(end));
  }

  overflow(): void {
    this.#end ??= { code: null, reason: "the hub does not take what it is sent", retryAfterMs: null };
    this.#transport.close(CloseCode.slowConsumer, "Too slow to take what it is sent");
  }

  evict(): void {
    this.overflow();
    this.#transport.destroy();
  }

  dropped(): void {}

  #createTransport(): FramesTransport {
    const { dialled, parts } = this.#options;
    const { link } = dialled;
    return new FramesTransport({
      link,
      peer: parts.peer,
      outbox: new Outbox({
        kind: "frames",
        sink: this.#sink(new SocketSink(link.socket)),
        owner: this,
        settings: {
          flusher: parts.flusher,
          ledger: parts.ledger,
          lanes: LANES,
          socketBytes: SOCKET_BYTES,
        },
      }),
      owner: this,
      settings: parts.transport,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      role: "spoke",
      limits: this.#limits,
      streamStats: parts.streamStats,
    });
  }

  /** Tells the user whenever the socket took something. */
  #sink(sink: OutboxSink): OutboxSink {
    const tell = () => {
      if (this.#phase === "up") this.#options.user.drained();
    };
    return {
      write: (parts, onWritten) => {
        const isTaken = sink.write(parts, () => {
          onWritten();
          tell();
        });
        if (isTaken) queueMicrotask(tell);
        return isTaken;
      },
    };
  }

  #start(): void {
    const { login, dialled } = this.#options;
    this.#push(encodeFrame({ kind: "auth_request", request: login.request() }));
    this.#transport.start(dialled.head);
  }

  #push(frame: Encoded): void {
    this.#transport.outbox.push("control", frame);
  }

  #answered(response: AuthResponse): FrameFault | null {
    if (this.#phase !== "login") return protocolFault("An AuthResponse came that nobody asked for");
    if (!response.ok) {
      this.#giveUp(this.#options.login.refused(response));
      return null;
    }
    const wrong = this.#limits.agree(response.limits);
    if (wrong !== null) {
      this.#giveUp(new TrunklineError("unreachable", `Cannot log in at the hub: it offers ${wrong}`));
      return null;
    }
    this.#options.login.loggedIn(response);
    this.#answer = response;
    this.#transport.mux.limitOpen(this.#limits.maxOwnStreams);
    this.#phase = "up";
    this.#watch();
    this.#options.user.sessionBegins(this);
    this.#opened.resolve(this);
    return null;
  }

  #watch(): void {
    const transport = this.#transport;
    this.#monitor = new HeartbeatMonitor({
      intervalMs: this.#limits.heartbeatIntervalMs,
      timeoutMs: this.#limits.heartbeatTimeoutMs,
      clock: this.#options.parts.transport.clock,
    });
    this.#monitor.watch({
      get lastHeardMs() {
        return transport.lastHeardMs;
      },
      ask: () => transport.ask(),
      expire: () => this.abandon("the hub gave no sign of life"),
    });
    this.#monitor.start();
  }

  #giveUp(error: TrunklineError): void {
    if (this.#phase !== "login") return;
    // What comes in the same breath does not count any more.
    this.#phase = "closing";
    this.#loginError ??= error;
    this.#transport.destroy();
  }
}
