/**
 * Token buckets: a rate per second with a burst of one second's worth. They do no I/O and take the time as an
 * argument; a set of them, one a key, stays within its bound whatever keys come.
 */

/** Of one token. Who waited as long as he was told must not fail because of how fractions are rounded. */
const ROUNDING = 1e-9;

/** How often something may happen. */
export interface Rate {
  readonly perSecond: number;
  /** How far it may be exceeded for a second, as a factor of at least 1. */
  readonly burst: number;
}

/** What a turn brings comes together: a bucket holds so many seconds' worth at least. */
const LEAST_BURST = 0.1;
/** What a rate may be exceeded by where nothing else is said. */
const USUAL_BURST = 2;

/** One bucket. It starts full. */
export class TokenBucket {
  #ratePerSecond: number;
  #capacity: number;
  #tokens: number;
  #updatedMs: number;

  /** A bucket of `ratePerSecond` tokens a second that holds what the burst adds to one second, at least one token. */
  constructor(ratePerSecond: number, nowMs: number, burst = USUAL_BURST) {
    this.#ratePerSecond = ratePerSecond;
    this.#capacity = capacityOf({ perSecond: ratePerSecond, burst });
    this.#tokens = this.#capacity;
    this.#updatedMs = nowMs;
  }

  get ratePerSecond(): number {
    return this.#ratePerSecond;
  }

  /** Fills at another rate from now on. What is over its new capacity is lost; debts stay. */
  change(rate: Rate, nowMs: number): void {
    this.#refill(nowMs);
    this.#ratePerSecond = rate.perSecond;
    this.#capacity = capacityOf(rate);
    this.#tokens = Math.min(this.#tokens, this.#capacity);
  }

  /** Takes one token; gives 0, or the milliseconds until there is one: then nothing was taken. */
  take(nowMs: number): number {
    const waitMs = this.waitMs(nowMs);
    if (waitMs === 0) this.#tokens--;
    return waitMs;
  }

  /** The milliseconds until there is a token; 0 when there is one. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    if (this.#tokens >= 1 - ROUNDING) return 0;
    return Math.ceil((1 - this.#tokens) * 1000 / this.#ratePerSecond);
  }

  /** Takes tokens whether they are there or not: what is missing is a debt, and nothing can be had until it is paid. */
  charge(tokens: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens -= tokens;
  }

  /** Whether there is no token now. */
  isEmpty(nowMs: number): boolean {
    return this.waitMs(nowMs) > 0;
  }

  /** Whether nothing of it is used: a new one would be the same. */
  isFull(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#tokens >= this.#capacity;
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#updatedMs) return;
    const gained = (nowMs - this.#updatedMs) * this.#ratePerSecond / 1000;
    this.#tokens = Math.min(this.#capacity, this.#tokens + gained);
    this.#updatedMs = nowMs;
  }
}

function capacityOf({ perSecond, burst }: Rate): number {
  return Math.max(1, perSecond * Math.max(burst - 1, LEAST_BURST));
}

/** A bucket for each key, made when the key comes up. */
export class KeyedBuckets {
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, TokenBucket>();

  /** Holds at most `maxKeys` buckets: full ones go first, then those that were made first. */
  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  /** How many keys there are. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Takes one token of the key's bucket, which fills at `ratePerSecond`; as {@link TokenBucket.take}. With another rate
   * it begins anew.
   */
  take(key: string, { ratePerSecond, nowMs }: { ratePerSecond: number; nowMs: number }): number {
    let bucket = this.#buckets.get(key);
    if (bucket?.ratePerSecond !== ratePerSecond) {
      if (bucket === undefined && this.#buckets.size >= this.#maxKeys) this.#makeRoom(nowMs);
      bucket = new TokenBucket(ratePerSecond, nowMs);
      this.#buckets.set(key, bucket);
    }
    return bucket.take(nowMs);
  }

  /** Forgets a tenth of the keys at least, so that the search is paid for by many keys. */
  #makeRoom(nowMs: number): void {
    const wanted = this.#maxKeys - Math.ceil(this.#maxKeys / 10);
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(nowMs)) this.#buckets.delete(key);
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= wanted) return;
      this.#buckets.delete(key);
    }
  }
}
