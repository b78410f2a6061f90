/**
 * Reads WebSocket frames of a server (RFC 6455, section 5.2) from bytes in any pieces: unmasked and not fragmented,
 * as the hub writes them. A length is checked before its bytes are waited for; nothing here throws.
 */
import { Buffer } from "node:buffer";
import { MAX_CONTROL_PAYLOAD_BYTES, WsOpcode } from "../wire/ws_frame.ts";

/** Who gets what was read; the bytes are views that stay valid. */
export interface WsEvents {
  readonly onMessage: (message: Uint8Array) => void;
  readonly onPing: (payload: Uint8Array) => void;
  /** The code is `null` where none was given. */
  readonly onClose: (code: number | null, reason: string) => void;
}

const FIN = 0x80;
const MASKED = 0x80;
const MAX_HEAD_BYTES = 10;
const [MEDIUM, LONG] = [126, 127];

interface Head {
  readonly opcode: number;
  readonly bytes: number;
  readonly payloadBytes: number;
}

/** Reads one connection. */
export class WsDecoder {
  readonly #maxBytes: number;
  readonly #events: WsEvents;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** How many bytes have to be there before there is something to read. */
  #wanted = 0;

  /** `maxBytes` is the longest message. */
  constructor(maxBytes: number, events: WsEvents) {
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  /** Takes the next bytes. False when they are no frames of a server; nothing may be fed after that. */
  feed(chunk: Uint8Array): boolean {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < this.#wanted) return true;
    const bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending);
    let at = 0;
    for (;;) {
      const head = this.#readHead(bytes, at);
      if (head === null) return false;
      if (at + head.bytes + head.payloadBytes > bytes.length) {
        this.#wanted = head.bytes + head.payloadBytes;
        break;
      }
      const from = at + head.bytes;
      at = from + head.payloadBytes;
      this.#take(head.opcode, bytes.subarray(from, at));
    }
    this.#pending = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#pendingBytes = bytes.length - at;
    return true;
  }

  /** The head that begins there; one that is not complete claims at least one byte more than there is. */
  #readHead(bytes: Uint8Array, at: number): Head | null {
    const [available, first, second] = [bytes.length - at, bytes[at] ?? 0, bytes[at + 1] ?? 0];
    if (available < 2) return { opcode: 0, bytes: 2, payloadBytes: 0 };
    const opcode = first & 0x0f;
    if ((first ^ opcode) !== FIN || (second & MASKED) !== 0 || !isKnown(opcode)) return null;
    const headBytes = second === LONG ? MAX_HEAD_BYTES : second === MEDIUM ? 4 : 2;
    if (available < headBytes) return { opcode, bytes: headBytes, payloadBytes: 0 };
    let payloadBytes = headBytes === 2 ? second : 0;
    for (let i = at + 2; i < at + headBytes; i++) payloadBytes = payloadBytes * 256 + (bytes[i] ?? 0);
    if (payloadBytes > (opcode >= WsOpcode.close ? MAX_CONTROL_PAYLOAD_BYTES : this.#maxBytes)) return null;
    return { opcode, bytes: headBytes, payloadBytes };
  }

  #take(opcode: number, payload: Uint8Array): void {
    switch (opcode) {
      case WsOpcode.ping:
        return this.#events.onPing(payload);
      case WsOpcode.pong:
        return;
      case WsOpcode.close: {
        const code = payload.length < 2 ? null : (payload[0] ?? 0) * 256 + (payload[1] ?? 0);
        return this.#events.onClose(code, new TextDecoder().decode(payload.subarray(2)));
      }
      default:
        this.#events.onMessage(payload);
    }
  }
}

function isKnown(opcode: number): boolean {
  return opcode === WsOpcode.text || opcode === WsOpcode.binary ||
    (opcode >= WsOpcode.close && opcode <= WsOpcode.pong);
}
