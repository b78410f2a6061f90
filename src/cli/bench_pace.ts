/**
 * When messages are to be sent: at a rate, each at a time of its own, or as fast as possible. A message that is sent
 * late keeps the time at which it was meant to be sent, so that waiting for the hub counts as latency. Takes the
 * time as an argument.
 */

/** What a pace is made of. */
export interface PaceOptions {
  /** Messages a second; 0 is as fast as possible. */
  readonly ratePerSecond: number;
  /** When the first is due, in milliseconds. */
  readonly startMs: number;
}

/** Of one message: who is called at the time that he was told must not come too early. */
const ROUNDING = 1e-6;

/** Gives messages their times. */
export class Pace {
  readonly #ratePerSecond: number;
  readonly #startMs: number;
  #taken = 0;

  constructor({ ratePerSecond, startMs }: PaceOptions) {
    this.#ratePerSecond = ratePerSecond;
    this.#startMs = startMs;
  }

  /** How many messages are due. */
  due(nowMs: number): number {
    if (this.#ratePerSecond === 0) return Infinity;
    const all = Math.floor((nowMs - this.#startMs) * this.#ratePerSecond / 1000 + ROUNDING) + 1;
    return Math.max(0, all - this.#taken);
  }

  /** When the next message is meant to be sent. */
  nextAtMs(nowMs: number): number {
    return this.#ratePerSecond === 0 ? nowMs : this.#startMs + this.#taken * 1000 / this.#ratePerSecond;
  }

  /** Takes the next message and gives when it was meant to be sent. */
  take(nowMs: number): number {
    const atMs = this.nextAtMs(nowMs);
    this.#taken++;
    return atMs;
  }
}
