/**
 * The data lane of a connection: streams that have something to write take turns, a frame each where the wire is slow
 * and several where it is fast, so that what a turn brings leaves the other end in one write. Nothing is taken while too
 * much is on its way. It knows nothing of frames.
 */
import type { Encoded } from "../core/transport.ts";
import type { StreamLane } from "./lane_scheduler.ts";
import { SMALL_BYTES } from "./join_parts.ts";
import { isTracked } from "./read_memory.ts";
import { RingQueue } from "./ring_queue.ts";

/** A stream as its queue sees it. */
export interface StreamSource {
  /** Whether it has its turn coming; kept by the queue. */
  isQueued: boolean;
  /** The bytes of what it would write now; 0 when it has nothing, or may not write it. */
  peekBytes(): number;
  /** Takes what {@link peekBytes} told. */
  take(): Encoded;
}

/** Bounds what is on its way. */
export interface StreamPacer {
  /** Whether nothing may be written for now. */
  readonly isFull: boolean;
  /** How many bytes a stream may write in its turn; a turn is one frame at least. */
  readonly turnBytes: number;
  /** Counts what is written; gives what has to follow it at once, if anything has to. */
  sent(bytes: number): Encoded | null;
}

/** Messages that are only made when they go out, before everything else. */
export interface LateControl {
  readonly bytes: number;
  takeInto(parts: Uint8Array[]): number;
  clear(): void;
}

/** What a queue is made of. */
export interface StreamQueueOptions {
  readonly pacer: StreamPacer;
  readonly control: LateControl;
  /** There is something to write. */
  readonly wake: () => void;
}

const NOTHING: readonly Uint8Array[] = [];
/** What a turn of a stream counts beside its bytes, so that an empty one counts too. */
const TURN_BYTES = 12;
/** So few sources that are over are not worth a look at all others. */
const MIN_DEAD = 32;

/** The queue. */
export class StreamQueue implements StreamLane {
  readonly #pacer: StreamPacer;
  readonly #control: LateControl;
  readonly #wake: () => void;
  readonly #ready = new RingQueue<StreamSource>();
  /** Sources in it that have no turn any more. */
  #dead = 0;
  #heldBytes = 0;
  /** Reads whose last bytes were taken, until somebody asks. */
  #taken: Uint8Array[] = [];
  /** What the first one has written of its turn. */
  #turnTaken = 0;

  constructor({ pacer, control, wake }: StreamQueueOptions) {
    this.#pacer = pacer;
    this.#control = control;
    this.#wake = wake;
  }

  get bytes(): number {
    return this.#heldBytes + TURN_BYTES * this.#ready.length + this.#control.bytes;
  }

  get length(): number {
    return this.peekBytes() > 0 ? this.#ready.length : 0;
  }

  /** Bytes that the streams hold. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Counts bytes that a stream holds; also what may not be written yet is told to who counts all of them. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
    this.#wake();
  }

  /** Counts bytes that a stream holds no more. */
  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** The last bytes of a chunk were taken. A small one was perhaps copied, and must not be kept for that write. */
  taken(chunk: Uint8Array): void {
    if (chunk.length > SMALL_BYTES && isTracked(chunk)) this.#taken.push(chunk);
  }

  takenReads(): readonly Uint8Array[] {
    const taken = this.#taken;
    if (taken.length === 0) return NOTHING;
    this.#taken = [];
    return taken;
  }

  /** Gives a stream its turn, if it has none coming. */
  add(source: StreamSource): void {
    if (source.isQueued) return;
    source.isQueued = true;
    this.#ready.push(source);
    this.#wake();
  }

  /** A source is over: it has no turn coming any more. It must not be added again. */
  drop(source: StreamSource): void {
    // What it held is held no more, which has to be told as well.
    this.#wake();
    if (!source.isQueued) return;
    source.isQueued = false;
    this.#dead++;
    // While nothing may be written nobody takes them out one by one.
    if (this.#dead > MIN_DEAD && this.#dead * 2 > this.#ready.length) this.#bury();
  }

  peekBytes(): number {
    if (this.#pacer.isFull) return 0;
    for (let source = this.#ready.peek(); source !== undefined; source = this.#ready.peek()) {
      const bytes = source.peekBytes();
      if (bytes > 0) return bytes;
      if (!source.isQueued) this.#dead--;
      source.isQueued = false;
      this.#turnTaken = 0;
      this.#ready.shift();
    }
    return 0;
  }

  take(): Encoded | undefined {
    if (this.peekBytes() === 0) return undefined;
    const source = this.#ready.peek();
    if (source === undefined) return undefined;
    const taken = source.take();
    this.#turnTaken += taken.bytes;
    if (!source.isQueued || source.peekBytes() === 0 || this.#turnTaken >= this.#pacer.turnBytes) {
      this.#endTurn(source);
    }
    const next = this.#pacer.sent(taken.bytes);
    if (next === null) return taken;
    return { parts: taken.parts.concat(next.parts), bytes: taken.bytes + next.bytes };
  }

  /** The first one has had its turn; it has another one coming if there is more of it. */
  #endTurn(source: StreamSource): void {
    this.#turnTaken = 0;
    // It may be over since it was asked, and taken out.
    if (this.#ready.peek() !== source) return;
    this.#ready.shift();
    if (!source.isQueued) this.#dead--;
    else if (source.peekBytes() > 0) this.#ready.push(source);
    else source.isQueued = false;
  }

  takeControl(parts: Uint8Array[]): number {
    return this.#control.bytes === 0 ? 0 : this.#control.takeInto(parts);
  }

  clear(): void {
    for (let source = this.#ready.shift(); source !== undefined; source = this.#ready.shift()) {
      source.isQueued = false;
    }
    this.#dead = 0;
    this.#turnTaken = 0;
    this.#control.clear();
  }

  /** Takes out who has no turn any more; the others keep their order. */
  #bury(): void {
    for (let left = this.#ready.length; left > 0; left--) {
      const source = this.#ready.shift();
      if (source?.isQueued === true) this.#ready.push(source);
    }
    this.#dead = 0;
  }
}
