/**
 * Copies of the payloads of one topic with history, in chunks that many share: taking memory for each small one costs
 * more than all else that keeping does. A history forgets its oldest messages first, so no more than the chunks at its
 * two ends hold what nobody needs; how large they are depends on what the topic keeps.
 */

/** Larger payloads have memory of their own. */
const MAX_SHARED_BYTES = 1024;
const MAX_CHUNK_BYTES = 64 * 1024;
/** A chunk is so small a part of what the topic keeps. */
const CHUNK_SHARE = 8;
/** Smaller ones are not worth it. */
const MIN_CHUNK_BYTES = 2048;

/** The chunks of one topic. */
export class PayloadChunks {
  /** Most messages that the topic keeps. */
  readonly #maxMessages: number;
  #chunk = new Uint8Array(0);
  #used = 0;
  /** Bytes that came, as far as they may still be kept. */
  #cameBytes = 0;
  #cameMessages = 0;

  constructor(maxMessages: number) {
    this.#maxMessages = maxMessages;
  }

  /** A copy that stays as it is. */
  copy(payload: Uint8Array): Uint8Array {
    const { length } = payload;
    this.#count(length);
    if (length > MAX_SHARED_BYTES || length === 0) return payload.slice();
    if (this.#used + length > this.#chunk.length && !this.#begin(length)) return payload.slice();
    const at = this.#used;
    this.#used += length;
    this.#chunk.set(payload, at);
    return this.#chunk.subarray(at, this.#used);
  }

  /** No more than a topic that is full has; what came before it was full is all there is. */
  #count(bytes: number): void {
    if (this.#cameMessages === this.#maxMessages) {
      this.#cameBytes -= this.#cameBytes / this.#maxMessages;
      this.#cameMessages--;
    }
    this.#cameBytes += bytes;
    this.#cameMessages++;
  }

  #begin(atLeastBytes: number): boolean {
    const bytes = Math.min(MAX_CHUNK_BYTES, Math.floor(this.#cameBytes / CHUNK_SHARE));
    if (bytes < Math.max(MIN_CHUNK_BYTES, atLeastBytes)) return false;
    this.#chunk = new Uint8Array(bytes);
    this.#used = 0;
    return true;
  }
}
