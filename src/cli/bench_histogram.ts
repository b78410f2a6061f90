/**
 * Latencies counted in buckets, so that a run of any length takes the same memory: exact up to 255 µs, above that
 * within 1/128 of the value. Pure.
 */

/** Values below this have a bucket each. */
const EXACT = 256;
/** Buckets for each further doubling. */
const HALF = EXACT / 2;
/** Everything longer (35 minutes) is counted as that long; only the maximum is exact. */
const LIMIT_US = 0x7fff_ffff;
const BUCKETS = EXACT + 23 * HALF;

/** Counts whole microseconds. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #maxUs = 0;

  /** How many latencies there are. */
  get count(): number {
    return this.#count;
  }

  /** The longest, exact; 0 when there is none. */
  get maxUs(): number {
    return this.#maxUs;
  }

  /** Takes one latency; fractions are rounded, and less than nothing is nothing. */
  record(us: number): void {
    const value = us > 0 ? Math.round(us) : 0;
    const bucket = bucketOf(Math.min(value, LIMIT_US));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    if (value > this.#maxUs) this.#maxUs = value;
  }

  /** What so large a part (0 to 1) of all latencies does not exceed, rounded up to its bucket; `null` of nothing. */
  quantileUs(part: number): number | null {
    if (this.#count === 0) return null;
    let left = Math.max(1, Math.ceil(part * this.#count));
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket] ?? 0;
      if (left <= 0) return Math.min(highestOf(bucket), this.#maxUs);
    }
    return this.#maxUs;
  }
}

function bucketOf(value: number): number {
  if (value < EXACT) return value;
  const shift = 24 - Math.clz32(value);
  return EXACT + (shift - 1) * HALF + (value >>> shift) - HALF;
}

function highestOf(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const shift = Math.floor((bucket - EXACT) / HALF) + 1;
  const step = (bucket - EXACT) % HALF + HALF;
  return (step + 1) * 2 ** shift - 1;
}
