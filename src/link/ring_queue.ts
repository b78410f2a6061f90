/**
 * A first-in first-out queue on a ring that grows by doubling: constant time at both ends, however long it
 * is. It holds no reference to an item that was taken, no memory before its first item, and little after a burst.
 */

const FIRST_CAPACITY = 8;
/** A ring that is larger than this is given back when it becomes empty. */
const KEPT_CAPACITY = 64;
const EMPTY: readonly undefined[] = Object.freeze([]);

/** The queue. */
export class RingQueue<T> {
  #items: (T | undefined)[] = empty();
  #head = 0;
  #length = 0;

  /** How many items wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds at the end. */
  push(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#length) & (this.#items.length - 1)] = item;
    this.#length++;
  }

  /** The oldest item, which stays; `undefined` when empty. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** Takes the oldest item; `undefined` when empty. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#length--;
    if (this.#length === 0 && this.#items.length > KEPT_CAPACITY) this.clear();
    return item;
  }

  /** Forgets everything. */
  clear(): void {
    this.#items = empty();
    this.#head = 0;
    this.#length = 0;
  }

  #grow(): void {
    const old = this.#items;
    const items = new Array<T | undefined>(Math.max(FIRST_CAPACITY, old.length * 2));
    for (let i = 0; i < this.#length; i++) items[i] = old[(this.#head + i) & (old.length - 1)];
    this.#items = items;
    this.#head = 0;
  }
}

/** The shared array of all queues that hold nothing; it is replaced before anything is put into it. */
function empty<T>(): (T | undefined)[] {
  return EMPTY as (T | undefined)[];
}
