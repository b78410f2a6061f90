/**
 * The control frames of streams: credit and resets. They are made when they go out, so that all the credit that one
 * stream got in the meantime is one frame, and all of them are one piece of memory.
 */
import type { Encoded } from "../core/transport.ts";
import { FRAME_HEADER_BYTES, FrameType, writeFrameHeader, writeUint32 } from "../wire/frame_header.ts";
import type { LateControl } from "./stream_queue.ts";

/** A stream that has credit to give. */
export interface CreditGiver {
  readonly id: number;
  /** What was not given yet; 0 for a stream that needs none any more. */
  dueCredit: number;
}

const CREDIT_FRAME_BYTES = FRAME_HEADER_BYTES + 4;
/** So few streams are not worth a look. */
const MIN_SWEEP = 64;

/** What waits. */
export class StreamControl implements LateControl {
  #credits: CreditGiver[] = [];
  /** With so many it is time to look who of them still has something to give. */
  #sweepAt = MIN_SWEEP;
  #resets: Encoded[] = [];
  #resetBytes = 0;

  get bytes(): number {
    return this.#credits.length * CREDIT_FRAME_BYTES + this.#resetBytes;
  }

  /** How many resets wait. */
  get resets(): number {
    return this.#resets.length;
  }

  addCredit(stream: CreditGiver, bytes: number): void {
    if (stream.dueCredit === 0) {
      if (this.#credits.length >= this.#sweepAt) this.#sweep();
      this.#credits.push(stream);
    }
    stream.dueCredit += bytes;
  }

  addReset(frame: Encoded): void {
    this.#resets.push(frame);
    this.#resetBytes += frame.bytes;
  }

  takeInto(parts: Uint8Array[]): number {
    const bytes = this.#takeCredits(parts) + this.#resetBytes;
    for (const reset of this.#resets) parts.push(...reset.parts);
    this.clear();
    return bytes;
  }

  clear(): void {
    this.#credits = [];
    this.#sweepAt = MIN_SWEEP;
    this.#resets = [];
    this.#resetBytes = 0;
  }

  /** Lets go of streams that are over: a peer who takes nothing must not make them wait for him. */
  #sweep(): void {
    this.#credits = this.#credits.filter(({ dueCredit }) => dueCredit > 0);
    this.#sweepAt = Math.max(MIN_SWEEP, 2 * this.#credits.length);
  }

  #takeCredits(parts: Uint8Array[]): number {
    if (this.#credits.length === 0) return 0;
    const frames = new Uint8Array(this.#credits.length * CREDIT_FRAME_BYTES);
    let at = 0;
    for (const stream of this.#credits) {
      if (stream.dueCredit === 0) continue;
      const header = { type: FrameType.windowUpdate, flags: 0, streamId: stream.id, length: 4 };
      writeFrameHeader(frames.subarray(at), header);
      writeUint32(frames, at + FRAME_HEADER_BYTES, stream.dueCredit);
      stream.dueCredit = 0;
      at += CREDIT_FRAME_BYTES;
    }
    if (at > 0) parts.push(frames.subarray(0, at));
    return at;
  }
}
