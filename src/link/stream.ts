/**
 * One stream: bytes both ways with a half-close, each way within its credit. What it writes waits here in the
 * caller's own chunks until its turn; what comes is pushed to its consumer, who says when it was passed on. It ends
 * gracefully only when both directions ended; its consumer hears of the end exactly once.
 */
import type { Encoded } from "../core/transport.ts";
import { keptOf, viewOf } from "../core/views.ts";
import type { DataHeaders } from "../wire/data_headers.ts";
import { encodeFrame, encodeOpenAgain, encodeOpenStream } from "../wire/frame.ts";
import { FRAME_HEADER_BYTES, type FrameFault, MAX_DATA_BYTES, protocolFault } from "../wire/frame_header.ts";
import type { OpenStream, SharedOpen } from "../wire/frame_payloads.ts";
import { type FlowControl, type Measured, PIECE_BYTES } from "./flow_control.ts";
import type { OpenWriter } from "./open_refs.ts";
import { RingQueue } from "./ring_queue.ts";
import { type Member, NOWHERE } from "./member_set.ts";
import type { StreamQueue, StreamSource } from "./stream_queue.ts";

/** Why a stream was not, or did not end, as it should. */
export interface StreamReset {
  /** See {@link StreamCode}; a peer may send others. */
  readonly code: number;
  readonly reason: string;
  /** No byte reached the service: it may be tried elsewhere. */
  readonly notStarted: boolean;
  /** Who did it; `link`: the connection ended. */
  readonly origin: "local" | "peer" | "link";
}

/** Who uses a stream. */
export interface StreamConsumer {
  /**
   * Bytes came, as a view that stays valid but may keep a large buffer alive: who keeps it beyond the turn copies it
   * ({@link keptOf}). {@link Stream.consumed} has to be told when they were passed on. Who writes them to a stream or a
   * socket here looks at them no more: their memory may be gone then (`read_memory.ts`).
   */
  data(bytes: Uint8Array): void;
  /** Nothing more will come. */
  end(): void;
  /** More may be written, after {@link Stream.write} said no. */
  drained(): void;
  /** It is over: `null` when both directions ended, else why not. Called once, and nothing after it. */
  closed(reset: StreamReset | null): void;
}

/** Where a stream belongs, as it sees it. */
export interface StreamHost {
  readonly queue: StreamQueue;
  readonly headers: DataHeaders;
  readonly opens: OpenWriter;
  readonly measured: Measured;
  /** Whether what is written waits for longer than a turn. */
  readonly isBacklogged: boolean;
  /** The id of the next stream that is opened. */
  nextId(): number;
  /** The stream has its id now. */
  opened(stream: Stream): void;
  /** Credit for the peer. */
  giveCredit(stream: Stream, bytes: number): void;
  /** Both directions ended. */
  ended(stream: Stream): void;
  /** It was reset from this side. `frame`: what the peer has to be told; `null` if it never heard of the stream. */
  reset(stream: Stream, how: { readonly code: number; readonly frame: Encoded | null }): void;
}

/** What a stream is made of. */
export interface StreamOptions {
  readonly host: StreamHost;
  readonly flow: FlowControl;
  /** What it is opened for; `null` where the peer opened it. */
  readonly open: OpenStream | SharedOpen | null;
  /** 0 until it is opened. */
  readonly id: number;
}

/** What a stream holds before it asks to wait. */
export const FULL_BYTES = 256 * 1024;
/** What goes out with what opens it. */
const MAX_FIRST_BYTES = 3 * 1024;
/** What it holds when it wants more. */
const LOW_BYTES = 64 * 1024;

const NOBODY: StreamConsumer = { data: () => {}, end: () => {}, drained: () => {}, closed: () => {} };

/** One stream. */
export class Stream implements StreamSource, Member {
  isQueued = false;
  place = NOWHERE;
  dueCredit = 0;
  readonly isPeerOpened: boolean;
  readonly #host: StreamHost;
  readonly #flow: FlowControl;
  #consumer = NOBODY;
  #id: number;
  #open: OpenStream | SharedOpen | null;
  readonly #chunks = new RingQueue<Uint8Array>();
  /** How much of the first chunk is written. */
  #offset = 0;
  #queuedBytes = 0;
  #isFull = false;
  #writeEnd: "open" | "ending" | "ended" = "open";
  #hasPeerEnded = false;
  #isOver = false;

