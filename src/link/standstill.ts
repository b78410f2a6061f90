/**
 * For how long something has not moved, as far as those can tell who look at it now and then. It has no timer and does
 * no I/O: whoever looks says what time it is.
 */

/** Watches one number that changes whenever something moves. */
export class Standstill {
  #progress = NaN;
  #sinceMs = 0;

  /** Milliseconds for which `progress` has been the same at every look; 0 when it moved since the last one. */
  look(nowMs: number, progress: number): number {
    if (progress === this.#progress) return nowMs - this.#sinceMs;
    this.#progress = progress;
    this.#sinceMs = nowMs;
    return 0;
  }

  /** There is nothing that could move: the next look begins anew. */
  rest(): number {
    this.#progress = NaN;
    return 0;
  }
}
