/**
 * Texts whose characters are bytes (ISO 8859-1), as the heads of HTTP are passed on. Nearly all of them are ASCII, which
 * is written the quick way.
 */
import { Buffer } from "node:buffer";
import { Slab } from "./slab.ts";

const encoder = new TextEncoder();
const slab = new Slab();

/** Of every byte its character. */
const CHARACTERS: readonly string[] = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
/** Up to so many characters are put together one by one. */
const SHORT = 12;

/** The bytes from `from` to `to` as characters. */
export function latin1Of(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= SHORT) {
    let text = "";
    for (let at = from; at < to; at++) text += CHARACTERS[bytes[at] ?? 0] ?? "";
    return text;
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}

/** The characters as bytes; a short text is cut from a slab. */
export function bytesOfLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = slab.take(text.length);
  // In UTF-8 only ASCII has a byte for each character; of anything else not all fits.
  const { read } = encoder.encodeInto(text, bytes);
  if (read === text.length) return bytes;
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
