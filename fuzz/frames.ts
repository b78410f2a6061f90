/**
 * Random frames of every kind, and their bytes.
 */
import { encodeFrame, type Frame } from "../src/wire/frame.ts";
import { FRAME_HEADER_BYTES, FrameType, writeFrameHeader } from "../src/wire/frame_header.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

/** Several frames, mostly changed a little. */
export function makeFrames(random: Random, maxFrames: number): Uint8Array {
  if (random.oneIn(16)) return deepFrame(random);
  const frames = Array.from({ length: 1 + random.below(maxFrames) }, () => frameOf(random));
  const bytes = bytesOf(frames);
  return random.oneIn(4) ? bytes : mutate(bytes, random);
}

/** The bytes of frames. */
export function bytesOf(frames: readonly Frame[]): Uint8Array {
  return concat(frames.flatMap((frame) => encodeFrame(frame).parts));
}

/** All of them one after the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

/** A header and JSON that is nested deeper the more brackets there are: more than any encoder makes. */
function deepFrame(random: Random): Uint8Array {
  const depth = 1 + random.below(random.oneIn(2) ? 8000 : 40);
  const json = new TextEncoder().encode(`{"requestId":"1","kind":"http","policy":{"a":${nested(depth)}}}`);
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(header, { type: FrameType.registerTunnel, flags: 0, streamId: 0, length: json.length });
  return concat([header, json]);
}

const FIXED: readonly [Frame, ...Frame[]] = [
  { kind: "go_away", goAway: { reason: "stop", retryAfterMs: 5 } },
  { kind: "error", error: { code: "protocol_error", message: "x", closeCode: 1002 } },
  { kind: "auth_request", request: { agentId: "a", session: "s", features: ["f"] } },
  { kind: "auth_response", response: { ok: false, code: "unauthorized", message: "no" } },
  { kind: "register_tunnel", request: { requestId: "1", kind: "http", subdomain: "x" } },
  { kind: "unregister_tunnel", request: { requestId: "1", tunnelId: 1 } },
  { kind: "tunnel_response", response: { requestId: "1", ok: true, tunnelId: 1, url: "u" } },
];

function frameOf(random: Random): Frame {
  const streamId = 1 + random.below(8);
  const isEnd = random.oneIn(2);
  switch (random.below(8)) {
    case 0:
      return { kind: "heartbeat", opaque: random.bytes(8), isAck: isEnd };
    case 1:
      return { kind: "data", streamId, payload: random.bytes(random.below(64)), isEnd };
    case 2:
      return { kind: "close_stream", streamId, code: random.below(12), notStarted: isEnd, reason: "gone" };
    case 3:
      return { kind: "window_update", streamId, credit: 1 + random.below(0x7fff_ffff) };
    case 4:
      return { kind: "message", message: random.bytes(random.below(64)), isText: isEnd };
    case 5:
      return { kind: "datagram", tunnelId: 1, flowId: 2, packet: random.bytes(random.below(64)) };
    case 6: {
      const endpoint = { ip: "10.0.0.1", port: random.below(65_536) };
      return { kind: "open_stream", streamId, open: { tunnelId: 1, src: endpoint, dst: endpoint }, isEnd };
    }
    default:
      return random.pick(FIXED);
  }
}
