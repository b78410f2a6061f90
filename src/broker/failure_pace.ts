/**
 * When those who asked are told that there will be no answer. Thousands of requests of one caller can fail in the
 * same moment, more than its outbox holds; a caller that reads what it is sent must not be ended for that. A burst is
 * told at once, the rest little by little, and no faster than the caller reads.
 */
import type { Subscriber } from "./subscription.ts";

/** So many failures are told to one caller at once. They have room in the smallest outbox that can be set. */
export const FAILURE_BURST = 100;
/** Of those beyond it so many are told in a millisecond. */
export const FAILURES_PER_MS = 10;

/** The pace of the failures of each caller. */
export class FailurePace {
  /** When the failures that each caller was given so far would have been told one after the other. */
  readonly #doneMs = new WeakMap<Subscriber, number>();

  /** Takes a place; gives how long its failure has to wait, in milliseconds, 0 when it need not. */
  take(caller: Subscriber, nowMs: number): number {
    const doneMs = Math.max(this.#doneMs.get(caller) ?? 0, nowMs) + 1 / FAILURES_PER_MS;
    this.#doneMs.set(caller, doneMs);
    return Math.max(0, doneMs - nowMs - FAILURE_BURST / FAILURES_PER_MS);
  }
}

/** Those of one caller that were due at one time. */
interface Due {
  readonly atMs: number;
  count: number;
}

/** A caller that has more than this to read yet is told no more for now. */
export const BEHIND_BYTES = 48 * 1024;
/** So long a caller that does not read is waited for; then it is told, and ended where that is too much for it. */
export const PATIENCE_MS = 5000;
/** When a caller that is behind is looked at again. */
const AGAIN_MS = 10;

/**
 * The pace of failures that are due. They come in their order, a few at each tick; but after a stall of the process
 * thousands are due in the same moment, and a busy caller may read less than comes: both are told little by little.
 */
export class DuePace {
  readonly #due = new WeakMap<Subscriber, Due>();

  /**
   * Takes a place; gives how long its failure has to wait on, in milliseconds, 0 when it need not. `sinceMs`: when it
   * failed.
   */
  take(caller: Subscriber, nowMs: number, sinceMs: number): number {
    const known = this.#due.get(caller);
    const due = known?.atMs === nowMs ? known : { atMs: nowMs, count: 0 };
    this.#due.set(caller, due);
    const isBehind = caller.heldBytes > BEHIND_BYTES && nowMs - sinceMs < PATIENCE_MS;
    const beyond = ++due.count - (isBehind ? 0 : FAILURE_BURST);
    if (beyond <= 0) return 0;
    return beyond / FAILURES_PER_MS + (isBehind ? AGAIN_MS : 0);
  }
}