  constructor({ host, flow, open, id }: StreamOptions) {
    this.#host = host;
    this.#flow = flow;
    this.#open = open;
    this.#id = id;
    this.isPeerOpened = open === null;
  }

  /** Its id; 0 as long as it was not opened. */
  get id(): number {
    return this.#id;
  }

  /** Whether it ended, gracefully or not. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What came and was not passed on takes in memory. */
  get heldBytes(): number {
    return this.#flow.heldBytes;
  }

  /** Bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** What the peer may have on its way at most. */
  get windowBytes(): number {
    return this.#flow.windowBytes;
  }

  /** Says who uses it, before anything comes. */
  attach(consumer: StreamConsumer): void {
    this.#consumer = consumer;
  }

  /**
   * Writes bytes, which must not change any more, and which nobody else may need any more if they are of a read that is
   * watched (`read_memory.ts`). Whether more may be written now; if not, `drained` will tell.
   * Bytes for a stream that is over, or was ended, are dropped.
   */
  write(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#writeEnd !== "open") return false;
    if (bytes.length > 0) {
      this.#chunks.push(this.#willWait(bytes.length) ? keptOf(bytes) : bytes);
      this.#queuedBytes += bytes.length;
      this.#host.queue.hold(bytes.length);
      this.#ask();
    }
    if (this.#waitingBytes >= FULL_BYTES) this.#isFull = true;
    return !this.#isFull;
  }

  /** Nothing more will be written. */
  end(): void {
    if (this.#isOver || this.#writeEnd !== "open") return;
    this.#writeEnd = "ending";
    this.#ask();
  }

  /** Bytes that came were passed on: the peer may send so many more. */
  consumed(bytes: number): void {
    // After a reset nobody counts any more.
    if (this.#isOver && this.#flow.unreadBytes === 0) return;
    const credit = this.#flow.consume(bytes, this.#host.measured);
    if (credit > 0 && !this.#hasPeerEnded) this.#host.giveCredit(this, credit);
  }

  /** Ends it at once, in both directions; see {@link StreamCode}. */
  reset(code: number, reason = "", { notStarted = false }: { notStarted?: boolean } = {}): void {
    if (this.#isOver) return;
    const frame = this.#id === 0
      ? null
      : encodeFrame({ kind: "close_stream", streamId: this.#id, code, notStarted, reason });
    const consumer = this.#discard();
    this.#host.reset(this, { code, frame });
    consumer.closed({ code, reason, notStarted, origin: "local" });
  }

  /** The mux tells that the peer, or the end of the connection, reset it. */
  resetBy(reset: StreamReset): void {
    if (this.#isOver) return;
    this.#discard().closed(reset);
  }

  /** The mux tells that bytes came. `over_cap`: there is no room for them in the connection, they were not taken. */
  receive(bytes: Uint8Array, isEnd: boolean): FrameFault | "over_cap" | null {
    if (this.#hasPeerEnded) return protocolFault(`Stream ${this.#id} got data after its END`);
    if (bytes.length > 0) {
      const result = this.#flow.receive(bytes.length);
      if (result === "over_credit") return protocolFault(`Stream ${this.#id} got more data than its credit`);
      if (result === "over_cap") return result;
      this.#consumer.data(bytes);
    }
    // The consumer may have reset it.
    if (isEnd && !this.#isOver) this.peerEnded();
    return null;
  }

  /** The mux tells that nothing more will come. */
  peerEnded(): void {
    this.#hasPeerEnded = true;
    this.dueCredit = 0;
    this.#consumer.end();
    this.#finishIfEnded();
  }

  /** The mux tells that the peer gave credit; `false` when that is more than there can be. */
  granted(credit: number): boolean {
    if (!this.#flow.grant(credit)) return false;
    this.#ask();
    return true;
  }

  peekBytes(): number {
    if (this.#isOver) return 0;
    if (this.#id === 0) return FRAME_HEADER_BYTES;
    const length = this.#payloadBytes();
    if (length > 0) return FRAME_HEADER_BYTES + length;
    return this.#writeEnd === "ending" && this.#queuedBytes === 0 ? FRAME_HEADER_BYTES : 0;
  }

  take(): Encoded {
    if (this.#id === 0) return this.#takeOpen();
    const length = this.#payloadBytes();
    const isEnd = this.#writeEnd === "ending" && length === this.#queuedBytes;
    const parts = [this.#host.headers.encode(this.#id, length, isEnd)];
    this.#flow.spend(length);
    this.#takeChunks(parts, length);
    if (isEnd) {
      this.#writeEnd = "ended";
      this.#finishIfEnded();
    } else if (this.#isFull && this.#waitingBytes <= LOW_BYTES) {
      this.#isFull = false;
      this.#consumer.drained();
    }
    return { parts, bytes: FRAME_HEADER_BYTES + length };
  }

  /** Whether bytes that are written now do not go out at the end of this turn. */
  #willWait(bytes: number): boolean {
    return this.#flow.sendCredit < this.#queuedBytes + bytes || this.#host.isBacklogged;
  }

  /** What waits takes in memory. */
  get #waitingBytes(): number {
    return this.#queuedBytes + PIECE_BYTES * this.#chunks.length;
  }

  #payloadBytes(): number {
    return Math.min(this.#queuedBytes, this.#flow.sendCredit, MAX_DATA_BYTES);
  }

  #takeOpen(): Encoded {
    const open = this.#open;
    if (open === null) throw new TypeError("Cannot open a stream that the peer opened");
    this.#open = null;
    this.#id = this.#host.nextId();
    this.#host.opened(this);
    const ref = this.#host.opens.refOf(open);
    const length = ref === undefined ? 0 : Math.min(this.#payloadBytes(), MAX_FIRST_BYTES);
    const isEnd = this.#writeEnd === "ending" && length === this.#queuedBytes;
    if (isEnd) this.#writeEnd = "ended";
    const streamId = this.#id;
    if (ref === undefined) return encodeOpenStream({ streamId, open: this.#host.opens.told(open), isEnd });
    const head = encodeOpenAgain({ streamId, ref, length, isEnd });
    const parts = [head];
    this.#flow.spend(length);
    this.#takeChunks(parts, length);
    return { parts, bytes: head.length + length };
  }

  /** Takes so many bytes of the queued chunks, whole chunks as they are. */
  #takeChunks(parts: Uint8Array[], length: number): void {
    let missing = length;
    while (missing > 0) {
      const chunk = this.#chunks.peek();
      if (chunk === undefined) throw new RangeError("Cannot take more than is queued");
      const available = chunk.length - this.#offset;
      if (available > missing) {
        parts.push(viewOf(chunk, this.#offset, this.#offset + missing));
        this.#offset += missing;
        missing = 0;
      } else {
        parts.push(this.#offset === 0 ? chunk : viewOf(chunk, this.#offset, chunk.length));
        this.#chunks.shift();
        this.#host.queue.taken(chunk);
        this.#offset = 0;
        missing -= available;
      }
    }
    this.#queuedBytes -= length;
    this.#host.queue.release(length);
  }

  #ask(): void {
    if (this.peekBytes() > 0) this.#host.queue.add(this);
  }

  #finishIfEnded(): void {
    if (this.#writeEnd !== "ended" || !this.#hasPeerEnded || this.#isOver) return;
    this.#isOver = true;
    this.#flow.close();
    this.#host.ended(this);
    this.#consumer.closed(null);
  }

  /** Lets go of everything; gives who has to be told. */
  #discard(): StreamConsumer {
    const consumer = this.#consumer;
    this.#consumer = NOBODY;
    this.#isOver = true;
    this.dueCredit = 0;
    this.#host.queue.release(this.#queuedBytes);
    this.#queuedBytes = 0;
    this.#chunks.clear();
    this.#flow.discard();
    this.#host.queue.drop(this);
    return consumer;
  }
}
