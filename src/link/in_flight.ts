/**
 * How much stream data may be on its way. The kernel alone takes megabytes before a socket says stop, so what was
 * written is only over when the peer says that it came: marks go out between the data, and each that comes back tells
 * the round trip and the bandwidth. Bound: twice what the wire holds by these (as in BBR, N. Cardwell et al., 2016),
 * at least 256 KiB. So that a queue of our own making is not taken for the length of the wire, the bound is lowered
 * for one round trip every ten seconds while data flows. Pure: takes the time as an argument.
 */
import { RingQueue } from "./ring_queue.ts";

/** What may always be on its way. */
export const MIN_IN_FLIGHT_BYTES = 256 * 1024;
/** What may never be exceeded, however fast the peer answers. */
export const MAX_IN_FLIGHT_BYTES = 64 * 1024 * 1024;
const MIN_PROBE_BYTES = 64 * 1024;
const MIN_MARK_BYTES = 64 * 1024;
const MARKS_PER_LIMIT = 4;
const GAIN = 2;
/** For how long a bandwidth counts, in two halves. */
const BANDWIDTH_MS = 5000;
/** After this long the shortest round trip is measured anew. */
const ROUND_TRIP_MS = 10_000;
const MIN_ELAPSED_MS = 0.05;

/** A mark that is on its way. */
interface Mark {
  readonly number: number;
  readonly sentMs: number;
  /** All bytes sent before it. */
  readonly sentBytes: number;
  /** What had come back, and when, as the mark was sent. */
  readonly ackedBytes: number;
  readonly ackedMs: number;
  readonly isProbe: boolean;
}

/** Stream bytes of one connection that were written and not acknowledged. */
export class InFlight {
  readonly #marks = new RingQueue<Mark>();
  #lastNumber = 0;
  #sentBytes = 0;
  #markedBytes = 0;
  #ackedBytes = 0;
  #ackedMs = 0;
  /** Bytes a millisecond, the best of this half of the time and of the one before. */
  #bandwidth = 0;
  #formerBandwidth = 0;
  #halfSinceMs = -Infinity;
  #roundTripMs: number | null = null;
  #roundTripSinceMs = 0;
  #probe: "no" | "draining" | "marked" = "no";
  #limitBytes = MIN_IN_FLIGHT_BYTES;

  /** How many bytes are on their way. */
  get bytes(): number {
    return this.#sentBytes - this.#ackedBytes;
  }

  /** How many may be. */
  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** Whether nothing may be sent until a mark comes back. */
  get isFull(): boolean {
    return this.bytes >= this.#limitBytes;
  }

  /** Whether a mark has to go out without data before it: nothing may be sent, and no mark is on its way. */
  get needsMark(): boolean {
    return this.isFull && this.#marks.length === 0;
  }

  /** The shortest round trip that was seen lately; `null` before the first. */
  get roundTripMs(): number | null {
    return this.#roundTripMs;
  }

  /** When the oldest mark went that did not come back; `null` when none is on its way. */
  get unansweredSinceMs(): number | null {
    return this.#marks.peek()?.sentMs ?? null;
  }

  /** Something is sent after a time in which nothing was on its way. */
  begin(nowMs: number): void {
    this.#ackedMs = nowMs;
  }

  /** Counts bytes that are sent, after {@link begin} where none were; whether a mark has to follow them. */
  send(bytes: number): boolean {
    this.#sentBytes += bytes;
    if (this.#probe === "draining") return true;
    const unmarked = this.#sentBytes - this.#markedBytes;
    return unmarked >= Math.max(MIN_MARK_BYTES, this.#limitBytes / MARKS_PER_LIMIT);
  }

  /** Makes the mark that goes out now; gives its number. */
  mark(nowMs: number): number {
    const isProbe = this.#probe === "draining";
    if (isProbe) this.#probe = "marked";
    this.#marks.push({
      number: ++this.#lastNumber,
      sentMs: nowMs,
      sentBytes: this.#sentBytes,
      ackedBytes: this.#ackedBytes,
      ackedMs: this.#ackedMs,
      isProbe,
    });
    this.#markedBytes = this.#sentBytes;
    return this.#lastNumber;
  }

  /** A mark came back, and with it all before it. `false` when it was never sent. */
  acknowledge(number: number, nowMs: number): boolean {
    if (number > this.#lastNumber) return false;
    let mark = this.#marks.peek();
    while (mark !== undefined && mark.number <= number) {
      this.#marks.shift();
      if (mark.number === number) this.#measure(mark, nowMs);
      this.#ackedBytes = Math.max(this.#ackedBytes, mark.sentBytes);
      if (mark.isProbe) this.#probe = "no";
      mark = this.#marks.peek();
    }
    this.#ackedMs = nowMs;
    this.#adjust(nowMs);
    return true;
  }

  #measure(mark: Mark, nowMs: number): void {
    const roundTripMs = nowMs - mark.sentMs;
    if (this.#roundTripMs === null || roundTripMs <= this.#roundTripMs || mark.isProbe) {
      this.#roundTripMs = roundTripMs;
      this.#roundTripSinceMs = nowMs;
    }
    const came = mark.sentBytes - mark.ackedBytes;
    const bandwidth = came / Math.max(nowMs - mark.ackedMs, MIN_ELAPSED_MS);
    if (nowMs - this.#halfSinceMs > BANDWIDTH_MS) {
      this.#formerBandwidth = this.#bandwidth;
      this.#bandwidth = 0;
      this.#halfSinceMs = nowMs;
    }
    this.#bandwidth = Math.max(this.#bandwidth, bandwidth);
  }

  #adjust(nowMs: number): void {
    const bandwidth = Math.max(this.#bandwidth, this.#formerBandwidth);
    const onWire = bandwidth * (this.#roundTripMs ?? 0);
    if (this.#probe === "no" && nowMs - this.#roundTripSinceMs > ROUND_TRIP_MS) this.#probe = "draining";
    const wanted = this.#probe === "no"
      ? Math.max(MIN_IN_FLIGHT_BYTES, GAIN * onWire)
      : Math.max(MIN_PROBE_BYTES, onWire / GAIN);
    this.#limitBytes = Math.min(MAX_IN_FLIGHT_BYTES, Math.floor(wanted));
  }
}
