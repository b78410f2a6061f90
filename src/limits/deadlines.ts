/**
 * Deadlines of many things with one timer: they stand in slots of equal length, so that adding and removing one
 * takes constant time. Each is told once, never early, and at the first tick of the timer at or after its time. The
 * timer runs only while there is a deadline.
 */
import type { Clock } from "../core/ports.ts";

/** How long a slot is, and a tick of the timer, in milliseconds, where nothing else is said. */
export const SLOT_MS = 10;

/** Something that is given up at a time. It is itself the link of the list that it stands in; `E` is what it is. */
export class Expiring<E> {
  /** In milliseconds of the clock. */
  readonly deadlineMs: number;
  /** Where it stands; `null` while it is not watched. */
  slot: Slot<E> | null = null;
  previousDue: E | null = null;
  nextDue: E | null = null;

  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs;
  }
}

/** All whose time comes within {@link SLOT_MS}, in the order in which they came. */
interface Slot<E> {
  readonly number: number;
  first: E | null;
  last: E | null;
}

/** Watches deadlines. */
export class Deadlines<E extends Expiring<E>> {
  readonly #clock: Clock;
  readonly #onExpired: (expired: E) => void;
  readonly #slotMs: number;
  readonly #slots = new Map<number, Slot<E>>();
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
    if (one.slot !== null) return;
    const slot = this.#slotAt(this.#slotOf(one.deadlineMs));
    one.slot = slot;
    one.previousDue = slot.last;
    if (slot.last === null) slot.first = one;
    else slot.last.nextDue = one;
    slot.last = one;
    this.#size++;
    if (slot.number < this.#firstSlot) this.#firstSlot = slot.number;
    this.#timer ??= setInterval(() => this.check(), this.#slotMs);
  }

  /** Forgets one; whether it was watched. */
  delete(one: E): boolean {
    const { slot, previousDue: previous, nextDue: next } = one;
    if (slot === null) return false;
    if (previous === null) slot.first = next;
    else previous.nextDue = next;
    if (next === null) slot.last = previous;
    else next.previousDue = previous;
    one.slot = null;
    one.previousDue = null;
    one.nextDue = null;
    if (slot.first === null) this.#slots.delete(slot.number);
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
    for (const number of this.#slotsUntil(current)) {
      for (let one = this.#slots.get(number)?.first ?? null; one !== null; one = one.nextDue) {
        if (one.deadlineMs <= nowMs) due.push(one);
      }
    }
    this.#firstSlot = Math.max(this.#firstSlot, current);
    return due;
  }

  #slotAt(number: number): Slot<E> {
    const known = this.#slots.get(number);
    if (known !== undefined) return known;
    const slot = { number, first: null, last: null };
    this.#slots.set(number, slot);
    return slot;
  }

  /** The slots up to this one, in their order; after a long sleep there are fewer slots than went by. */
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
