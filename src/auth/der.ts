/**
 * DER, the encoding of certificates: one value after the other, each within the bytes of the one around it. What is cut
 * short, could be written shorter, or is of a form that certificates do not use, is `null`.
 */
import { concat } from "../core/concat.ts";

/** One value. */
export interface DerValue {
  readonly tag: number;
  readonly body: Uint8Array;
}

/** Tags of X.690 that certificates use. */
export const DerTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  sequence: 0x30,
  set: 0x31,
} as const;

const MAX_LENGTH_BYTES = 3;

/** The values that follow each other in `bytes`; `null` when they do not fill it exactly. */
export function readDer(bytes: Uint8Array): readonly DerValue[] | null {
  const values: DerValue[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    const length = readLength(bytes, at + 1);
    // A tag of several bytes has all of its low bits set.
    if (length === null || (tag & 0x1f) === 0x1f || length.bodyAt + length.bytes > bytes.length) return null;
    at = length.bodyAt + length.bytes;
    values.push({ tag, body: bytes.subarray(length.bodyAt, at) });
  }
  return values;
}

/** The values in the one value that `bytes` is, of this tag; `null` when it is another. */
export function readDerInside(bytes: Uint8Array, tag: number): readonly DerValue[] | null {
  const values = readDer(bytes);
  const [value] = values ?? [];
  return values?.length === 1 && value?.tag === tag ? readDer(value.body) : null;
}

function readLength(bytes: Uint8Array, at: number): { bodyAt: number; bytes: number } | null {
  const first = bytes[at];
  if (first === undefined) return null;
  if (first < 0x80) return { bodyAt: at + 1, bytes: first };
  const count = first & 0x7f;
  if (count === 0 || count > MAX_LENGTH_BYTES || at + count >= bytes.length) return null;
  let length = 0;
  for (let i = 1; i <= count; i++) length = length * 256 + (bytes[at + i] ?? 0);
  const isShortest = length >= 0x80 && (bytes[at + 1] ?? 0) !== 0;
  return isShortest ? { bodyAt: at + 1 + count, bytes: length } : null;
}

/** A value of which these are the bytes. */
export function encodeDer(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(parts);
  const digits: number[] = [];
  for (let rest = body.length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  const length = body.length < 0x80 ? [body.length] : [0x80 | digits.length, ...digits];
  return concat([new Uint8Array([tag, ...length]), body]);
}

/** The digits of an object identifier, or of other bytes, in hex. */
export function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
