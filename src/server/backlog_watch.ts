/**
 * Decides whether consumers are behind: whether all outboxes together hold much of what they may. It has two thresholds
 * and says nothing new before some time has passed.
 */
import type { Clock } from "../core/ports.ts";

/** Share of what the outboxes may hold. */
const BEGINS = 0.5;
const ENDS = 0.25;
/** The least time between two changes. */
export const MIN_BACKLOG_MS = 5000;

/** The outboxes of one hub. */
export class BacklogWatch {
  readonly #clock: Clock;
  #isBacklogged = false;
  #changedMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isBacklogged(): boolean {
    return this.#isBacklogged;
  }

  /** Takes the share that is held; whether something is new. */
  observe(share: number): boolean {
    const wanted = this.#isBacklogged ? share >= ENDS : share > BEGINS;
    const nowMs = this.#clock.now();
    if (wanted === this.#isBacklogged || nowMs - this.#changedMs < MIN_BACKLOG_MS) return false;
    this.#isBacklogged = wanted;
    this.#changedMs = nowMs;
    return true;
  }
}
