import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { WsDecoder } from "../../src/cli/bench_ws_decoder.ts";
import { encodeWsClose, encodeWsFrame, WsOpcode } from "../../src/wire/ws_frame.ts";

/** A decoder, and everything that it told. */
function decoder(maxBytes = 100_000) {
  const told: [string, Uint8Array][] = [];
  const closed: [number | null, string][] = [];
  const decoder = new WsDecoder(maxBytes, {
    onMessage: (message) => told.push(["message", new Uint8Array(message)]),
    onPing: (payload) => told.push(["ping", new Uint8Array(payload)]),
    onClose: (code, reason) => closed.push([code, reason]),
  });
  return { decoder, told, closed };
}

const frame = fc.oneof(
  fc.tuple(
    fc.constantFrom(WsOpcode.text, WsOpcode.binary),
    fc.oneof(fc.nat(200), fc.constantFrom(125, 126, 65_536)),
  ),
  fc.tuple(fc.constantFrom(WsOpcode.ping, WsOpcode.pong), fc.nat(125)),
).map(([opcode, length]) => ({ opcode, payload: new Uint8Array(length).map((_, i) => i * 7) }));

Deno.test("WsDecoder: gives what a hub encodes, however the bytes are cut", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(fc.array(frame, { maxLength: 8 }), cuts, (frames, lengths) => {
    const { decoder: read, told } = decoder();
    const bytes = new Uint8Array(
      Buffer.concat(frames.flatMap(({ opcode, payload }) => encodeWsFrame(opcode, payload).parts)),
    );
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const length = lengths[i % lengths.length] ?? 1;
      assert.ok(read.feed(bytes.subarray(at, at + length)));
      at += length;
    }
    const expected = frames.filter(({ opcode }) => opcode !== WsOpcode.pong)
      .map(({ opcode, payload }) => [opcode === WsOpcode.ping ? "ping" : "message", payload]);
    assert.deepEqual(told, expected);
  }));
});

Deno.test("WsDecoder: a close has a code and a reason, or none", () => {
  const { decoder: read, closed } = decoder();
  for (const part of encodeWsClose(4413, "too slow").parts) read.feed(part);
  for (const part of encodeWsClose(1005, "").parts) read.feed(part);
  assert.deepEqual(closed, [[4413, "too slow"], [null, ""]]);
});

Deno.test("WsDecoder: what no hub sends is refused at its head, before anything is waited for", () => {
  const wrong: Record<string, number[]> = {
    "masked": [0x81, 0x80],
    "in fragments": [0x01, 0x01],
    "a continuation": [0x80, 0x01],
    "compressed": [0xc1, 0x01],
    "an unknown opcode": [0x83, 0x01],
    "an unknown control": [0x8b, 0x01],
    "a long control": [0x89, 126, 0, 126],
    "too long": [0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa1],
    "far too long": [0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    const { decoder: read, told } = decoder();
    assert.equal(read.feed(Uint8Array.from(bytes)), false, what);
    assert.deepEqual(told, []);
  }
  assert.ok(decoder().decoder.feed(Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0)), "the longest");
});
