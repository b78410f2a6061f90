/**
 * The heartbeats of one end of a link: they measure the way there and back, bound what is on its way, and show that
 * the peer lives. Each carries a number that rises; one that comes back stands for all before it, so that a peer may
 * answer only the newest.
 */
import type { Clock } from "../core/ports.ts";
import type { Encoded } from "../core/transport.ts";
import { encodeFrame } from "../wire/frame.ts";
import { MAX_DATA_BYTES, readUint32, writeUint32 } from "../wire/frame_header.ts";
import type { Measured } from "./flow_control.ts";
import { InFlight } from "./in_flight.ts";
import type { StreamPacer } from "./stream_queue.ts";
import type { StreamStats } from "./stream_stats.ts";

/** Somebody who waits for an answer. */
interface Waiting {
  readonly number: number;
  readonly sentMs: number;
  readonly resolve: (roundTripMs: number | null) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** For so long a measured round trip is good enough for one who only reads. */
const FRESH_MS = 10_000;
/** The turn of a stream is such a part of what may be on its way, and never more than what is written at once. */
const TURNS_IN_FLIGHT = 16;
const MAX_TURN_BYTES = 64 * 1024;
/** After so long without an answer a link is taken for stalled. */
export const STALLED_MS = 3000;

/** The heartbeats. */
export class LinkPacer implements StreamPacer, Measured {
  readonly #clock: Clock;
  /** For what need not be exact. */
  readonly #turnClock: Clock;
  readonly #stats: StreamStats;
  readonly #inFlight = new InFlight();
  readonly #waiting = new Set<Waiting>();
  #measuredMs = -Infinity;

  constructor({ clock, turnClock }: { clock: Clock; turnClock: Clock }, stats: StreamStats) {
    this.#clock = clock;
    this.#turnClock = turnClock;
    this.#stats = stats;
  }

  get turnBytes(): number {
    const share = this.#inFlight.limitBytes / TURNS_IN_FLIGHT;
    return Math.min(MAX_TURN_BYTES, Math.max(MAX_DATA_BYTES, share));
  }

  get isFull(): boolean {
    return this.#inFlight.isFull;
  }

  /** Bytes of streams that are on their way. */
  get inFlightBytes(): number {
    return this.#inFlight.bytes;
  }

  /** How many may be. */
  get limitBytes(): number {
    return this.#inFlight.limitBytes;
  }

  /** Whether the peer owes an answer for so long that whoever has a choice takes another link. */
  get isStalled(): boolean {
    const sinceMs = this.#inFlight.unansweredSinceMs;
    return sinceMs !== null && this.#turnClock.now() - sinceMs >= STALLED_MS;
  }

  get nowMs(): number {
    return this.#turnClock.now();
  }

  get roundTripMs(): number | null {
    return this.#inFlight.roundTripMs;
  }

  sent(bytes: number): Encoded | null {
    this.#stats.bytesSent += bytes;
    // The clock is read for some of the frames only: it costs as much as all the rest of this.
    if (this.#inFlight.bytes === 0) this.#inFlight.begin(this.#clock.now());
    return this.#inFlight.send(bytes) ? this.ask() : null;
  }

  /** A heartbeat to be sent. */
  ask(): Encoded {
    return heartbeat(this.#inFlight.mark(this.#clock.now()));
  }

  /** A heartbeat to be sent where the round trip was not measured lately, else `null`. */
  askIfStale(): Encoded | null {
    const now = this.#clock.now();
    if (now - this.#measuredMs < FRESH_MS) return null;
    // Not again before it came back, or got lost.
    this.#measuredMs = now;
    return this.ask();
  }

  /** Sends a heartbeat; resolves to the milliseconds until it came back, `null` if it did not in time. */
  ping(timeoutMs: number, send: (heartbeat: Encoded) => void): Promise<number | null> {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    const sentMs = this.#clock.now();
    const number = this.#inFlight.mark(sentMs);
    const timer = setTimeout(() => this.#settle(waiting, null), timeoutMs);
    const waiting: Waiting = { number, sentMs, resolve, timer };
    this.#waiting.add(waiting);
    send(heartbeat(number));
    return promise;
  }

  /** A heartbeat came back; `false` when it was never sent. `send` gets what has to go out now. */
  acknowledged(opaque: Uint8Array, send: (heartbeat: Encoded) => void): boolean {
    const now = this.#clock.now();
    const number = readUint32(opaque, 0) * 0x1_0000_0000 + readUint32(opaque, 4);
    if (!this.#inFlight.acknowledge(number, now)) return false;
    this.#measuredMs = now;
    for (const waiting of this.#waiting) {
      if (waiting.number <= number) this.#settle(waiting, now - waiting.sentMs);
    }
    if (this.#inFlight.needsMark) send(this.ask());
    return true;
  }

  /** The connection is over: nobody will be answered. */
  close(): void {
    for (const waiting of this.#waiting) this.#settle(waiting, null);
  }

  #settle(waiting: Waiting, roundTripMs: number | null): void {
    if (!this.#waiting.delete(waiting)) return;
    clearTimeout(waiting.timer);
    waiting.resolve(roundTripMs);
  }
}

function heartbeat(number: number): Encoded {
  const opaque = new Uint8Array(8);
  writeUint32(opaque, 0, Math.floor(number / 0x1_0000_0000));
  writeUint32(opaque, 4, number);
  return encodeFrame({ kind: "heartbeat", opaque, isAck: false });
}
