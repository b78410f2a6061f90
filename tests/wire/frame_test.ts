import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeFrame, encodeMessageFrame, type Frame } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { holdsWholeFrames } from "../../src/wire/frame_header.ts";
import { concat } from "../helpers/prefixed.ts";
import { anyFrame, decoderOf, MAX_MESSAGE_BYTES, normalized, RecordingSink } from "./frames.ts";

function bytesOf(frame: Frame): Uint8Array {
  const encoded = encodeFrame(frame);
  const bytes = concat(encoded.parts);
  assert.equal(encoded.bytes, bytes.length);
  return bytes;
}

Deno.test("Frame: what is encoded comes back", () => {
  fc.assert(
    fc.property(anyFrame, (frame) => {
      const { decoder, sink } = decoderOf();
      const bytes = bytesOf(frame);
      assert.equal(decoder.feed(bytes), bytes.length);
      assert.equal(decoder.fault, null);
      assert.deepEqual(sink.frames, [frame]);
      assert.equal(decoder.isInside, false);
    }),
    { numRuns: 500 },
  );
});

Deno.test("Frame: the bytes of each kind are as the protocol says", () => {
  const hex = (frame: Frame) => bytesOf(frame).toHex();
  assert.equal(
    hex({ kind: "heartbeat", opaque: new Uint8Array(8).fill(9), isAck: true }),
    "010001000000000000000008" + "0909090909090909",
  );
  assert.equal(
    hex({ kind: "data", streamId: 0xfedcba98, payload: Uint8Array.of(1, 2), isEnd: true }),
    "01210100fedcba9800000002" + "0102",
  );
  assert.equal(
    hex({ kind: "close_stream", streamId: 3, code: 6, notStarted: true, reason: "ä" }),
    "012200000000000300000007" + "0000000601c3a4",
  );
  assert.equal(
    hex({ kind: "window_update", streamId: 2, credit: 0x01020304 }),
    "012300000000000200000004" + "01020304",
  );
  assert.equal(
    hex({ kind: "datagram", tunnelId: 0x01020304, flowId: 0x0506, packet: Uint8Array.of(7) }),
    "014000000000000000000007" + "01020304050607",
  );
  assert.equal(
    hex({ kind: "go_away", goAway: { reason: "x" } }).slice(0, 24),
    "017e0000000000000000000e",
  );
});

Deno.test("Frame: the bytes of Data and of large messages are passed on, not copied", () => {
  const payload = new Uint8Array(3);
  assert.equal(encodeFrame({ kind: "data", streamId: 1, payload, isEnd: false }).parts[1], payload);
  const large = new Uint8Array(4097);
  assert.equal(encodeMessageFrame(Uint8Array.of(1), { payload: large, isText: false }).parts[1], large);
  assert.equal(encodeMessageFrame(Uint8Array.of(1), { payload, isText: false }).parts.length, 1);
});

Deno.test("Frame: a reason that is too long is cut between two characters", () => {
  const frame = { kind: "close_stream", streamId: 1, code: 0, notStarted: false, reason: "ä".repeat(100) };
  const { decoder, sink } = decoderOf();
  decoder.feed(bytesOf(frame as Frame));
  assert.deepEqual(sink.frames, [{ ...frame, reason: "ä".repeat(61) }]);
});

Deno.test("Frame decoder: any frames in any pieces come out whole and in order", () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 12 }), pieces, (sent, lengths) => {
      const { decoder, sink } = decoderOf();
      const all = concat(sent.map(bytesOf));
      for (let at = 0, i = 0; at < all.length; i++) {
        const piece = all.subarray(at, at + (lengths[i % lengths.length] ?? 1));
        assert.equal(decoder.feed(piece), piece.length);
        at += piece.length;
      }
      assert.equal(decoder.fault, null);
      assert.deepEqual(normalized(sink.frames), normalized(sent));
      assert.equal(decoder.isInside, false);
    }),
    { numRuns: 200 },
  );
});

Deno.test("Frame decoder: Data is never copied, in however many pieces it comes", () => {
  const { decoder, sink } = decoderOf();
  const bytes = bytesOf({ kind: "data", streamId: 1, payload: new Uint8Array(5000), isEnd: true });
  const chunks = [bytes.slice(0, 5), bytes.slice(5, 1000), bytes.slice(1000)];
  for (const chunk of chunks) decoder.feed(chunk);
  assert.deepEqual(sink.pieces.map(({ buffer }) => buffer), [chunks[1]?.buffer, chunks[2]?.buffer]);
  assert.deepEqual(sink.frames.map((frame) => frame.kind === "data" && frame.isEnd), [false, true]);
});

