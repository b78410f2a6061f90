/**
 * What was found for the topics that were asked for lately, in two generations: when the young one is full it
 * becomes the old one, and what is asked for again moves back. It is bounded in entries and in weight, asks for
 * no order to be kept, and can be emptied at once.
 */

/** How much a cache may hold in each of its two generations. */
export interface RouteCacheBounds {
  readonly maxEntries: number;
  readonly maxWeight: number;
}

interface Entry<V> {
  readonly value: V;
  readonly weight: number;
}

/** Values by topic. */
export class RouteCache<V> {
  readonly #bounds: RouteCacheBounds;
  #young = new Map<string, Entry<V>>();
  #old = new Map<string, Entry<V>>();
  #youngWeight = 0;

  constructor(bounds: RouteCacheBounds) {
    this.#bounds = bounds;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(topic: string): V | undefined {
    const young = this.#young.get(topic);
    if (young !== undefined) return young.value;
    const old = this.#old.get(topic);
    if (old === undefined) return undefined;
    this.#old.delete(topic);
    this.#put(topic, old);
    return old.value;
  }

  /** Keeps a value that is not there; `weight` is what it holds on to. */
  set(topic: string, value: V, weight: number): void {
    this.#put(topic, { value, weight });
  }

  delete(topic: string): void {
    const young = this.#young.get(topic);
    if (young !== undefined) {
      this.#youngWeight -= young.weight;
      this.#young.delete(topic);
    } else this.#old.delete(topic);
  }

  clear(): void {
    if (this.size === 0) return;
    this.#young = new Map();
    this.#old = new Map();
    this.#youngWeight = 0;
  }

  #put(topic: string, entry: Entry<V>): void {
    const { maxEntries, maxWeight } = this.#bounds;
    if (this.#young.size >= maxEntries || this.#youngWeight + entry.weight > maxWeight) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngWeight = 0;
    }
    this.#young.set(topic, entry);
    this.#youngWeight += entry.weight;
  }
}
