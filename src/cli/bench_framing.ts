/**
 * How messages stand on the wire of a load: behind a length, or in masked WebSocket frames (RFC 6455, section 5.3).
 * A frame of a shape is made once; its copies differ in one short part only.
 */
import { isUtf8 } from "node:buffer";
import { CloseCode } from "../core/close_codes.ts";
import { LengthPrefixDecoder, MAX_PREFIXED_BYTES, PREFIX_BYTES } from "../wire/length_prefix.ts";
import { wsHeaderLength, WsOpcode } from "../wire/ws_frame.ts";
import { WsDecoder, type WsEvents } from "./bench_ws_decoder.ts";

/** One way to put messages on a wire. */
export interface Framing {
  /** What every fourth byte of a message is combined with; zeros where nothing is masked. */
  readonly mask: Uint8Array;
  /** What stands before a message. */
  head(message: Uint8Array): Uint8Array;
  /** Takes what comes, in any pieces; gives false when it is not understood. */
  reader(events: WsEvents): (chunk: Uint8Array) => boolean;
  /** The answer to a ping, and the end of everything; `null` where there are none. */
  pong(payload: Uint8Array): Uint8Array | null;
  close(): Uint8Array | null;
}

/** The most that is written at once, in bytes, unless one message is longer. */
const BATCH_BYTES = 65_536;
const MASK_BYTES = 4;
const [FIN, MASKED] = [0x80, 0x80];

/** Messages behind their length. */
export const prefixedFraming: Framing = {
  mask: new Uint8Array(MASK_BYTES),
  head(message) {
    const head = new Uint8Array(PREFIX_BYTES);
    new DataView(head.buffer).setUint32(0, message.length);
    return head;
  },
  reader({ onMessage }) {
    const decoder = new LengthPrefixDecoder(MAX_PREFIXED_BYTES, onMessage);
    return (chunk) => decoder.feed(chunk) === null;
  },
  pong: () => null,
  close: () => null,
};

/**
 * WebSocket frames of one connection. All have the same key: a fresh one for each protects from pages that choose
 * what is sent, and there is none here. The hub pays for the key as it does for those of others.
 */
export function webSocketFraming(
  mask: Uint8Array = crypto.getRandomValues(new Uint8Array(MASK_BYTES)),
): Framing {
  const control = (opcode: number, payload: Uint8Array) =>
    frameOf(payload, { head: wsHead(opcode, payload.length, mask), mask });
  return {
    mask,
    head: (message) => wsHead(isUtf8(message) ? WsOpcode.text : WsOpcode.binary, message.length, mask),
    reader(events) {
      const decoder = new WsDecoder(MAX_PREFIXED_BYTES, events);
      return (chunk) => decoder.feed(chunk);
    },
    pong: (payload) => control(WsOpcode.pong, payload),
    close: () => control(WsOpcode.close, Uint8Array.of(CloseCode.normal >> 8, CloseCode.normal & 0xff)),
  };
}

/** One message as it goes on the wire. */
export function encodeFrame(framing: Framing, message: Uint8Array): Uint8Array {
  return frameOf(message, { head: framing.head(message), mask: framing.mask });
}

/** Messages of one shape: each has other bytes of the same number at the same place. */
export class FrameShape {
  readonly frame: Uint8Array;
  readonly mask: Uint8Array;
  /** Where the part that differs begins, in the message. */
  readonly patchAt: number;
  readonly headBytes: number;

  constructor(framing: Framing, message: Uint8Array, { patchAt }: { readonly patchAt: number }) {
    const head = framing.head(message);
    this.mask = framing.mask;
    this.patchAt = patchAt;
    this.headBytes = head.length;
    this.frame = frameOf(message, { head, mask: this.mask });
  }

  /** How many should be written at once at most. */
  get maxBatch(): number {
    return Math.max(1, Math.floor(BATCH_BYTES / this.frame.length));
  }
}

/** Frames of one shape behind each other, for one write. */
export class FrameBatch {
  readonly bytes: Uint8Array;
  readonly #shape: FrameShape;
  #length = 0;

  constructor(shape: FrameShape, count: number) {
    this.#shape = shape;
    this.bytes = new Uint8Array(shape.frame.length * count);
  }

  /** Adds the next frame, with this part in its place. */
  add(patch: Uint8Array): void {
    const { frame, mask, patchAt, headBytes } = this.#shape;
    const { bytes } = this;
    bytes.set(frame, this.#length);
    const from = this.#length + headBytes + patchAt;
    for (let i = 0; i < patch.length; i++) {
      bytes[from + i] = (patch[i] ?? 0) ^ (mask[(patchAt + i) & 3] ?? 0);
    }
    this.#length += frame.length;
  }
}

interface FrameParts {
  readonly head: Uint8Array;
  readonly mask: Uint8Array;
}

function frameOf(message: Uint8Array, { head, mask }: FrameParts): Uint8Array {
  const frame = new Uint8Array(head.length + message.length);
  frame.set(head);
  for (let i = 0; i < message.length; i++) frame[head.length + i] = (message[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return frame;
}

function wsHead(opcode: number, payloadBytes: number, mask: Uint8Array): Uint8Array {
  const headerBytes = wsHeaderLength(payloadBytes);
  const head = new Uint8Array(headerBytes + MASK_BYTES);
  head[0] = FIN | opcode;
  head[1] = MASKED | (headerBytes === 2 ? payloadBytes : headerBytes === 4 ? 126 : 127);
  for (let at = headerBytes - 1, rest = payloadBytes; at >= 2; at--) {
    head[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  head.set(mask, headerBytes);
  return head;
}
