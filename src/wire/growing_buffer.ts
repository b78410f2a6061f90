/**
 * Bytes that come in pieces until they are whole. Memory is taken as they come, never for what was only announced.
 */

/** The bytes so far. */
export class GrowingBuffer {
  readonly #firstBytes: number;
  #buffer: Uint8Array | null = null;
  #filled = 0;

  /** `firstBytes` is what is taken at first; it doubles as bytes come. */
  constructor(firstBytes: number) {
    this.#firstBytes = firstBytes;
  }

  /** How many bytes there are. */
  get length(): number {
    return this.#filled;
  }

  /** Copies a piece behind what is there; never takes more than `maxBytes`. */
  append(piece: Uint8Array, maxBytes: number): void {
    const filled = this.#filled + piece.length;
    const old = this.#buffer;
    if (old === null || old.length < filled) {
      const wanted = Math.max(this.#firstBytes, filled, 2 * (old?.length ?? 0));
      this.#buffer = new Uint8Array(Math.min(maxBytes, wanted));
      if (old !== null) this.#buffer.set(old);
    }
    this.#buffer?.set(piece, this.#filled);
    this.#filled = filled;
  }

  /** What there is, as a view that is good until more is appended. */
  peek(): Uint8Array {
    return this.#buffer?.subarray(0, this.#filled) ?? new Uint8Array(0);
  }

  /** What there is, as a view that stays valid; the next bytes begin anew. */
  take(): Uint8Array {
    const whole = this.#buffer?.subarray(0, this.#filled) ?? new Uint8Array(0);
    this.#buffer = null;
    this.#filled = 0;
    return whole;
  }
}
