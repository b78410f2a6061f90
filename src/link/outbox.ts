/**
 * What one connection still has to write. Messages wait in lanes, each bounded in bytes; control goes first,
 * then requests, then publishes, each lane in the order in which it was filled. At most `socketBytes` are
 * handed to the socket at a time, so that a control message overtakes bulk that still waits here. What does
 * not fit ends the connection as a slow consumer: an outbox never grows beyond its bounds and never loses a
 * message silently.
 */
import type { Encoded } from "../core/transport.ts";
import type { Flusher } from "./flusher.ts";
import type { OutboxLedger } from "./outbox_ledger.ts";
import { RingQueue } from "./ring_queue.ts";

/** The lanes of an outbox, in the order in which they are served. */
export const LANES = ["control", "request", "publish"] as const;
/** A lane of an outbox. */
export type Lane = typeof LANES[number];

/** Where the bytes go: one thin adapter to a real socket. */
export interface OutboxSink {
  /** Writes all parts in order as one write where possible; `onWritten` is called once when the socket took them. */
  write(parts: readonly Uint8Array[], onWritten: () => void): void;
}

/** What became of a message. */
export type PushResult = "queued" | "full" | "closed";

/** What an outbox is made of. */
export interface OutboxOptions {
  readonly sink: OutboxSink;
  readonly flusher: Flusher;
  readonly ledger: OutboxLedger;
  /** The bound of each lane in bytes; an empty lane takes one message of any size. */
  readonly laneBytes: Readonly<Record<Lane, number>>;
  /** How many bytes are handed to the socket at a time. */
  readonly socketBytes: number;
  /** Small pieces are copied together into writes of at most this many bytes. */
  readonly joinBytes: number;
  /** Called when a lane or the whole hub is over its bound: the connection has to end, or be cut if it is ending. */
  readonly onOverflow: () => void;
}

type Phase = "open" | "finishing" | "closed";

