/**
 * How long to wait before the next attempt: exponential with full jitter, so that many who lost the same peer do not
 * come back together. A peer that said "not with these credentials" is left alone much longer. It does no I/O; a
 * delay is never shorter than what the peer asked for, and never so long that nobody comes back.
 */

/** Bounds of one row of delays, in milliseconds. */
export interface BackoffRange {
  /** What the ceiling of the delays begins with; it doubles with each attempt. */
  readonly initialMs: number;
  /** What the ceiling ends with. */
  readonly maxMs: number;
}

/** What a backoff is made of. */
export interface BackoffOptions {
  /** Gives numbers from 0 to below 1. */
  readonly random: () => number;
  /** After a fault that may go away by itself. @default a ceiling of 500 ms to 30 s */
  readonly transient?: BackoffRange;
  /** After a refusal: the jitter comes on top of `initialMs`. @default 60 s and a ceiling of 60 s to 10 min */
  readonly refused?: BackoffRange;
  /** A connection that lived this long was a good one: the delays begin anew. @default 60_000 */
  readonly goodAfterMs?: number;
}

/** Why an attempt is needed: the fault may go away by itself, or somebody has to change something first. */
export type BackoffCause = "transient" | "refused";

/** The longest delay that a peer can ask for; longer wishes are cut to it. */
export const MAX_ASKED_MS = 3_600_000;

const TRANSIENT: BackoffRange = { initialMs: 500, maxMs: 30_000 };
const REFUSED: BackoffRange = { initialMs: 60_000, maxMs: 600_000 };
const GOOD_AFTER_MS = 60_000;

/** The delays of one who tries again for ever. */
export class Backoff {
  readonly #random: () => number;
  readonly #ranges: Readonly<Record<BackoffCause, BackoffRange>>;
  readonly #goodAfterMs: number;
  /** How often each ceiling doubled. */
  readonly #doublings: Record<BackoffCause, number> = { transient: 0, refused: 0 };

  constructor(
    { random, transient = TRANSIENT, refused = REFUSED, goodAfterMs = GOOD_AFTER_MS }: BackoffOptions,
  ) {
    this.#random = random;
    this.#ranges = { transient, refused };
    this.#goodAfterMs = goodAfterMs;
  }

  /** Another one with the same bounds, for another row of attempts. */
  fresh(): Backoff {
    return new Backoff({ random: this.#random, ...this.#ranges, goodAfterMs: this.#goodAfterMs });
  }

  /**
   * The milliseconds until the next attempt, a whole number. `askedMs` is what the peer asked for: the jitter comes
   * on top of it, because it asks everybody the same.
   */
  next(cause: BackoffCause, askedMs = 0): number {
    const { initialMs, maxMs } = this.#ranges[cause];
    const ceilingMs = Math.min(maxMs, initialMs * 2 ** this.#doublings[cause]);
    if (ceilingMs < maxMs) this.#doublings[cause]++;
    const leastMs = Math.max(cause === "refused" ? initialMs : 0, clampAsked(askedMs));
    return Math.ceil(leastMs + this.#random() * ceilingMs);
  }

  /** A connection lived this long; whether that was long enough for the delays to begin anew. */
  lived(durationMs: number): boolean {
    if (durationMs < this.#goodAfterMs) return false;
    this.#doublings.transient = 0;
    this.#doublings.refused = 0;
    return true;
  }
}

/** A wish as far as it is followed; what is no number is no wish. */
function clampAsked(askedMs: number): number {
  return askedMs > 0 ? Math.min(askedMs, MAX_ASKED_MS) : 0;
}
