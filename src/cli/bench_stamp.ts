/**
 * What a published message of a load begins with: whose load it is, who sent it, its number and when it was meant to
 * be sent. Digits of six bits, all of them printable ASCII, so that the payload is a text. Pure.
 */

/** Bytes of a stamp; no payload of a load is shorter. */
export const STAMP_BYTES = 20;
/** How many loads can be told apart. */
export const MAX_TAG = 64 ** 3;
/** How many senders a load may have. */
export const MAX_SENDERS = 64 ** 2;

const [SENDER_AT, SEQUENCE_AT, TIME_AT] = [3, 5, 11];
const ZERO = 0x30;

/** Writes the stamps of one sender. */
export class StampWriter {
  readonly #bytes = new Uint8Array(STAMP_BYTES);

  constructor(tag: number, sender: number) {
    this.#write(tag, 0, SENDER_AT);
    this.#write(sender, SENDER_AT, SEQUENCE_AT);
  }

  /** The next stamp, valid until the one after it. */
  next(sequence: number, sentUs: number): Uint8Array {
    this.#write(sequence, SEQUENCE_AT, TIME_AT);
    this.#write(sentUs, TIME_AT, STAMP_BYTES);
    return this.#bytes;
  }

  #write(value: number, from: number, to: number): void {
    let rest = value;
    for (let at = to - 1; at >= from; at--) {
      this.#bytes[at] = ZERO + rest % 64;
      rest = Math.floor(rest / 64);
    }
  }
}

/** Reads the stamps of one load. */
export class StampReader {
  readonly #tag: number;
  #sender = 0;
  #sequence = 0;
  #sentUs = 0;

  constructor(tag: number) {
    this.#tag = tag;
  }

  /** Who sent what was read last. */
  get sender(): number {
    return this.#sender;
  }

  /** Its number. */
  get sequence(): number {
    return this.#sequence;
  }

  /** When it was meant to be sent, in microseconds. */
  get sentUs(): number {
    return this.#sentUs;
  }

  /** Reads a payload that begins at `at`. False when it is none of this load. */
  read(bytes: Uint8Array, at: number): boolean {
    if (bytes.length - at < STAMP_BYTES) return false;
    for (let i = at; i < at + STAMP_BYTES; i++) {
      const digit = (bytes[i] ?? 0) - ZERO;
      if (digit < 0 || digit > 63) return false;
    }
    if (number(bytes, at, at + SENDER_AT) !== this.#tag) return false;
    this.#sender = number(bytes, at + SENDER_AT, at + SEQUENCE_AT);
    this.#sequence = number(bytes, at + SEQUENCE_AT, at + TIME_AT);
    this.#sentUs = number(bytes, at + TIME_AT, at + STAMP_BYTES);
    return true;
  }
}

function number(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 64 + (bytes[at] ?? 0) - ZERO;
  return value;
}