/** The bounded queue of everything that one connection has to write. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #lanes = LANES.map(() => new RingQueue<Encoded>());
  readonly #laneBytes = LANES.map(() => 0);
  #queuedBytes = 0;
  #inFlightBytes = 0;
  #phase: Phase = "open";
  #flushDue = false;
  #pong: Encoded | null = null;
  #last: Encoded | null = null;
  #onFinished: (() => void) | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
    options.ledger.join(this);
  }

  /** Bytes that wait here or in the socket. */
  get heldBytes(): number {
    return this.#queuedBytes + this.#inFlightBytes;
  }

  /** Bytes of one lane that were not yet handed to the socket. */
  queuedBytesOf(lane: Lane): number {
    return this.#laneBytes[LANES.indexOf(lane)] ?? 0;
  }

  /** Queues a message. `full` means that the lane's bound was hit and `onOverflow` was called. */
  push(lane: Lane, message: Encoded): PushResult {
    if (this.#phase !== "open") return "closed";
    const index = LANES.indexOf(lane);
    const laneBytes = this.#laneBytes[index] ?? 0;
    if (laneBytes > 0 && laneBytes + message.bytes > this.#options.laneBytes[lane]) {
      this.#options.onOverflow();
      return "full";
    }
    this.#lanes[index]?.push(message);
    this.#laneBytes[index] = laneBytes + message.bytes;
    this.#hold(message.bytes);
    return "queued";
  }

  /** Queues the answer to a ping. Only the newest is kept: a flood of pings costs one pong a flush. */
  pushPong(message: Encoded): void {
    if (this.#phase !== "open") return;
    const freed = this.#pong?.bytes ?? 0;
    this.#pong = message;
    this.#release(freed);
    this.#hold(message.bytes);
  }

  /**
   * Takes nothing more, writes what waits and then `last`; calls `onFinished` when the socket took it all.
   * With `purge` everything that waits is dropped first. Returns how many messages were dropped.
   */
  finish(last: Encoded, { purge, onFinished }: { purge: boolean; onFinished: () => void }): number {
    if (this.#phase !== "open") return 0;
    const dropped = purge ? this.#purge() : 0;
    this.#phase = "finishing";
    this.#last = last;
    this.#onFinished = onFinished;
    this.#hold(last.bytes);
    return dropped;
  }

  /** Ends the outbox with its socket. Returns how many messages were never handed to the socket. */
  close(): number {
    if (this.#phase === "closed") return 0;
    const dropped = this.#purge();
    this.#release(this.#last?.bytes ?? 0);
    this.#last = null;
    this.#phase = "closed";
    this.#options.ledger.release(this.#inFlightBytes);
    this.#inFlightBytes = 0;
    this.#options.ledger.leave(this);
    return dropped;
  }

  /** Ends the connection because all outboxes together hold too much, and this one the most. */
  evict(): void {
    this.#options.onOverflow();
  }

  /** Hands as much to the socket as it may hold. Called by the flusher and when the socket took something. */
  flush(): void {
    this.#flushDue = false;
    if (this.#phase === "closed") return;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    while (this.#inFlightBytes + bytes < this.#options.socketBytes) {
      const next = this.#takeNext();
      if (next === undefined) break;
      for (const part of next.parts) parts.push(part);
      bytes += next.bytes;
    }
    if (bytes === 0) return;
    this.#queuedBytes -= bytes;
    this.#inFlightBytes += bytes;
    const finished = this.#phase === "finishing" && this.#last === null;
    this.#options.sink.write(joinParts(parts, this.#options.joinBytes), () => this.#written(bytes, finished));
  }

  #written(bytes: number, finished: boolean): void {
    if (this.#phase === "closed") return;
    this.#inFlightBytes -= bytes;
    this.#options.ledger.release(bytes);
    if (finished) this.#onFinished?.();
    else if (this.#queuedBytes > 0) this.flush();
  }

  #takeNext(): Encoded | undefined {
    if (this.#pong !== null) {
      const pong = this.#pong;
      this.#pong = null;
      return pong;
    }
    for (let index = 0; index < this.#lanes.length; index++) {
      const message = this.#lanes[index]?.shift();
      if (message === undefined) continue;
      this.#laneBytes[index] = (this.#laneBytes[index] ?? 0) - message.bytes;
      return message;
    }
    const last = this.#last ?? undefined;
    this.#last = null;
    return last;
  }

  #hold(bytes: number): void {
    this.#queuedBytes += bytes;
    if (!this.#flushDue) {
      this.#flushDue = true;
      this.#options.flusher.schedule(this);
    }
    this.#options.ledger.take(bytes);
  }

  #release(bytes: number): void {
    this.#queuedBytes -= bytes;
    this.#options.ledger.release(bytes);
  }

  #purge(): number {
    let dropped = 0;
    let bytes = this.#pong?.bytes ?? 0;
    this.#pong = null;
    for (const [index, lane] of this.#lanes.entries()) {
      dropped += lane.length;
      bytes += this.#laneBytes[index] ?? 0;
      this.#laneBytes[index] = 0;
      lane.clear();
    }
    this.#release(bytes);
    return dropped;
  }
}

/** Pieces up to this many bytes are worth a copy to save a write. */
const SMALL_BYTES = 4096;

/** Copies runs of small pieces together, up to `joinBytes` a run, and passes large pieces on as they are. */
export function joinParts(parts: readonly Uint8Array[], joinBytes: number): readonly Uint8Array[] {
  if (parts.length < 2) return parts;
  const joined: Uint8Array[] = [];
  let from = 0;
  let runBytes = 0;
  for (let i = 0; i <= parts.length; i++) {
    const part = parts[i];
    if (part !== undefined && part.length <= SMALL_BYTES && runBytes + part.length <= joinBytes) {
      runBytes += part.length;
      continue;
    }
    if (i > from) joined.push(concat(parts, from, i, runBytes));
    const starts = part !== undefined && part.length <= SMALL_BYTES;
    if (part !== undefined && !starts) joined.push(part);
    from = starts ? i : i + 1;
    runBytes = starts ? part.length : 0;
  }
  return joined;
}

function concat(parts: readonly Uint8Array[], from: number, to: number, bytes: number): Uint8Array {
  const first = parts[from];
  if (to - from === 1 && first !== undefined) return first;
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (let i = from; i < to; i++) {
    const part = parts[i];
    if (part === undefined) continue;
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
