/**
 * Decides from how late the event loop is how much it has to do. Up takes a lag that lasts, down takes quiet that
 * lasts longer; between the two thresholds nothing changes. Who goes down and has to come up again soon waits twice as
 * long the next time, so that a load that comes and goes is followed a few times and then not any more.
 */
import type { Clock } from "../core/ports.ts";
import { type Load, LOADS } from "./tuning.ts";

/** Median lag of the last observations that takes the load up, by the load it is at. */
const UP_MS: Readonly<Record<Load, number>> = { calm: 15, busy: 60, saturated: Infinity };
/** Lag below which it may go down again. */
const DOWN_MS: Readonly<Record<Load, number>> = { calm: 0, busy: 5, saturated: 20 };
/** Observations that are looked at; a tenth of a second lies between two. */
const OBSERVATIONS = 5;
/** The least time between two changes upwards. */
export const MIN_UP_MS = 1000;
/** For how long there has to be quiet before a change downwards. */
export const MIN_QUIET_MS = 5000;
/** The most that becomes of it. */
export const MAX_QUIET_MS = 160_000;
/** Coming up so soon after going down was going down too early. */
const RELAPSE_MS = 30_000;

/** The load of one event loop. */
export class LoadWatch {
  readonly #clock: Clock;
  readonly #lags: number[] = [];
  #level = 0;
  #changedMs = -Infinity;
  #wentDownMs = -Infinity;
  #quietSinceMs: number | null = null;
  #quietMs = MIN_QUIET_MS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The load now. */
  get load(): Load {
    return LOADS[this.#level] ?? "calm";
  }

  /** Takes an observation; whether the load is another one now. */
  observe(lagMs: number): boolean {
    this.#lags.push(lagMs);
    if (this.#lags.length > OBSERVATIONS) this.#lags.shift();
    if (this.#lags.length < OBSERVATIONS) return false;
    const nowMs = this.#clock.now();
    const medianMs = [...this.#lags].sort((one, other) => one - other)[OBSERVATIONS >> 1] ?? 0;
    if (medianMs > UP_MS[this.load]) return this.#rise(nowMs);
    return this.#fall(nowMs, medianMs);
  }

  #rise(nowMs: number): boolean {
    this.#quietSinceMs = null;
    if (nowMs - this.#changedMs < MIN_UP_MS) return false;
    const isRelapse = nowMs - this.#wentDownMs < RELAPSE_MS;
    if (isRelapse) this.#quietMs = Math.min(MAX_QUIET_MS, 2 * this.#quietMs);
    this.#level++;
    this.#changedMs = nowMs;
    return true;
  }

  #fall(nowMs: number, medianMs: number): boolean {
    if (this.#level === 0) {
      // A load that stays away is forgiven.
      if (nowMs - this.#wentDownMs > 2 * this.#quietMs) this.#quietMs = MIN_QUIET_MS;
      return false;
    }
    if (medianMs > DOWN_MS[this.load]) {
      this.#quietSinceMs = null;
      return false;
    }
    this.#quietSinceMs ??= nowMs;
    if (nowMs - this.#quietSinceMs < this.#quietMs) return false;
    this.#level--;
    this.#quietSinceMs = null;
    this.#changedMs = nowMs;
    this.#wentDownMs = nowMs;
    return true;
  }
}
