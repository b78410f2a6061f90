/**
 * The length prefix that puts messages on a stream of bytes: four bytes, big-endian, then so many bytes of one
 * message. The decoder checks a length before it takes memory for it.
 */
import type { Encoded } from "../core/transport.ts";
import { GrowingBuffer } from "./growing_buffer.ts";

/** Bytes of a prefix. */
export const PREFIX_BYTES = 4;
/** The longest message: its prefix starts with 0x00, by which the transport is known. */
export const MAX_PREFIXED_BYTES = 0xff_ffff;
/** Messages up to this many bytes are copied behind their prefix; the payload of larger ones is passed on as it is. */
const COPY_LIMIT_BYTES = 4096;
/** What is taken for a message that is not there yet; it doubles as its bytes come. */
const FIRST_BUFFER_BYTES = 1024;

/** Encodes one message that consists of a head and the rest. */
export function encodeLengthPrefixed(head: Uint8Array, rest: Uint8Array): Encoded {
  const length = head.length + rest.length;
  const joined = length <= COPY_LIMIT_BYTES;
  const first = new Uint8Array(PREFIX_BYTES + (joined ? length : head.length));
  first[0] = length >>> 24;
  first[1] = length >>> 16;
  first[2] = length >>> 8;
  first[3] = length;
  first.set(head, PREFIX_BYTES);
  if (!joined) return { parts: [first, rest], bytes: PREFIX_BYTES + length };
  first.set(rest, PREFIX_BYTES + head.length);
  return { parts: [first], bytes: first.length };
}

/** A message that is longer than allowed. Nothing can be read behind it. */
export interface TooLong {
  /** What the prefix said, in bytes. */
  readonly claimedBytes: number;
}

/** Takes bytes in any pieces and gives whole messages. */
export class LengthPrefixDecoder {
  readonly #maxBytes: number;
  readonly #onMessage: (message: Uint8Array) => void;
  #prefixBytes = 0;
  #length = 0;
  /** The message that is on its way. */
  readonly #buffer = new GrowingBuffer(FIRST_BUFFER_BYTES);

  /** `onMessage` gets each message as a view that stays valid. */
  constructor(maxBytes: number, onMessage: (message: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  /** Bytes that are held of a message that is not complete. */
  get heldBytes(): number {
    return this.#buffer.length;
  }

  /** Whether a message has begun and is not complete. */
  get isInside(): boolean {
    return this.#prefixBytes > 0;
  }

  /** Takes the next bytes. Gives the length that was too long; nothing may be fed after that. */
  feed(bytes: Uint8Array): TooLong | null {
    let at = 0;
    while (at < bytes.length) {
      if (this.#prefixBytes < PREFIX_BYTES) {
        at = this.#readPrefix(bytes, at);
        if (this.#prefixBytes === PREFIX_BYTES && this.#length > this.#maxBytes) {
          return { claimedBytes: this.#length };
        }
      }
      // Nothing is taken for a message before its first byte is there.
      if (this.#prefixBytes === PREFIX_BYTES && at < bytes.length) at = this.#readBody(bytes, at);
    }
    return null;
  }

  #readPrefix(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length && this.#prefixBytes < PREFIX_BYTES) {
      this.#length = this.#length * 256 + (bytes[at++] ?? 0);
      this.#prefixBytes++;
    }
    // An empty message is complete with its prefix.
    if (this.#prefixBytes === PREFIX_BYTES && this.#length === 0) this.#complete(new Uint8Array(0));
    return at;
  }

  #readBody(bytes: Uint8Array, from: number): number {
    const missing = this.#length - this.#buffer.length;
    const available = Math.min(missing, bytes.length - from);
    const piece = bytes.subarray(from, from + available);
    if (this.#buffer.length === 0 && available === missing) {
      this.#complete(piece);
      return from + available;
    }
    this.#buffer.append(piece, this.#length);
    if (available === missing) this.#complete(this.#buffer.take());
    return from + available;
  }

  #complete(message: Uint8Array): void {
    this.#prefixBytes = 0;
    this.#length = 0;
    this.#onMessage(message);
  }
}
