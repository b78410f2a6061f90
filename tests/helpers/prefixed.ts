/** Length-prefixed messages as bytes, written apart from the hub's codec. */

/** Bytes of a prefix. */
export const PREFIX_BYTES = 4;
const encoder = new TextEncoder();

/** A message with its length before it. */
export function prefixed(message: Uint8Array | string): Uint8Array {
  const body = typeof message === "string" ? encoder.encode(message) : message;
  const bytes = new Uint8Array(PREFIX_BYTES + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, PREFIX_BYTES);
  return bytes;
}

/** A prefix that claims so many bytes. */
export function prefixOf(length: number): Uint8Array {
  const bytes = new Uint8Array(PREFIX_BYTES);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

/** All of them one after the other. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
