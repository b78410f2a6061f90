/**
 * Lines of one kind in a log: one a second, and so many at once, however much there is to tell. A line costs more than
 * what it tells of, so that who floods would be paid for it.
 */
import type { Clock } from "../core/ports.ts";
import { TokenBucket } from "./token_bucket.ts";

const LINES_PER_SECOND = 1;

/** The pace of one kind of lines. */
export class LinePace {
  readonly #clock: Clock;
  readonly #lines: TokenBucket;
  /** How many were not told since the last line. */
  #untold = 0;

  /** `atOnce` lines are told without a pause between them. */
  constructor(clock: Clock, atOnce = 1) {
    this.#clock = clock;
    this.#lines = new TokenBucket(LINES_PER_SECOND, clock.now(), 1 + atOnce);
  }

  /** Has a line written, with how many were not told before it; or counts this one for the next line. */
  tell(write: (before: number) => void): void {
    if (this.#lines.take(this.#clock.now()) > 0) {
      this.#untold++;
      return;
    }
    const before = this.#untold;
    this.#untold = 0;
    write(before);
  }
}