Deno.test("Frame decoder: stops before a frame when its sink is spent, and goes on from there", () => {
  const { decoder, sink } = decoderOf();
  const one = bytesOf({ kind: "message", message: new Uint8Array(10), isText: true });
  const bytes = concat([one, one, one]);
  sink.spentAfter = 2;
  assert.equal(decoder.feed(bytes), 2 * one.length);
  assert.equal(decoder.feed(bytes.subarray(2 * one.length)), 0);
  sink.spentAfter = Infinity;
  assert.equal(decoder.feed(bytes.subarray(2 * one.length)), one.length);
  assert.equal(sink.frames.length, 3);
});

/** What each type has to have. */
const RULE_BYTES: Readonly<Record<number, { ofStream: boolean; minBytes: number }>> = {
  0x00: { ofStream: false, minBytes: 8 },
  0x01: { ofStream: false, minBytes: 0 },
  0x02: { ofStream: false, minBytes: 0 },
  0x10: { ofStream: false, minBytes: 0 },
  0x11: { ofStream: false, minBytes: 0 },
  0x12: { ofStream: false, minBytes: 0 },
  0x20: { ofStream: true, minBytes: 0 },
  0x21: { ofStream: true, minBytes: 0 },
  0x22: { ofStream: true, minBytes: 5 },
  0x23: { ofStream: true, minBytes: 4 },
  0x30: { ofStream: false, minBytes: 0 },
  0x40: { ofStream: false, minBytes: 6 },
  0x7e: { ofStream: false, minBytes: 0 },
  0xff: { ofStream: false, minBytes: 0 },
};

/** A header as anybody might write it. */
function header(type: number, { version = 1, flags = 0, reserved = 0, streamId = 0, length = 0 } = {}) {
  const bytes = new Uint8Array(12);
  bytes.set([version, type, flags, reserved]);
  new DataView(bytes.buffer).setUint32(4, streamId);
  new DataView(bytes.buffer).setUint32(8, length);
  return bytes;
}

const refused: readonly [string, Uint8Array, number, RegExp][] = [
  ["an unknown version", header(0, { version: 2, length: 8 }), 1002, /^Frames of version 2 are unknown$/],
  ["an unknown type", header(0x24), 1002, /^Frames of type 36 are unknown$/],
  ["an unknown flag", header(0x21, { flags: 2, streamId: 1 }), 1002, /^Data frames have no flags like 2$/],
  ["a flag where there is none", header(0x23, { flags: 1, streamId: 1, length: 4 }), 1002, /flags like 1$/],
  ["reserved bits", header(0, { reserved: 1, length: 8 }), 1002, /reserved/],
  ["Data without a stream", header(0x21, { length: 1 }), 1002, /^Data frames belong to a stream$/],
  ["a message on a stream", header(0x30, { streamId: 1 }), 1002, /do not belong to a stream$/],
  ["4 GiB of Data", header(0x21, { streamId: 1, length: 0xffff_ffff }), 1002, /4294967295.*at most 16384/],
  ["4 GiB of a message", header(0x30, { length: 0xffff_ffff }), 1009, /4294967295.*at most 20000/],
  ["Data that is too long by one", header(0x21, { streamId: 1, length: 16_385 }), 1002, /at most 16384/],
  ["an OpenStream that is too long", header(0x20, { streamId: 1, length: 4097 }), 1002, /at most 4096/],
  ["an AuthRequest that is too long", header(0x01, { length: 16_385 }), 1002, /at most 16384/],
  ["a short heartbeat", header(0, { length: 7 }), 1002, /^A payload of 7 bytes is wrong/],
  ["a long heartbeat", header(0, { length: 9 }), 1002, /^A payload of 9 bytes is wrong/],
  ["a credit of five bytes", header(0x23, { streamId: 1, length: 5 }), 1002, /at most 4/],
  ["a CloseStream without a flag", header(0x22, { streamId: 1, length: 4 }), 1002, /4 bytes is wrong/],
  ["a datagram without a flow", header(0x40, { length: 5 }), 1002, /5 bytes is wrong/],
];

