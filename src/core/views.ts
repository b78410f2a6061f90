/**
 * Views of bytes. What a socket reads is a `Buffer`, whose own `subarray` makes another `Buffer` at several times the
 * cost of a plain array.
 */

/** A plain view of a part of bytes; both ends have to be within. */
export function viewOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);
}
