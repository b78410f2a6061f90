/**
 * Memory for short messages that live for a turn of the event loop: many are cut from one piece, because taking memory
 * costs more than filling it. A message keeps the whole piece alive, so whoever keeps one for longer copies it
 * ({@link detach}). For messages to one receiver: what many get has memory of its own, which all of them share.
 */
import type { Encoded } from "../core/transport.ts";

/** Bytes of a piece. */
export const SLAB_BYTES = 4096;
/** More than so many bytes have memory of their own. */
export const MAX_CUT_BYTES = 1024;

/** Where short messages are cut from. */
export class Slab {
  #piece = new Uint8Array(0);
  #used = 0;

  /** So many bytes, all 0. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes > MAX_CUT_BYTES) return new Uint8Array(bytes);
    if (this.#used + bytes > this.#piece.length) {
      this.#piece = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const cut = new Uint8Array(this.#piece.buffer, this.#used, bytes);
    this.#used += bytes;
    return cut;
  }

  /** The first so many bytes of what was taken last; the rest can be taken again. */
  shorten(cut: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
    const isLast = cut.buffer === this.#piece.buffer && cut.byteOffset + cut.length === this.#used;
    if (isLast) this.#used = cut.byteOffset + bytes;
    return new Uint8Array(cut.buffer, cut.byteOffset, bytes);
  }
}

/** The message in memory of its own, as far as it was cut from a slab. */
export function detach(message: Encoded): Encoded {
  if (!message.parts.some(isCut)) return message;
  return {
    parts: message.parts.map((part) => isCut(part) ? Uint8Array.from(part) : part),
    bytes: message.bytes,
  };
}

/** Whether a piece holds on to more than itself; a large one is what somebody sent, and nearly all of it. */
function isCut(part: Uint8Array): boolean {
  return part.length <= MAX_CUT_BYTES && part.length < part.buffer.byteLength;
}
