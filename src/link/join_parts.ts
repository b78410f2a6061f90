/**
 * Joins the pieces of one flush: runs of small pieces are copied together, large ones are passed on as they are.
 * Subscribers of one room mostly wait for the very same messages, so the last result is kept for a turn and handed
 * out again when the next flush has the very same pieces.
 */

import { MAX_CUT_BYTES, Slab } from "../wire/slab.ts";

/** Pieces up to this many bytes are worth a copy to save a write. */
export const SMALL_BYTES = 4096;

/** Joins pieces for the flushes of one hub. */
export class PartJoiner {
  /** Small pieces are joined into pieces of at most so many bytes. */
  joinBytes: number;
  readonly #slab = new Slab();
  #lastParts: readonly Uint8Array[] = [];
  #lastJoined: readonly Uint8Array[] = [];

  constructor(joinBytes: number) {
    this.joinBytes = joinBytes;
  }

  /** The pieces of a flush, joined. `parts` and the result must not be changed afterwards. */
  join(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    if (parts.length < 2) return parts;
    if (isSame(parts, this.#lastParts)) return this.#lastJoined;
    this.#lastJoined = joinParts(parts, this.joinBytes);
    this.#lastParts = parts;
    return this.#lastJoined;
  }

  /**
   * The pieces of a flush for one receiver that takes them at once: what is small altogether is joined in memory that
   * others share, which is cheaper than memory of its own.
   */
  joinBriefly(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    if (parts.length < 2) return parts;
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (bytes > MAX_CUT_BYTES) return joinParts(parts, this.joinBytes);
    return [fill(this.#slab.take(bytes), parts, 0)];
  }

  /** Forgets the last result, so that it does not outlive its turn. */
  forget(): void {
    this.#lastParts = [];
    this.#lastJoined = [];
  }
}

function isSame(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** Copies runs of small pieces together, up to `joinBytes` a run, and passes large pieces on as they are. */
export function joinParts(parts: readonly Uint8Array[], joinBytes: number): readonly Uint8Array[] {
  const joined: Uint8Array[] = [];
  let from = 0;
  let runBytes = 0;
  for (let i = 0; i <= parts.length; i++) {
    const part = parts[i];
    const isSmall = part !== undefined && part.length <= SMALL_BYTES;
    if (isSmall && runBytes + part.length <= joinBytes) {
      runBytes += part.length;
      continue;
    }
    if (i > from) joined.push(concat(parts, { from, to: i, bytes: runBytes }));
    if (part !== undefined && !isSmall) joined.push(part);
    from = isSmall ? i : i + 1;
    runBytes = isSmall ? part.length : 0;
  }
  return joined;
}

function concat(
  parts: readonly Uint8Array[],
  { from, to, bytes }: { from: number; to: number; bytes: number },
): Uint8Array {
  const first = parts[from];
  if (to - from === 1 && first !== undefined) return first;
  return fill(new Uint8Array(bytes), parts, from);
}

/** Copies pieces into the whole of memory until that is full. */
function fill(whole: Uint8Array, parts: readonly Uint8Array[], from: number): Uint8Array {
  let offset = 0;
  for (let i = from; offset < whole.length; i++) {
    const part = parts[i];
    if (part === undefined) {
      throw new RangeError("Cannot join pieces: there are fewer bytes than were counted");
    }
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
