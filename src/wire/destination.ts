/**
 * Where a message goes, `{topic}:{version}`, read and checked once: most messages go where others went before, so what
 * was read lately is found again by its bytes. The table is bounded, and whatever is in it came from bytes that keep
 * the rules.
 */

/** A topic and a version. Never changed once made. */
export interface Destination {
  /** The topic in lower case, for matching, rights and rates. */
  readonly topicKey: string;
  /** The topic and the version as they were written. */
  readonly topic: string;
  readonly version: string;
  /** The bytes `{topic}:{version}` as they were written. */
  readonly bytes: Uint8Array;
}

/** How many destinations are known at a time; a power of two. */
export const KNOWN_DESTINATIONS = 1024;

/** Destinations that were read lately: one for each value of the hash, the newest. */
export class KnownDestinations {
  readonly #slots: (Destination | undefined)[] = new Array(KNOWN_DESTINATIONS).fill(undefined);

  /** What these bytes were read as; `undefined` when that is not known. */
  find(bytes: Uint8Array, from: number, to: number): Destination | undefined {
    const known = this.#slots[slotOf(bytes, from, to)];
    if (known === undefined || known.bytes.length !== to - from) return undefined;
    const own = known.bytes;
    for (let at = 0; at < own.length; at++) if (own[at] !== bytes[from + at]) return undefined;
    return known;
  }

  /** Remembers one instead of the one that had its place. */
  keep(destination: Destination): void {
    const { bytes } = destination;
    this.#slots[slotOf(bytes, 0, bytes.length)] = destination;
  }
}

function slotOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0;
  for (let at = from; at < to; at++) hash = Math.imul(hash, 31) + (bytes[at] ?? 0) | 0;
  return (hash ^ hash >>> 15) & (KNOWN_DESTINATIONS - 1);
}
