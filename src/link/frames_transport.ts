/**
 * One end of a connection of frames, plain or TLS: the hub's or the dialling one. It knows whole messages, streams,
 * the goodbye and the heartbeat; what else frames say it hands to its owner. There is no half-close of the
 * connection: a FIN is a disconnect.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Encoded } from "../core/transport.ts";
import { encodeFrame, type OpenAgainFrame, type OtherFrame } from "../wire/frame.ts";
import { FrameDecoder, type FrameSink } from "../wire/frame_decoder.ts";
import { type FrameFault, protocolFault } from "../wire/frame_header.ts";
import type { ErrorPayload } from "../wire/frame_payloads.ts";
import { TurnClock } from "./turn_clock.ts";
import { passedOn, track } from "./read_memory.ts";
import type { TransportOptions } from "./socket_transport.ts";
import { OpenReader } from "./open_refs.ts";
import type { LinkRole } from "./stream_ids.ts";
import type { MuxLimits } from "./mux_limits.ts";
import { StreamMux, type StreamMuxOwner } from "./stream_mux.ts";
import type { StreamStats } from "./stream_stats.ts";
import { type Farewell, StreamTransport } from "./stream_transport.ts";
import type { TransportOwner } from "./transport.ts";

/** The frames that are for the owner: logins, tunnels, datagrams. */
export type OwnerFrame = Exclude<
  OtherFrame,
  {
    kind:
      | "heartbeat"
      | "open_stream"
      | "open_again"
      | "close_stream"
      | "window_update"
      | "message"
      | "go_away"
      | "error";
  }
>;

/** Who has a connection of frames. */
export interface FramesOwner extends TransportOwner, StreamMuxOwner {
  /** A frame came that is no message and of no stream; gives why the connection has to end, or `null`. */
  frame(frame: OwnerFrame): FrameFault | null;
  /** Why the peer has to log in before most frames; `null` or left out: it need not any more. */
  loginFault?(): FrameFault | null;
  /** The peer said why it ends the connection, which it does now. */
  peerFailed?(error: ErrorPayload): void;
}

/** What a transport of frames is made of. */
export interface FramesOptions extends TransportOptions {
  readonly owner: FramesOwner;
  readonly role: LinkRole;
  readonly limits: MuxLimits;
  readonly streamStats: StreamStats;
}

/** Data is handed out in pieces as large as they came. */
const SLICE_BYTES = 64 * 1024;
/** Frames of which nobody keeps bytes: they are numbers. */
const PASSING: ReadonlySet<string> = new Set(["heartbeat", "window_update"]);
/** The words of Error frames that are not `server_unavailable`. */
const ERROR_CODES: Readonly<Record<number, string>> = {
  [CloseCode.protocolError]: "protocol_error",
  [CloseCode.invalidData]: "protocol_error",
  [CloseCode.policy]: "protocol_error",
  [CloseCode.tooBig]: "protocol_error",
  [CloseCode.unauthorized]: "unauthorized",
  [CloseCode.forbidden]: "unauthorized",
  [CloseCode.replaced]: "connection_limit_reached",
  [CloseCode.slowConsumer]: "overloaded",
  [CloseCode.rateLimited]: "rate_limit_exceeded",
};

/** One open connection of frames. */
export class FramesTransport extends StreamTransport implements FrameSink {
  readonly kind = "frames";
  /** The streams of this connection. */
  readonly mux: StreamMux;
  readonly #owner: FramesOwner;
  readonly #decoder: FrameDecoder;
  /** Only hubs give refs. */
  readonly #opens: OpenReader | null;
  /** Of what is being taken: bytes that went to streams, and whether somebody may keep others. */
  #dataBytes = 0;
  #isKept = false;

  constructor(options: FramesOptions) {
    super(options);
    const { owner, role, limits, outbox, maxMessageBytes, settings, streamStats } = options;
    this.#owner = owner;
    this.#opens = role === "spoke" ? new OpenReader() : null;
    this.#decoder = new FrameDecoder(maxMessageBytes, this);
    const { clock, turns } = settings;
    const turnClock = new TurnClock(clock, turns);
    this.mux = new StreamMux({ role, outbox, owner, limits, clock, turnClock, stats: streamStats });
  }

