/**
 * How many faults a peer may make in a minute before it is given up. It does no I/O and takes the time as an argument.
 */

const WINDOW_MS = 60_000;

/** The faults of one peer. The minute begins with the first fault after the last minute. */
export class FaultBudget {
  readonly maxFaults: number;
  #faults = 0;
  #sinceMs = -Infinity;

  constructor(maxFaults: number) {
    this.maxFaults = maxFaults;
  }

  /** Counts a fault; whether it is within the budget. */
  spend(nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#sinceMs = nowMs;
      this.#faults = 0;
    }
    return ++this.#faults <= this.maxFaults;
  }
}
