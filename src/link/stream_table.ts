/**
 * The streams of one connection by their ids. A `Map` would do the same, but one that gets and loses an entry with
 * every exchange makes its memory anew every few of them, and each former one points to the next: once one of them
 * is old, all that follow, and what was in them, outlive every young collection. Here nothing is left of what went.
 */

/** What has an id above 0. */
export interface Numbered {
  readonly id: number;
}

/** More than an agent mostly has at a time, so that it is rarely made anew. */
const FIRST_CAPACITY = 64;
/** So that nobody who chooses ids knows where they come to stand; odd, with its highest bit set. */
const FACTOR = (0x8000_0000 | (Math.random() * 0x8000_0000) | 1) >>> 0;

/** The table: open addressing with linear probing, half empty at least. */
export class StreamTable<T extends Numbered> {
  #slots = emptySlots<T>(FIRST_CAPACITY);
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let at = placeOf(id, mask);; at = (at + 1) & mask) {
      const item = slots[at];
      if (item === undefined || item.id === id) return item;
    }
  }

  /** Adds one whose id is not there yet. */
  add(item: T): void {
    if (this.#size * 2 >= this.#slots.length) this.#resize(this.#slots.length * 2);
    this.#size++;
    place(this.#slots, item);
  }

  /** Takes it out; whether it was there. */
  delete(id: number): boolean {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = placeOf(id, mask);
    for (let item = slots[at]; item?.id !== id; item = slots[at]) {
      if (item === undefined) return false;
      at = (at + 1) & mask;
    }
    this.#close(at);
    this.#size--;
    if (this.#size * 16 < slots.length && slots.length > FIRST_CAPACITY) this.#resize(slots.length / 2);
    return true;
  }

  /** All of them as they are now, in no order. */
  all(): T[] {
    return this.#slots.filter((item) => item !== undefined);
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots = emptySlots(FIRST_CAPACITY);
    this.#size = 0;
  }

  /** Empties a slot; those behind it that would not be found any more move up. */
  #close(from: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = from;
    for (let at = (hole + 1) & mask;; at = (at + 1) & mask) {
      const item = slots[at];
      if (item === undefined) break;
      const distance = (at - placeOf(item.id, mask)) & mask;
      if (distance < ((at - hole) & mask)) continue;
      slots[hole] = item;
      hole = at;
    }
    slots[hole] = undefined;
  }

  #resize(capacity: number): void {
    const slots = emptySlots<T>(capacity);
    for (const item of this.#slots) if (item !== undefined) place(slots, item);
    this.#slots = slots;
  }
}

function emptySlots<T>(capacity: number): (T | undefined)[] {
  return new Array<T | undefined>(capacity).fill(undefined);
}

function placeOf(id: number, mask: number): number {
  return Math.imul(id, FACTOR) >>> Math.clz32(mask);
}

function place<T extends Numbered>(slots: (T | undefined)[], item: T): void {
  const mask = slots.length - 1;
  let at = placeOf(item.id, mask);
  while (slots[at] !== undefined) at = (at + 1) & mask;
  slots[at] = item;
}
