/**
 * Puts the bytes of a head together, piece by piece, without making a text of it first. What it was promised as the
 * most that there will be is taken at once, and what is left is given back.
 */
import { Slab } from "./slab.ts";

const slab = new Slab();
/** More than so many bytes are copied as a whole. */
const SHORT_BYTES = 128;

/** Writes one head. */
export class HeadWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** `maxBytes`: the most that will be written. */
  constructor(maxBytes: number) {
    this.#bytes = slab.take(maxBytes);
  }

  /** Adds characters that are bytes of the same number. */
  text(text: string): void {
    const bytes = this.#bytes;
    let to = this.#length;
    for (let at = 0; at < text.length; at++) bytes[to++] = text.charCodeAt(at);
    this.#length = to;
  }

  /** Adds bytes. */
  bytes(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Adds the bytes from `from` to `to`. */
  part(bytes: Uint8Array, from: number, to: number): void {
    if (to - from > SHORT_BYTES) return this.bytes(bytes.subarray(from, to));
    const own = this.#bytes;
    let length = this.#length;
    for (let at = from; at < to; at++) own[length++] = bytes[at] ?? 0;
    this.#length = length;
  }

  /** What was written. Throws a `RangeError` where that was more than promised. */
  take(): Uint8Array<ArrayBuffer> {
    if (this.#length > this.#bytes.length) throw new RangeError("Cannot write a head: it is too long");
    return slab.shorten(this.#bytes, this.#length);
  }
}
