/**
 * Deadlines of many things with one timer: they stand in slots of equal length, so that adding and removing one
 * takes constant time. Each is told once, never early, and at the first tick of the timer at or after its time. The
 * timer runs only while there is a deadline.
 */
import type { Clock } from "../core/ports.ts";

/** How long a slot is, and a tick of the timer, in milliseconds, where nothing else is said. */
export const SLOT_MS = 10;

/** Something that is given up at a time. */
export interface Expiring {
  /** In milliseconds of the clock. Never changed while it is watched. */
  readonly deadlineMs: number;
}

/** Watches deadlines. */
export class Deadlines<E extends Expiring> {
  readonly #clock: Clock;
  readonly #onExpired: (expired: E) => void;
  readonly #slotMs: number;
  readonly #slots = new Map<number, Set<E>>();
  /** There is nothing in the slots before this one. */
  #firstSlot = Infinity;
  #size = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `onExpired` may add and delete; what it adds is told at the next tick, even if it is due already. */
  constructor(clock: Clock, onExpired: (expired: E) => void, slotMs = SLOT_MS) {
    this.#clock = clock;
    this.#onExpired = onExpired;
    this.#slotMs = slotMs;
  }

  /** How many are watched. */
  get size(): number {
    return this.#size;
  }

  /** Watches one; of no effect when it is watched already. */
  add(one: E): void {
    const slot = this.#slotOf(one.deadlineMs);
    const set = this.#slots.get(slot);
    if (set === undefined) this.#slots.set(slot, new Set([one]));
    else if (set.has(one)) return;
    else set.add(one);
    this.#size++;
    this.#firstSlot = Math.min(this.#firstSlot, slot);
    this.#timer ??= setInterval(() => this.check(), this.#slotMs);
  }

  /** Forgets one; whether it was watched. */
  delete(one: E): boolean {
    const slot = this.#slotOf(one.deadlineMs);
    const set = this.#slots.get(slot);
    if (set?.delete(one) !== true) return false;
    if (set.size === 0) this.#slots.delete(slot);
    if (--this.#size === 0) this.#rest();
    return true;
  }

  /** Tells all whose time has come. Called by its own timer. */
  check(): void {
    const nowMs = this.#clock.now();
    // What one callback deletes, no other is told of.
    for (const one of this.#due(nowMs)) if (this.delete(one)) this.#onExpired(one);
  }

  #due(nowMs: number): readonly E[] {
    const due: E[] = [];
    const current = this.#slotOf(nowMs);
    for (const slot of this.#slotsUntil(current)) {
      for (const one of this.#slots.get(slot) ?? []) if (one.deadlineMs <= nowMs) due.push(one);
    }
    this.#firstSlot = Math.max(this.#firstSlot, current);
    return due;
  }

  /** The slots up to this one, in their order; after a long sleep there are fewer sets than slots went by. */
  #slotsUntil(last: number): readonly number[] {
    const count = last - this.#firstSlot + 1;
    if (count > this.#slots.size) {
      return [...this.#slots.keys()].filter((slot) => slot <= last).sort((one, other) => one - other);
    }
    return Array.from({ length: Math.max(count, 0) }, (_, step) => this.#firstSlot + step);
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#firstSlot = Infinity;
  }

  #slotOf(timeMs: number): number {
    return Math.floor(timeMs / this.#slotMs);
  }
}
