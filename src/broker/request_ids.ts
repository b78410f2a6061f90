/**
 * Ids under which requests are sent on: UUIDs of version-4 form that hold a number, so that an answer is found by its
 * number and no text is made for either. The random bits before it tell the ids of one hub and tenant from all others,
 * so that nobody hits one by accident; that an answer comes from whom the request was sent to is checked besides.
 */
import { ID_BYTES } from "../wire/header_fields.ts";

/** `rrrrrrrr-rrrr-4rrr-8rrr-nnnnnnnnnnnn`: random bits, number. */
const FIRST_DIGIT = 24;
const HALF_DIGITS = 6;
const HALF = 2 ** (4 * HALF_DIGITS);
const DIGITS = new TextEncoder().encode("0123456789abcdef");
const NO_DIGIT = 255;
/** What each byte is as a digit; ids are written in lower case and have to come back so. */
const VALUES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = DIGITS.indexOf(byte);
  return value < 0 ? NO_DIGIT : value;
});

/** Ids with the same random bits. */
export class RequestIds {
  readonly #prefix: Uint8Array;

  /** `random` is a UUID of version 4. */
  constructor(random: string = crypto.randomUUID()) {
    // The two bits of the variant are the same in all.
    const text = `${random.slice(0, 19)}8${random.slice(20, FIRST_DIGIT)}`.toLowerCase();
    this.#prefix = new TextEncoder().encode(text);
  }

  /** Writes the id of a number, from 0 to 2^48 - 1. */
  write(number: number, target: Uint8Array, at: number): void {
    const prefix = this.#prefix;
    for (let i = 0; i < FIRST_DIGIT; i++) target[at + i] = prefix[i] ?? 0;
    writeHalf(Math.floor(number / HALF), target, at + FIRST_DIGIT);
    writeHalf(number % HALF, target, at + FIRST_DIGIT + HALF_DIGITS);
  }

  /** The id of a number as text. */
  text(number: number): string {
    const bytes = new Uint8Array(ID_BYTES);
    this.write(number, bytes, 0);
    return new TextDecoder().decode(bytes);
  }

  /** The number of the id that stands at `from`; -1 when it is none of these. */
  read(bytes: Uint8Array, from: number): number {
    const prefix = this.#prefix;
    if (from + ID_BYTES > bytes.length) return -1;
    for (let i = 0; i < FIRST_DIGIT; i++) if (bytes[from + i] !== prefix[i]) return -1;
    const high = readHalf(bytes, from + FIRST_DIGIT);
    const low = readHalf(bytes, from + FIRST_DIGIT + HALF_DIGITS);
    return high < 0 || low < 0 ? -1 : high * HALF + low;
  }
}

function writeHalf(half: number, target: Uint8Array, from: number): void {
  for (let i = HALF_DIGITS - 1, rest = half; i >= 0; i--, rest >>>= 4) {
    target[from + i] = DIGITS[rest & 0xf] ?? 0;
  }
}

function readHalf(bytes: Uint8Array, from: number): number {
  let half = 0;
  for (let i = 0; i < HALF_DIGITS; i++) {
    const value = VALUES[bytes[from + i] ?? 0] ?? NO_DIGIT;
    if (value === NO_DIGIT) return -1;
    half = half << 4 | value;
  }
  return half;
}
