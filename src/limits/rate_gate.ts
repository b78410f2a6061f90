/**
 * One rate of an account, a tenant or a connection: what is configured, which turns away what is over it, and what a hub
 * under load leaves, which makes it wait: who keeps to what was agreed loses nothing. Time is given; nothing here does
 * I/O.
 */
import { TokenBucket } from "./token_bucket.ts";

/** Whoever has less than this is never slowed further, in units a second. */
export const LEAST_RATE = 1;
/** A hub under load leaves no bursts. */
const NO_BURST = 1;

/** What a hub under load leaves. */
export interface Restriction {
  /** Of a configured rate, from 0 to 1, where there is no ceiling. */
  readonly share: number;
  /** A second; `Infinity`: none. */
  readonly ceiling: number;
  readonly nowMs: number;
}

/** What was asked for. */
export interface Demand {
  readonly passed: number;
  /** What would have passed without any limit; `Infinity`: more than could be told. */
  readonly wanted: number;
}

/** A gate. Without a limit everything passes and is only counted. */
export class RateGate {
  #configured = 0;
  #bucket: TokenBucket | null = null;
  /** Of what a hub under load leaves; `null`: it is not under load. */
  #load: TokenBucket | null = null;
  /** What passed, was turned away, and whether something had to wait, since {@link takeDemand} was called last. */
  #passed = 0;
  /** What passed before that. */
  #passedBefore = 0;
  #refused = 0;
  #hasWaited = false;

  /** What the load of the hub leaves, a second; `Infinity`: it takes nothing away. */
  get leftByLoad(): number {
    return this.#load === null ? Infinity : this.#load.ratePerSecond;
  }

  /** What passed since it was made; never falls. */
  get passed(): number {
    return this.#passedBefore + this.#passed;
  }

  /** Another limit from now on; 0: none. */
  configure(perSecond: number, { burst, nowMs }: { readonly burst: number; readonly nowMs: number }): void {
    this.#configured = perSecond;
    this.#bucket = changed(this.#bucket, { perSecond: perSecond === 0 ? Infinity : perSecond, burst }, nowMs);
  }

  /** The hub is under load, or is not any more. */
  restrict({ share, ceiling, nowMs }: Restriction): void {
    // Where there is a ceiling the load is shared out by it, and who wants less than that is left alone.
    const isFree = ceiling !== Infinity || this.#configured === 0 || share === 1;
    const perSecond = Math.max(LEAST_RATE, isFree ? ceiling : this.#configured * share);
    this.#load = changed(this.#load, { perSecond, burst: NO_BURST }, nowMs);
  }

  /** The milliseconds until one more may pass by what is configured; 0: now. */
  waitMs(nowMs: number): number {
    return this.#bucket === null ? 0 : this.#bucket.waitMs(nowMs);
  }

  /** The milliseconds for which the load of the hub makes the next one wait; 0: it does not. */
  delayMs(nowMs: number): number {
    if (this.#load === null) return 0;
    const delayMs = this.#load.waitMs(nowMs);
    if (delayMs > 0) this.#hasWaited = true;
    return delayMs;
  }

  /** One passes; what it takes beyond a limit is a debt. */
  pass(nowMs: number): void {
    this.#passed++;
    if (this.#bucket !== null) this.#bucket.charge(1, nowMs);
    if (this.#load !== null) this.#load.charge(1, nowMs);
  }

  /** One was turned away. */
  refuse(): void {
    this.#refused++;
  }

  /** Whether nothing is used of it that counts for later. */
  isFresh(nowMs: number): boolean {
    return [this.#bucket, this.#load].every((bucket) => bucket === null || bucket.isFull(nowMs));
  }

  /** What was asked for since the last call. */
  takeDemand(): Demand {
    const demand = {
      passed: this.#passed,
      wanted: this.#hasWaited ? Infinity : this.#passed + this.#refused,
    };
    this.#passedBefore += this.#passed;
    this.#passed = 0;
    this.#refused = 0;
    this.#hasWaited = false;
    return demand;
  }
}

/** A bucket of another rate; `null` for one that is never empty. */
function changed(
  bucket: TokenBucket | null,
  rate: { readonly perSecond: number; readonly burst: number },
  nowMs: number,
): TokenBucket | null {
  if (rate.perSecond === Infinity) return null;
  if (bucket === null) return new TokenBucket(rate.perSecond, nowMs, rate.burst);
  bucket.change(rate, nowMs);
  return bucket;
}
