/** The time of day, read once a turn of the event loop. */
import type { Clock } from "../core/ports.ts";

/** Milliseconds since 1970. It goes back when the system's clock does. */
export class WallClock implements Clock {
  readonly #cachedClock: Clock;
  readonly #read: () => number;
  #turnMs = -Infinity;
  #nowMs = 0;

  /** `cachedClock` tells one turn from the next. */
  constructor(cachedClock: Clock, read: () => number = Date.now) {
    this.#cachedClock = cachedClock;
    this.#read = read;
  }

  now(): number {
    const turnMs = this.#cachedClock.now();
    if (turnMs !== this.#turnMs) {
      this.#turnMs = turnMs;
      this.#nowMs = this.#read();
    }
    return this.#nowMs;
  }
}
