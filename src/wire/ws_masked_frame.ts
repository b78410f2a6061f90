/**
 * WebSocket frames as a client sends them (RFC 6455, section 5.3): masked, never fragmented, no extensions.
 */
import { FIN, writeWsLength, wsHeaderLength, type WsOpcode } from "./ws_frame.ts";

/** Bytes of a masking key. */
export const MASK_BYTES = 4;

const MASKED = 0x80;

/**
 * Encodes one whole frame whose payload is the parts one after the other. The mask must be new and unpredictable for
 * each frame; the parts are copied and stay as they are.
 */
export function encodeMaskedFrame(
  opcode: WsOpcode,
  parts: readonly Uint8Array[],
  mask: Uint8Array,
): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const headerBytes = wsHeaderLength(length) + MASK_BYTES;
  // The payload begins at a multiple of four, so that it is masked by words.
  const begin = -headerBytes & 3;
  const whole = new Uint8Array(begin + headerBytes + length);
  const frame = whole.subarray(begin);
  frame[0] = FIN | opcode;
  writeWsLength(frame, length);
  frame[1] = (frame[1] ?? 0) | MASKED;
  frame.set(mask, headerBytes - MASK_BYTES);
  let at = headerBytes;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  applyMask(whole, { from: begin + headerBytes, mask });
  return frame;
}

/** Masks from an offset that is a multiple of four to the end. */
function applyMask(whole: Uint8Array, { from, mask }: { from: number; mask: Uint8Array }): void {
  const words = new Uint32Array(whole.buffer, from, (whole.length - from) >>> 2);
  const key = new Uint32Array(mask.slice(0, MASK_BYTES).buffer)[0] ?? 0;
  for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) ^ key;
  for (let at = from + words.length * 4; at < whole.length; at++) {
    whole[at] = (whole[at] ?? 0) ^ (mask[(at - from) & 3] ?? 0);
  }
}
