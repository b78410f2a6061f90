import assert from "node:assert/strict";
import fc from "fast-check";
import {
  COPY_LIMIT_BYTES,
  encodeWsClose,
  encodeWsFrame,
  wsHeaderLength,
  WsOpcode,
} from "../../src/wire/ws_frame.ts";

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Reads an unmasked frame by the book, written apart from the encoder. */
function decode(bytes: Uint8Array): { first: number; payload: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const short = view.getUint8(1);
  assert.equal(short & 0x80, 0, "a server never masks");
  const [length, offset] = short < 126
    ? [short, 2]
    : short === 126
    ? [view.getUint16(2), 4]
    : [Number(view.getBigUint64(2)), 10];
  assert.equal(bytes.length, offset + length);
  return { first: view.getUint8(0), payload: bytes.subarray(offset) };
}

Deno.test("WebSocket frame: any payload comes back with its opcode", () => {
  const sizes = fc.oneof(
    fc.nat(300),
    fc.constantFrom(0, 125, 126, 65535, 65536, COPY_LIMIT_BYTES, COPY_LIMIT_BYTES + 1),
  );
  fc.assert(fc.property(sizes, fc.constantFrom(...Object.values(WsOpcode)), (size, opcode) => {
    const payload = new Uint8Array(size).map((_, i) => i * 31);
    const encoded = encodeWsFrame(opcode, payload);
    const frame = decode(joined(encoded.parts));
    assert.equal(frame.first, 0x80 | opcode);
    assert.deepEqual(frame.payload, payload);
    assert.equal(encoded.bytes, wsHeaderLength(size) + size);
  }));
});

Deno.test("WebSocket frame: a large payload is passed on, not copied", () => {
  const payload = new Uint8Array(COPY_LIMIT_BYTES + 1);
  assert.equal(encodeWsFrame(WsOpcode.binary, payload).parts[1], payload);
});

Deno.test("WebSocket close: carries code and reason", () => {
  const { payload } = decode(joined(encodeWsClose(4503, "retry=12").parts));
  assert.equal(new DataView(payload.buffer, payload.byteOffset).getUint16(0), 4503);
  assert.equal(new TextDecoder().decode(payload.subarray(2)), "retry=12");
});

Deno.test("WebSocket close: a long reason is cut at a character's border", () => {
  const { payload } = decode(joined(encodeWsClose(1008, "ä".repeat(200)).parts));
  assert.ok(payload.length <= 125);
  assert.match(new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2)), /^ä+$/);
});

Deno.test("WebSocket close: codes that never travel give an empty frame", () => {
  for (const code of [1005, 1006]) {
    assert.equal(decode(joined(encodeWsClose(code, "x").parts)).payload.length, 0);
  }
});
