/**
 * How fast bytes may go in one direction of a connection: as fast as the slowest of its own bandwidth, its account's and
 * its tenant's. Nothing is dropped: what went already is a debt, and the next bytes wait until it is paid. Who owes
 * something else is held too, for as long as he does.
 */
import type { Clock } from "../core/ports.ts";
import type { TokenBucket } from "./token_bucket.ts";

/** Where a bandwidth comes from; `null`: it has no limit. */
export interface Bandwidth {
  readonly bytes: TokenBucket | null;
}

/** The smallest piece that is worth waiting for. */
const MIN_PIECE_BYTES = 1024;
/** More is none; a small integer, since hot loops count with it. */
const MAX_PIECE_BYTES = 2 ** 30 - 1;
/** In one piece goes what may go in this part of a second. */
const PIECES_PER_SECOND = 10;

/**
 * Nobody is held for longer at a time, whatever he owes: others of his account may owe most of it, and signs of life come
 * between what is read.
 */
export const MAX_HOLD_MS = 10_000;

/** Those who wait for the same bandwidth look again within so long of each other. */
const SPREAD_MS = 100;

/** The pace of one direction. */
export class BytePace {
  readonly #clock: Clock;
  readonly #random: () => number;
  #limits: readonly TokenBucket[] = [];
  /** For how long still something is owed; `null`: nothing is. */
  #owedMs: ((nowMs: number) => number) | null = null;
  #heldSinceMs = 0;
  /** When it was asked last for how long to wait, which it is for each message, and what it said; -1: ask anew. */
  #askedMs = -1;
  #saidMs = 0;
  /** What went since, less than is worth waiting for: small messages come by the thousand. */
  #unpaidBytes = 0;
  /** Whether anything can have to wait. */
  isActive = false;
  /** How much may go in one piece, so that it is not waited for too long. */
  pieceBytes = MAX_PIECE_BYTES;

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Keeps to these from now on. */
  follow(bandwidths: readonly (Bandwidth | null)[]): void {
    this.#limits = bandwidths.map((one) => one?.bytes ?? null).filter((bucket) => bucket !== null);
    const slowest = Math.min(...this.#limits.map(({ ratePerSecond }) => ratePerSecond));
    const share = Math.floor(slowest / PIECES_PER_SECOND);
    this.pieceBytes = Math.min(MAX_PIECE_BYTES, Math.max(MIN_PIECE_BYTES, share));
    this.isActive = this.#limits.length > 0 || this.#owedMs !== null;
    this.#askedMs = -1;
  }

  /** Nothing goes while something is owed: `owedMs` is asked again and again for how many milliseconds that is. */
  hold(owedMs: (nowMs: number) => number): void {
    if (this.#owedMs === null) this.#heldSinceMs = this.#clock.now();
    this.#owedMs = owedMs;
    this.isActive = true;
  }

  /** Bytes went. */
  spend(bytes: number): void {
    if (!this.isActive) return;
    this.#unpaidBytes += bytes;
    if (this.#unpaidBytes >= MIN_PIECE_BYTES) this.#pay(this.#clock.now());
  }

  /** The milliseconds until more may go; 0: now. */
  waitMs(): number {
    if (!this.isActive) return 0;
    const nowMs = this.#clock.now();
    if (nowMs === this.#askedMs && this.#owedMs === null) return this.#saidMs;
    this.#pay(nowMs);
    let waitMs = this.#owedMs === null ? 0 : this.#heldMs(this.#owedMs(nowMs), nowMs);
    for (const bucket of this.#limits) waitMs = Math.max(waitMs, bucket.waitMs(nowMs));
    this.#askedMs = nowMs;
    this.#saidMs = waitMs;
    return waitMs;
  }

  /**
   * After how many milliseconds to look again for who has to wait for so many. Of several who wait for one bandwidth the
   * first would always be the first: the others find what he owes.
   */
  lookAgainMs(waitMs: number): number {
    return waitMs + Math.ceil(this.#random() * Math.min(waitMs, SPREAD_MS));
  }

  #pay(nowMs: number): void {
    for (const bucket of this.#limits) bucket.charge(this.#unpaidBytes, nowMs);
    this.#unpaidBytes = 0;
    this.#askedMs = -1;
  }

  #heldMs(owedMs: number, nowMs: number): number {
    const heldMs = Math.ceil(Math.min(owedMs, this.#heldSinceMs + MAX_HOLD_MS - nowMs));
    if (heldMs > 0) return heldMs;
    this.#owedMs = null;
    this.isActive = this.#limits.length > 0;
    return 0;
  }
}
