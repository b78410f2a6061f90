/**
 * Frames: whatever comes, the decoder gives frames or one fault, never an exception; the same ones however the bytes
 * are cut; and what it gives, encoded again, is read as the same.
 */
import assert from "node:assert/strict";
import { encodeFrame, type Frame, type OtherFrame } from "../src/wire/frame.ts";
import { FrameDecoder, type FrameSink } from "../src/wire/frame_decoder.ts";
import type { FrameFault } from "../src/wire/frame_header.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

const MAX_MESSAGE_BYTES = 1000;
const MAX_FRAMES = 4;

/** Keeps frames; Data only as what came of a stream, because its pieces have no meaning. */
class Keeper implements FrameSink {
  readonly frames: OtherFrame[] = [];
  readonly stream = { bytes: 0, sum: 0, ends: 0 };

  data(streamId: number, bytes: Uint8Array, isEnd: boolean): FrameFault | null {
    assert.ok(streamId > 0);
    for (let i = 0; i < bytes.length; i++) {
      this.stream.bytes++;
      this.stream.sum = (Math.imul(this.stream.sum, 31) + (bytes[i] ?? 0) + streamId) | 0;
    }
    if (isEnd) this.stream.ends++;
    return null;
  }

  frame(frame: OtherFrame): FrameFault | null {
    this.frames.push(frame);
    return null;
  }

  isSpent(): boolean {
    return false;
  }
}

function readWhole(input: Uint8Array) {
  const sink = new Keeper();
  const decoder = new FrameDecoder(MAX_MESSAGE_BYTES, sink);
  const taken = decoder.feed(input);
  assert.ok(taken === input.length || decoder.fault !== null);
  return { sink, fault: decoder.fault };
}

function readInPieces(input: Uint8Array, random: Random) {
  const sink = new Keeper();
  const decoder = new FrameDecoder(MAX_MESSAGE_BYTES, sink);
  for (let at = 0; at < input.length && decoder.fault === null;) {
    const piece = input.subarray(at, at + 1 + random.below(40));
    decoder.feed(piece);
    at += piece.length;
  }
  return { sink, fault: decoder.fault };
}

function check(input: Uint8Array, random: Random): void {
  const whole = readWhole(input);
  const pieces = readInPieces(input, random);
  assert.equal(pieces.fault?.message, whole.fault?.message);
  assert.equal(pieces.sink.stream.sum, whole.sink.stream.sum);
  assert.equal(pieces.sink.stream.bytes, whole.sink.stream.bytes);
  assert.equal(pieces.sink.stream.ends, whole.sink.stream.ends);
  assert.equal(pieces.sink.frames.length, whole.sink.frames.length);
  for (const [index, frame] of whole.sink.frames.entries()) {
    assert.equal(text(pieces.sink.frames[index]), text(frame));
    assert.equal(text(readWhole(bytesOf([frame])).sink.frames[0]), text(frame));
  }
}

/** A frame as text: quicker to compare than the object, and enough. */
function text(frame: OtherFrame | undefined): string {
  return JSON.stringify(frame);
}

function bytesOf(frames: readonly Frame[]): Uint8Array {
  const parts = frames.flatMap((frame) => encodeFrame(frame).parts);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
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

/** The target. */
export const target: FuzzTarget = {
  name: "frame",
  about: "Frames: no exception, the same however the bytes are cut, round trips",
  make(random) {
    const frames = Array.from({ length: 1 + random.below(MAX_FRAMES) }, () => frameOf(random));
    const bytes = bytesOf(frames);
    return random.oneIn(4) ? bytes : mutate(bytes, random);
  },
  check,
};
