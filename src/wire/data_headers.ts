/**
 * The headers of Data frames, many of them in one piece of memory: a small array of its own for each would become a
 * buffer of its own when it is written, which is what costs.
 */
import { viewOf } from "../core/views.ts";
import { FRAME_FLAG, FRAME_HEADER_BYTES, FRAME_VERSION, FrameType, writeUint32 } from "./frame_header.ts";

const HEADERS_A_SLAB = 340;

/** Makes headers. */
export class DataHeaders {
  #slab = new Uint8Array(0);
  #used = 0;

  /** The header of a Data frame of so many bytes, which follow as they are. */
  encode(streamId: number, length: number, isEnd: boolean): Uint8Array {
    if (this.#used === this.#slab.length) {
      this.#slab = new Uint8Array(HEADERS_A_SLAB * FRAME_HEADER_BYTES);
      this.#used = 0;
    }
    const slab = this.#slab;
    const at = this.#used;
    this.#used += FRAME_HEADER_BYTES;
    slab[at] = FRAME_VERSION;
    slab[at + 1] = FrameType.data;
    slab[at + 2] = isEnd ? FRAME_FLAG : 0;
    writeUint32(slab, at + 4, streamId);
    writeUint32(slab, at + 8, length);
    return viewOf(slab, at, this.#used);
  }

  /** Lets the memory go. */
  clear(): void {
    this.#slab = new Uint8Array(0);
    this.#used = 0;
  }
}