for (const [what, bytes, closeCode, message] of refused) {
  Deno.test(`Frame decoder: refuses ${what} at its header`, () => {
    for (const pieceBytes of [1, bytes.length]) {
      const { decoder, sink } = decoderOf();
      for (let at = 0; at < bytes.length; at += pieceBytes) decoder.feed(bytes.subarray(at, at + pieceBytes));
      assert.equal(decoder.fault?.closeCode, closeCode);
      assert.match(decoder.fault?.message ?? "", message);
      assert.equal(decoder.feed(new Uint8Array(100)), 0, "nothing is read behind it");
      assert.deepEqual(sink.frames, []);
    }
  });
}

function withPayload(type: number, payload: Uint8Array | string, streamId = 0): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  return concat([header(type, { streamId, length: bytes.length }), bytes]);
}

const badPayloads: readonly [string, Uint8Array, RegExp][] = [
  ["JSON that is none", withPayload(0x20, "{", 1), /is not JSON$/],
  ["JSON that is not UTF-8", withPayload(0x20, Uint8Array.of(0x22, 0xff, 0x22), 1), /is not JSON$/],
  [
    "JSON that is nested too deep",
    withPayload(
      0x10,
      `{"requestId":"a","kind":"http","policy":{"a":${"[".repeat(8000)}${"]".repeat(8000)}}}`,
    ),
    /^The payload of a frame is nested deeper than 32 levels$/,
  ],
  ["an OpenStream to nowhere", withPayload(0x20, "{}", 1), /is not what it has to be/],
  ["a GoAway with a number for a reason", withPayload(0x7e, '{"reason":1}'), /has to be at reason$/],
  ["an Error without a code", withPayload(0xff, '{"message":"x"}'), /has to be at code$/],
  ["a credit of zero", withPayload(0x23, new Uint8Array(4), 1), /^A credit of 0 bytes is none$/],
  ["a credit of 2 GiB", withPayload(0x23, Uint8Array.of(0x80, 0, 0, 0), 1), /^A credit of 2147483648/],
  ["a reason that is not UTF-8", withPayload(0x22, Uint8Array.of(0, 0, 0, 0, 0, 0xff), 1), /not UTF-8$/],
  ["an unknown flag of CloseStream", withPayload(0x22, Uint8Array.of(0, 0, 0, 0, 2), 1), /no flag like 2$/],
];

for (const [what, bytes, message] of badPayloads) {
  Deno.test(`Frame decoder: refuses ${what}`, () => {
    const { decoder, sink } = decoderOf();
    decoder.feed(bytes);
    assert.equal(decoder.fault?.closeCode, 1002);
    assert.match(decoder.fault?.message ?? "", message);
    assert.deepEqual(sink.frames, []);
  });
}

Deno.test("Frame decoder: before a login only its frames are taken, the others refused at their header", () => {
  const fault = { closeCode: 4401, message: "Log in first" } as const;
  for (let type = 0; type < 256; type++) {
    const isOfLogin = [0x00, 0x01, 0x7e, 0xff].includes(type);
    let asked = 0;
    const sink = new RecordingSink();
    const guests = Object.assign(sink, { loginFault: () => (asked++, isLoggedIn ? null : fault) });
    let isLoggedIn = false;
    const decoder = new FrameDecoder(MAX_MESSAGE_BYTES, guests);
    const { ofStream, minBytes } = RULE_BYTES[type] ?? {};
    if (ofStream === undefined || minBytes === undefined) continue;
    const head = header(type, { streamId: ofStream ? 1 : 0, length: Math.max(1, minBytes) });
    decoder.feed(head);
    assert.equal(decoder.fault, isOfLogin ? null : fault, `type ${type}`);
    assert.equal(asked, isOfLogin ? 0 : 1);
    isLoggedIn = true;
    const after = new FrameDecoder(MAX_MESSAGE_BYTES, guests);
    after.feed(head);
    assert.equal(after.fault, null, `type ${type}, logged in`);
  }
});

Deno.test("Frame: whole frames are told from those that are cut", () => {
  assert.equal(holdsWholeFrames(new Uint8Array(0)), false);
  fc.assert(
    fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 5 }), fc.nat(), (all, seed) => {
      const pieces = all.map(bytesOf);
      const bytes = concat(pieces);
      assert.ok(holdsWholeFrames(bytes));
      const cut = seed % bytes.length;
      let end = 0;
      const borders = pieces.map(({ length }) => end += length);
      assert.equal(holdsWholeFrames(bytes.subarray(0, cut)), borders.includes(cut));
    }),
  );
});
