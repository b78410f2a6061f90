/**
 * What a hub that lags leaves of rates. While the event loop is later than it should be the share shrinks by a factor,
 * while it is well in time it grows by steps (additive increase, multiplicative decrease: D.-M. Chiu and R. Jain, 1989);
 * in between it stays. What is left is shared out by max-min fairness: who wants little gets it, the others the same
 * each. Pure: it is told what was measured.
 */
import type { QuotaRate } from "../core/quota_words.ts";
import type { RateGate, Restriction } from "./rate_gate.ts";

/** How it adjusts. */
export interface AdjustSettings {
  /** Lag that is aimed at, in milliseconds. */
  readonly targetLagMs: number;
  /** The smallest share that is left. */
  readonly floor: number;
}

/** What was measured since the last time. */
export interface Measured {
  readonly lagMs: number;
  readonly seconds: number;
  readonly nowMs: number;
  /** The gates of those among whom it is shared out. */
  readonly gates: Readonly<Record<QuotaRate, readonly RateGate[]>>;
}

/** What became of the share. */
export type Adjusted = "lowered" | "raised" | "held";

/** What is left of the share each time that the hub lags. */
export const DECREASE = 0.8;
/** What the share gains each time that it does not. */
export const INCREASE = 0.05;
/** Below this part of the target the hub is well in time. */
export const CALM = 0.5;
/** All together are never left less than this, a second. */
export const LEAST_CAPACITY = 100;

/** Adjusts the rates of one hub. */
export class LimitAdjuster {
  #settings: AdjustSettings;
  #share = 1;
  /** What passed in a second when the hub began to lag. */
  readonly #base: Record<QuotaRate, number> = { messages: 0, requests: 0 };
  readonly #level: Record<QuotaRate, number> = { messages: Infinity, requests: Infinity };

  constructor(settings: AdjustSettings) {
    this.#settings = settings;
  }

  /** From the floor to 1. */
  get share(): number {
    return this.#share;
  }

  /** What each may have at most of a rate, a second. */
  levelOf(rate: QuotaRate): number {
    return this.#level[rate];
  }

  change(settings: AdjustSettings): void {
    this.#settings = settings;
  }

  /** What a gate that comes now has to keep to. */
  restrictionOf(rate: QuotaRate, nowMs: number): Restriction {
    return { share: this.#share, ceiling: this.#level[rate], nowMs };
  }

  /** Finds the share for the time that comes, and what each gate may have of it. */
  adjust(measured: Measured): Adjusted {
    const demands = {
      messages: demandsOf(measured.gates.messages, measured.seconds),
      requests: demandsOf(measured.gates.requests, measured.seconds),
    };
    const adjusted = this.#move(measured.lagMs, demands);
    for (const rate of ["messages", "requests"] as const) {
      const capacity = Math.max(this.#base[rate] * this.#share, LEAST_CAPACITY);
      this.#level[rate] = this.#share === 1 ? Infinity : fairLevel(demands[rate].wanted, capacity);
      const restriction = this.restrictionOf(rate, measured.nowMs);
      for (const gate of measured.gates[rate]) gate.restrict(restriction);
    }
    return adjusted;
  }

  #move(lagMs: number, demands: Readonly<Record<QuotaRate, Demands>>): Adjusted {
    const { targetLagMs, floor } = this.#settings;
    const before = this.#share;
    if (lagMs > targetLagMs) {
      if (before === 1) {
        for (const rate of ["messages", "requests"] as const) this.#base[rate] = demands[rate].passed;
      }
      this.#share = Math.max(floor, before * DECREASE);
    } else if (lagMs < targetLagMs * CALM) {
      this.#share = Math.min(1, before + INCREASE);
    }
    if (this.#share === before) return "held";
    return this.#share < before ? "lowered" : "raised";
  }
}

/** What passed, and what each gate was asked for, a second. */
interface Demands {
  readonly passed: number;
  readonly wanted: readonly number[];
}

function demandsOf(gates: readonly RateGate[], seconds: number): Demands {
  let passed = 0;
  const wanted = gates.map((gate) => {
    const demand = gate.takeDemand();
    passed += demand.passed / seconds;
    return demand.wanted / seconds;
  });
  return { passed, wanted };
}

/**
 * The level at which all who want more are cut, so that together they have the capacity (max-min fairness). Where they
 * want less than that: what one more could have of it.
 */
export function fairLevel(wanted: readonly number[], capacity: number): number {
  const rising = wanted.filter((demand) => demand > 0).toSorted((a, b) => a - b);
  let left = capacity;
  for (const [index, demand] of rising.entries()) {
    const level = left / (rising.length - index);
    if (demand > level) return level;
    left -= demand;
  }
  return Math.max(left, rising.at(-1) ?? 0);
}
