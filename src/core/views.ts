/**
 * Views of bytes. What a socket reads is a `Buffer`, whose own `subarray` makes another `Buffer` at several times the
 * cost of a plain array.
 */

/** A plain view of a part of bytes; both ends have to be within. */
export function viewOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}

/** A part this many times smaller than its buffer is copied rather than kept. */
const SMALL_PART = 2;

/** Bytes that are to be kept: a small part of a large buffer as a copy, so that it does not keep all of that alive. */
export function keptOf(bytes: Uint8Array): Uint8Array {
  return bytes.length * SMALL_PART < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes;
}