  protected override get sliceBytes(): number {
    return SLICE_BYTES;
  }

  /** What is no data has been looked at when it was taken, unless it was a frame that somebody may keep. */
  protected override take(chunk: Uint8Array, from: number): number {
    if (from === 0) track(chunk);
    this.#dataBytes = 0;
    this.#isKept = false;
    const end = super.take(chunk, from);
    if (!this.#isKept) passedOn(chunk, end - from - this.#dataBytes);
    return end;
  }

  ask(): void {
    this.mux.ask();
  }

  isSpent(): boolean {
    return !this.isOpen || this.budget.isSpent();
  }

  loginFault(): FrameFault | null {
    return this.#owner.loginFault?.() ?? null;
  }

  data(streamId: number, bytes: Uint8Array, isEnd: boolean): FrameFault | null {
    this.budget.spendMessage(0);
    this.#dataBytes += bytes.length;
    return this.mux.data(streamId, bytes, isEnd);
  }

  frame(frame: OtherFrame): FrameFault | null {
    this.cameWhole();
    if (!PASSING.has(frame.kind)) this.#isKept = true;
    switch (frame.kind) {
      case "message":
        this.received(frame.message);
        return null;
      case "open_again":
        this.budget.spendMessage(1);
        return this.#openAgain(frame);
      case "open_stream":
        this.#opens?.keep(frame.open);
        this.budget.spendMessage(1);
        return this.mux.frame(frame);
      case "heartbeat":
      case "close_stream":
      case "window_update":
      case "go_away":
        this.budget.spendMessage(1);
        return this.mux.frame(frame);
      case "error":
        this.#peerFailed(frame.error);
        return null;
      default:
        this.budget.spendMessage(1);
        return this.#owner.frame(frame);
    }
  }

  #openAgain({ streamId, ref, payload, isEnd }: OpenAgainFrame): FrameFault | null {
    const open = this.#opens?.get(ref);
    if (open === undefined) return protocolFault(`Stream ${streamId} is opened by a ref that means nothing`);
    const hasMore = payload.length > 0;
    const fault = this.mux.frame({ kind: "open_stream", streamId, open, isEnd: isEnd && !hasMore });
    return fault === null && hasMore ? this.mux.data(streamId, payload, isEnd) : fault;
  }

  protected override decode(bytes: Uint8Array): number | Farewell {
    const taken = this.#decoder.feed(bytes);
    const { fault } = this.#decoder;
    return fault === null ? taken : { code: fault.closeCode, reason: fault.message };
  }

  protected override get partialBytes(): number {
    return this.#decoder.heldBytes;
  }

  protected override get isPartial(): boolean {
    return this.#decoder.isInside;
  }

  protected override get isInside(): boolean {
    return this.#decoder.isInside || this.mux.size > 0;
  }

  protected override encodeFarewell({ code, reason, retryAfterMs }: Farewell): Encoded {
    const error = { code: ERROR_CODES[code] ?? "server_unavailable", message: reason, closeCode: code };
    return encodeFrame({
      kind: "error",
      error: retryAfterMs === undefined ? error : { ...error, retryAfterMs },
    });
  }

  /** Streams end when a goodbye begins: what waits of them would never be read. */
  protected override begin(code: number, reason: string): boolean {
    if (!super.begin(code, reason)) return false;
    this.mux.close(reason);
    return true;
  }

  protected override released(): void {
    this.mux.close("The connection is gone");
  }

  /** The peer says why it ends the connection. */
  #peerFailed(error: ErrorPayload): void {
    if (!this.isOpen) return;
    this.#owner.peerFailed?.(error);
    if (!this.begin(error.closeCode ?? CloseCode.abnormal, error.message)) return;
    this.reader.stop();
    this.socket.end();
  }
}
