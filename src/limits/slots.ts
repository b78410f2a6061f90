/**
 * Bounds what is in progress, of each key and of all keys together. It does no I/O, remembers no key of which nothing is
 * in progress, and counts whom it turned away.
 */

/** How much may be in progress. */
export interface SlotLimits {
  readonly perKey: number;
  readonly total: number;
}

/** Slots that are taken and given back. */
export class Slots {
  /** How many were turned away. */
  refused = 0;
  readonly #limits: SlotLimits;
  readonly #taken = new Map<string, number>();
  #size = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  /** How many are taken. */
  get size(): number {
    return this.#size;
  }

  /** Takes one; `false`: there is none left for this key. */
  enter(key: string): boolean {
    const { perKey, total } = this.#limits;
    const own = this.#taken.get(key) ?? 0;
    if (own >= perKey || this.#size >= total) {
      this.refused++;
      return false;
    }
    this.#taken.set(key, own + 1);
    this.#size++;
    return true;
  }

  /** Gives one back; gives how many this key still has. */
  leave(key: string): number {
    const own = (this.#taken.get(key) ?? 0) - 1;
    if (own < 0) throw new TypeError(`Cannot give back a slot of ${JSON.stringify(key)}: it has none`);
    this.#size--;
    if (own === 0) this.#taken.delete(key);
    else this.#taken.set(key, own);
    return own;
  }
}
