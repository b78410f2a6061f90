/**
 * Server-side WebSocket frames (RFC 6455, section 5.2): unmasked, never fragmented, no extensions. A frame
 * is encoded once and its bytes are handed to every receiver.
 */
import type { Encoded } from "../core/transport.ts";
import type { Slab } from "./slab.ts";

/** Opcodes that a server sends. */
export const WsOpcode = { text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;
/** An opcode of {@link WsOpcode}. */
export type WsOpcode = typeof WsOpcode[keyof typeof WsOpcode];

/** Payloads up to this many bytes are copied behind their header; larger ones are passed on as they are. */
export const COPY_LIMIT_BYTES = 4096;

/** The longest payload of a control frame, in bytes. */
export const MAX_CONTROL_PAYLOAD_BYTES = 125;

const NOTHING = new Uint8Array(0);
/** The bit of the first byte that says: the message ends with this frame. */
export const FIN = 0x80;
const MAX_SHORT = 125;
const MAX_MEDIUM = 0xffff;

/** Bytes that the header of a frame with this payload takes: 2, 4 or 10. */
export function wsHeaderLength(payloadBytes: number): number {
  return payloadBytes <= MAX_SHORT ? 2 : payloadBytes <= MAX_MEDIUM ? 4 : 10;
}

/**
 * Encodes one whole frame whose payload is `head` and then `rest`. The rest is not copied when both together are
 * larger than {@link COPY_LIMIT_BYTES}.
 */
export function encodeWsFrame(opcode: WsOpcode, rest: Uint8Array, head: Uint8Array = NOTHING): Encoded {
  const length = head.length + rest.length;
  const frame = startWsFrame(opcode, length, { ownBytes: length <= COPY_LIMIT_BYTES ? length : head.length });
  frame.set(head, wsHeaderLength(length));
  return finishWsFrame(frame, length, rest);
}

/**
 * A frame with its header, and with room behind it for `ownBytes` of its payload of `length` bytes; cut from `slab` if
 * there is one.
 */
export function startWsFrame(
  opcode: WsOpcode,
  length: number,
  { ownBytes, slab = null }: { readonly ownBytes: number; readonly slab?: Slab | null },
): Uint8Array {
  const headerLength = wsHeaderLength(length);
  const frame = slab === null ? new Uint8Array(headerLength + ownBytes) : slab.take(headerLength + ownBytes);
  frame[0] = FIN | opcode;
  writeWsLength(frame, length);
  return frame;
}

/** Ends a frame that was started with the last of its payload: copied where the frame has room, else behind it. */
export function finishWsFrame(frame: Uint8Array, length: number, rest: Uint8Array): Encoded {
  const bytes = wsHeaderLength(length) + length;
  if (frame.length < bytes) return { parts: [frame, rest], bytes };
  frame.set(rest, bytes - rest.length);
  return { parts: [frame], bytes };
}

/** The header of a whole frame; its payload follows as it is. */
export function encodeWsHeader(opcode: WsOpcode, payloadBytes: number): Uint8Array {
  const header = new Uint8Array(wsHeaderLength(payloadBytes));
  header[0] = FIN | opcode;
  writeWsLength(header, payloadBytes);
  return header;
}

/**
 * Encodes a close frame. The reason is cut to what fits, at a character's border.
 * The codes 1005 and 1006 never travel: they give an empty close frame (RFC 6455, section 7.4.1).
 */
export function encodeWsClose(code: number, reason: string): Encoded {
  return encodeWsFrame(WsOpcode.close, wsClosePayload(code, reason));
}

/** The payload of a close frame; see {@link encodeWsClose}. */
export function wsClosePayload(code: number, reason: string): Uint8Array {
  if (code === 1005 || code === 1006) return NOTHING;
  const payload = new Uint8Array(MAX_CONTROL_PAYLOAD_BYTES);
  new DataView(payload.buffer).setUint16(0, code);
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return payload.subarray(0, 2 + written);
}

/** Writes the length of the payload into a header, behind its first byte. */
export function writeWsLength(header: Uint8Array, payloadBytes: number): void {
  const headerLength = wsHeaderLength(payloadBytes);
  if (headerLength === 2) {
    header[1] = payloadBytes;
  } else if (headerLength === 4) {
    header[1] = 126;
    header[2] = payloadBytes >>> 8;
    header[3] = payloadBytes;
  } else {
    header[1] = 127;
    new DataView(header.buffer, header.byteOffset).setBigUint64(2, BigInt(payloadBytes));
  }
}
