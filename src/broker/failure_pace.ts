/**
 * When those who asked are told that there will be no answer. Thousands of requests of one caller can fail in the
 * same moment, more than its outbox holds; a caller that reads what it is sent must not be ended for that. A burst is
 * told at once, the rest little by little.
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
