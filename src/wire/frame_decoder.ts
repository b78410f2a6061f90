/**
 * Finds the frames in a stream of bytes. A header is judged as soon as it is whole, before anything behind it is
 * kept. Data is handed out as it comes, without a copy: a Data frame that comes in pieces is as many Data frames, of
 * which the last has the END. The others are handed out whole.
 */
import { viewOf } from "../core/views.ts";
import { decodeFrame, isFrameFault, type OtherFrame } from "./frame.ts";
import {
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  type FrameFault,
  type FrameRule,
  FrameType,
  isBeforeLogin,
  judgeHeader,
  readUint32,
} from "./frame_header.ts";
import { GrowingBuffer } from "./growing_buffer.ts";

/** Who gets the frames; a fault that it gives ends the reading. */
export interface FrameSink {
  /** Bytes of a stream, as a view that stays valid. */
  data(streamId: number, bytes: Uint8Array, isEnd: boolean): FrameFault | null;
  /** Any other frame; its bytes are views that stay valid. */
  frame(frame: OtherFrame): FrameFault | null;
  /** Whether it wants no more for now; asked before each frame. */
  isSpent(): boolean;
  /** Why only what can come before a login is taken; `null`: everything is. Left out: as `null`. Asked until it is. */
  loginFault?(): FrameFault | null;
}

const FIRST_BUFFER_BYTES = 256;
const NOTHING = new Uint8Array(0);

/** Takes bytes in any pieces. */
export class FrameDecoder {
  readonly #limits: { readonly maxMessageBytes: number };
  readonly #sink: FrameSink;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  /** What the frame is that has begun; `null` before its header is whole. */
  #rule: FrameRule | null = null;
  #flags = 0;
  #streamId = 0;
  /** What is missing of the payload. */
  #missing = 0;
  readonly #payload = new GrowingBuffer(FIRST_BUFFER_BYTES);
  #isGuest = true;
  #fault: FrameFault | null = null;

  /** `maxMessageBytes` is the longest payload of a Message frame. */
  constructor(maxMessageBytes: number, sink: FrameSink) {
    this.#limits = { maxMessageBytes };
    this.#sink = sink;
  }

  /** Why nothing more is read; `null` while all is well. */
  get fault(): FrameFault | null {
    return this.#fault;
  }

  /** Bytes that are held of a frame that is not complete. */
  get heldBytes(): number {
    return this.#payload.length;
  }

  /** Whether a frame has begun and is not complete. */
  get isInside(): boolean {
    return this.#headerBytes > 0;
  }

  /** Takes the next bytes; gives how many it took: not all when the sink is spent, or at a fault. */
  feed(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && this.#fault === null) {
      if (this.#rule !== null) {
        at = this.#readPayload(bytes, at);
        continue;
      }
      if (this.#headerBytes === 0 && this.#sink.isSpent()) return at;
      at = this.#readHeader(bytes, at);
    }
    return at;
  }

  #readHeader(bytes: Uint8Array, from: number): number {
    if (this.#headerBytes === 0 && bytes.length - from >= FRAME_HEADER_BYTES) {
      this.#headerBytes = FRAME_HEADER_BYTES;
      this.#judge(bytes, from);
      return from + FRAME_HEADER_BYTES;
    }
    let at = from;
    while (at < bytes.length && this.#headerBytes < FRAME_HEADER_BYTES) {
      this.#header[this.#headerBytes++] = bytes[at++] ?? 0;
    }
    if (this.#headerBytes === FRAME_HEADER_BYTES) this.#judge(this.#header, 0);
    return at;
  }

  #judge(bytes: Uint8Array, at: number): void {
    const judged = judgeHeader(bytes, at, this.#limits);
    if ("closeCode" in judged) {
      this.#fault = judged;
      return;
    }
    if (this.#isGuest && !isBeforeLogin(judged.type)) {
      this.#fault = this.#sink.loginFault?.() ?? null;
      if (this.#fault !== null) return;
      this.#isGuest = false;
    }
    this.#rule = judged;
    this.#flags = bytes[at + 2] ?? 0;
    this.#streamId = readUint32(bytes, at + 4);
    this.#missing = readUint32(bytes, at + 8);
    // An empty payload is complete with its header.
    if (this.#missing === 0) this.#complete(judged, NOTHING);
  }

  #readPayload(bytes: Uint8Array, from: number): number {
    const rule = this.#rule;
    if (rule === null) return from;
    const available = Math.min(this.#missing, bytes.length - from);
    const isWhole = from === 0 && available === bytes.length;
    const piece = isWhole ? bytes : viewOf(bytes, from, from + available);
    this.#missing -= available;
    if (this.#missing === 0 && this.#payload.length === 0) {
      this.#complete(rule, piece);
    } else if (rule.type === FrameType.data) {
      this.#fault = this.#sink.data(this.#streamId, piece, false);
    } else {
      this.#payload.append(piece, this.#payload.length + available + this.#missing);
      if (this.#missing === 0) this.#complete(rule, this.#payload.take());
    }
    return from + available;
  }

  #complete({ type }: FrameRule, payload: Uint8Array): void {
    this.#headerBytes = 0;
    this.#rule = null;
    const flags = this.#flags;
    const streamId = this.#streamId;
    if (type === FrameType.data) {
      this.#fault = this.#sink.data(streamId, payload, flags === FRAME_FLAG);
      return;
    }
    const frame = decodeFrame({ type, flags, streamId, payload });
    this.#fault = isFrameFault(frame) ? frame : this.#sink.frame(frame);
  }
}
