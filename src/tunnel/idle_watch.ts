/**
 * Ends what nothing flows through any more: one timer looks at everybody now and then, while there is somebody. Without a
 * limit nobody is looked at.
 */
import type { Clock } from "../core/ports.ts";
import { Standstill } from "../link/standstill.ts";

/** Who is watched. */
export interface Flowing {
  /** Changes with every byte, in either direction. */
  readonly progress: number;
  /** Nothing flowed for too long. */
  idle(): void;
}

const MAX_CHECK_MS = 1000;
const CHECKS_PER_TIMEOUT = 4;

/** Watches all of one hub. */
export class IdleWatch {
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #watched = new Map<Flowing, Standstill>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `timeoutMs` 0: no limit. */
  constructor(timeoutMs: number, clock: Clock) {
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  watch(one: Flowing): void {
    if (this.#timeoutMs === 0) return;
    this.#watched.set(one, new Standstill());
    const everyMs = Math.min(MAX_CHECK_MS, this.#timeoutMs / CHECKS_PER_TIMEOUT);
    this.#timer ??= setInterval(() => this.check(), everyMs);
  }

  unwatch(one: Flowing): void {
    this.#watched.delete(one);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks at everybody once. */
  check(): void {
    const nowMs = this.#clock.now();
    for (const [one, standstill] of this.#watched) {
      if (standstill.look(nowMs, one.progress) >= this.#timeoutMs) one.idle();
    }
  }
}
