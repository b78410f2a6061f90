/**
 * Where the WebSocket frames of a client begin and end (RFC 6455, section 5.2), and which of them are whole messages
 * that can be read where they lie. All others (fragments, control frames, frames that are not there to their end, and
 * whatever breaks a rule) are somebody else's, who gets them as they came; only their ends are followed. Nothing is
 * kept of what passes.
 */
import buffer from "node:buffer";

const [TEXT, BINARY] = [0x81, 0x82];
const MASKED = 0x80;
const [MEDIUM, LONG] = [126, 127];
const MASK_BYTES = 4;

/** The frames of one client. */
export class ClientFrames {
  readonly #maxMessageBytes: number;
  /** Bytes that are still to come of the present frame, once its header is known. */
  #left = 0;
  /** Bytes of the present frame's header that have come, and how many it has. */
  #headSeen = 0;
  #headBytes = 2;
  /** Bytes of the present frame's header that are its length, beside the short one. */
  #lengthBytes = 0;
  #first = 0;
  /** Bytes of the payload of the message that is looked at. */
  #length = 0;
  /** Whether a message in several frames is on its way. */
  #isFragmented = false;

  /** Longer messages are not read where they lie. */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /**
   * The whole message that begins at `from`; `null` when there is none. It is a view of `chunk`, unmasked in place, and
   * ends where its frame does; a text is valid UTF-8.
   */
  wholeMessage(chunk: Uint8Array, from: number): Uint8Array | null {
    if (this.#isFragmented || this.#headSeen > 0) return null;
    const first = chunk[from];
    if (first !== TEXT && first !== BINARY) return null;
    const start = this.#payloadStart(chunk, from);
    const end = start + this.#length;
    if (start === 0 || end > chunk.length || this.#length > this.#maxMessageBytes) return null;
    applyMask(chunk, start, end);
    // Of a Buffer `subarray` would make another, which takes longer.
    const message = new Uint8Array(chunk.buffer, chunk.byteOffset + start, end - start);
    if (first === BINARY || buffer.isUtf8(message)) return message;
    // Whoever gets it instead finds it as it came.
    applyMask(chunk, start, end);
    return null;
  }

  /** Follows what somebody else gets, to the end of the frame at most; gives where to stop, before `limit`. */
  follow(chunk: Uint8Array, from: number, limit: number): number {
    let at = from;
    while (this.#headSeen < this.#headBytes) {
      if (at === limit) return at;
      this.#readHead(chunk[at++] ?? 0);
    }
    const end = Math.min(limit, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#endFrame();
    return end;
  }

  /** Where the payload of a short or medium frame starts, whose length it remembers; 0 when that is not here. */
  #payloadStart(chunk: Uint8Array, from: number): number {
    const second = chunk[from + 1] ?? 0;
    if (second < MASKED) return 0;
    const short = second - MASKED;
    if (short === LONG) return 0;
    if (short < MEDIUM) {
      this.#length = short;
      return from + 2 + MASK_BYTES;
    }
    this.#length = (chunk[from + 2] ?? 0) << 8 | (chunk[from + 3] ?? 0);
    return from + 4 + MASK_BYTES;
  }

  #readHead(byte: number): void {
    const seen = this.#headSeen++;
    if (seen === 0) {
      this.#first = byte;
      return;
    }
    if (seen === 1) {
      const short = byte & 0x7f;
      this.#lengthBytes = short === LONG ? 8 : short === MEDIUM ? 2 : 0;
      this.#headBytes = 2 + this.#lengthBytes + (byte >= MASKED ? MASK_BYTES : 0);
      this.#left = this.#lengthBytes === 0 ? short : 0;
      return;
    }
    if (seen < 2 + this.#lengthBytes) this.#left = this.#left * 256 + byte;
  }

  #endFrame(): void {
    const isControl = (this.#first & 0x08) !== 0;
    if (!isControl) this.#isFragmented = this.#first < 0x80;
    this.#headSeen = 0;
    this.#headBytes = 2;
  }
}

/** Applies the mask that stands before `start`; twice is as if it was never done. */
function applyMask(chunk: Uint8Array, start: number, end: number): void {
  const [a, b, c, d] = [
    chunk[start - 4] ?? 0,
    chunk[start - 3] ?? 0,
    chunk[start - 2] ?? 0,
    chunk[start - 1] ?? 0,
  ];
  if ((a | b | c | d) === 0) return;
  let at = start;
  for (; at + 3 < end; at += 4) {
    chunk[at] = (chunk[at] ?? 0) ^ a;
    chunk[at + 1] = (chunk[at + 1] ?? 0) ^ b;
    chunk[at + 2] = (chunk[at + 2] ?? 0) ^ c;
    chunk[at + 3] = (chunk[at + 3] ?? 0) ^ d;
  }
  for (let i = 0; at < end; at++, i++) chunk[at] = (chunk[at] ?? 0) ^ (i === 0 ? a : i === 1 ? b : c);
}
