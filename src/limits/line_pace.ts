/**
 * Lines of one kind in a log: one a second at most, however much there is to tell. A line costs more than what it tells
 * of, so that who floods would be paid for it.
 */
import type { Clock } from "../core/ports.ts";

const PAUSE_MS = 1000;

/** The pace of one kind of lines. */
export class LinePace {
  readonly #clock: Clock;
  #toldMs = -Infinity;
  /** How many were not told since the last line. */
  #untold = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Has a line written, with how many were not told before it; or counts this one for the next line. */
  tell(write: (before: number) => void): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#toldMs < PAUSE_MS) {
      this.#untold++;
      return;
    }
    write(this.#untold);
    this.#toldMs = nowMs;
    this.#untold = 0;
  }
}
