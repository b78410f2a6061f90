/**
 * Failures by key, and the keys that are locked for them. It does no I/O, takes the time as an argument, and stays
 * within its bound whatever keys come. Locked keys have room of their own: only other locked ones push them out, those
 * that end first, and each of these costs as many failures as a lock does. Failures that locked nothing yet push out
 * only their own kind, the oldest first.
 */

/** When a key is locked. */
export interface LockoutLimits {
  /** So many failures lock a key. */
  readonly threshold: number;
  /** How long it is locked, and how long without a failure until the earlier ones are forgotten. */
  readonly durationMs: number;
}

interface Failures {
  readonly count: number;
  readonly lastMs: number;
}

/** One table. */
export class FailureTable {
  readonly #maxKeys: number;
  /** In the order of the last failure. */
  readonly #failing = new Map<string, Failures>();
  /** When the lock ends, in the order in which they were locked. */
  readonly #locked = new Map<string, number>();

  /** Holds at most `maxKeys` keys with failures, and as many locked ones. */
  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  /** How many keys it holds. */
  get size(): number {
    return this.#failing.size + this.#locked.size;
  }

  /** For how long a key is locked yet; 0 when it is not. */
  lockedForMs(key: string, nowMs: number): number {
    return Math.max(0, (this.#locked.get(key) ?? 0) - nowMs);
  }

  /** Whether there are failures of a key that count. */
  has(key: string, { durationMs }: LockoutLimits, nowMs: number): boolean {
    const failures = this.#failing.get(key);
    return this.lockedForMs(key, nowMs) > 0 ||
      (failures !== undefined && nowMs - failures.lastMs < durationMs);
  }

  /** Counts a failure; whether it locked the key. The failures of a key that is locked do not count. */
  fail(key: string, limits: LockoutLimits, nowMs: number): boolean {
    if (this.lockedForMs(key, nowMs) > 0) return false;
    const count = this.has(key, limits, nowMs) ? (this.#failing.get(key)?.count ?? 0) + 1 : 1;
    this.#failing.delete(key);
    this.#locked.delete(key);
    if (count >= limits.threshold) this.#locked.set(key, nowMs + limits.durationMs);
    else this.#failing.set(key, { count, lastMs: nowMs });
    if (this.#failing.size > this.#maxKeys) this.#forgetFailing(limits, nowMs);
    if (this.#locked.size > this.#maxKeys) this.#forgetLocked(nowMs);
    return count >= limits.threshold;
  }

  /** How many keys stay: a tenth is forgotten at least, so that the search is paid for by many keys. */
  get #wanted(): number {
    return this.#maxKeys - Math.ceil(this.#maxKeys / 10);
  }

  #forgetFailing({ durationMs }: LockoutLimits, nowMs: number): void {
    for (const [key, { lastMs }] of this.#failing) {
      if (this.#failing.size <= this.#wanted && nowMs - lastMs < durationMs) return;
      this.#failing.delete(key);
    }
  }

  #forgetLocked(nowMs: number): void {
    for (const [key, untilMs] of this.#locked) {
      if (this.#locked.size <= this.#wanted && nowMs < untilMs) return;
      this.#locked.delete(key);
    }
  }
}
