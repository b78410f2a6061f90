/**
 * Measures how late the event loop is: it arms a timer again and again and compares when it fired with when it
 * should have. It guarantees one observation per firing, none negative, and a maximum over a moving window that
 * does not depend on who reads it or how often.
 */

import { type Clock, systemClock } from "../core/ports.ts";
import type { MetricSample } from "./metric_table.ts";

/** Runs `run` once after `delayMs`; what it returns cancels it. */
export type Schedule = (run: () => void, delayMs: number) => () => void;

/** How to measure. */
export interface LoopLagOptions {
  /** @default the process's monotonic clock */
  readonly clock?: Clock;
  /** @default a timer that does not keep the process alive */
  readonly schedule?: Schedule;
  /** Milliseconds between two observations. @default 100 */
  readonly intervalMs?: number;
  /** Half of the time that the maximum looks back at most, in milliseconds. @default 15000 */
  readonly windowMs?: number;
  /** Told of each observation, in seconds. */
  readonly onLag?: (lagSeconds: number) => void;
}

/** An event loop lag measurement that runs until it is stopped. */
export class LoopLag {
  readonly #clock: Clock;
  readonly #schedule: Schedule;
  readonly #intervalMs: number;
  readonly #windowMs: number;
  readonly #onLag: (lagSeconds: number) => void;
  #cancel: (() => void) | null = null;
  #windowStartMs = 0;
  #windowMaxMs = 0;
  #previousMaxMs = 0;

  constructor(options: LoopLagOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#schedule = options.schedule ?? scheduleInBackground;
    this.#intervalMs = options.intervalMs ?? 100;
    this.#windowMs = options.windowMs ?? 15_000;
    this.#onLag = options.onLag ?? (() => {});
  }

  /** Begins to measure. Does nothing when it already runs. */
  start(): void {
    if (this.#cancel !== null) return;
    this.#windowStartMs = this.#clock.now();
    this.#arm();
  }

  /** Stops measuring and leaves no timer behind. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** The largest lag of the present and the previous window, in seconds. */
  maxSeconds(): number {
    this.#turnWindow(this.#clock.now());
    return Math.max(this.#windowMaxMs, this.#previousMaxMs) / 1000;
  }

  /** The gauge of the maximum; the histogram is fed through {@link LoopLagOptions.onLag}. */
  *samples(): Iterable<MetricSample> {
    yield { name: "trunkline_event_loop_lag_max_seconds", value: this.maxSeconds() };
  }

  #arm(): void {
    const dueMs = this.#clock.now() + this.#intervalMs;
    this.#cancel = this.#schedule(() => this.#fired(dueMs), this.#intervalMs);
  }

  #fired(dueMs: number): void {
    const nowMs = this.#clock.now();
    const lagMs = Math.max(0, nowMs - dueMs);
    this.#turnWindow(nowMs);
    this.#windowMaxMs = Math.max(this.#windowMaxMs, lagMs);
    this.#arm();
    this.#onLag(lagMs / 1000);
  }

  #turnWindow(nowMs: number): void {
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs < this.#windowMs) return;
    this.#previousMaxMs = elapsedMs < 2 * this.#windowMs ? this.#windowMaxMs : 0;
    this.#windowMaxMs = 0;
    this.#windowStartMs = nowMs;
  }
}

function scheduleInBackground(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  Deno.unrefTimer(timer);
  return () => clearTimeout(timer);
}
