import assert from "node:assert/strict";
import fc from "fast-check";
import { WsOpcode } from "../../src/wire/ws_frame.ts";
import { encodeMaskedFrame } from "../../src/wire/ws_masked_frame.ts";
import { concat } from "../helpers/prefixed.ts";
import { encodeClientFrame } from "../helpers/raw_client.ts";

/** The mask that the hand-written client of the tests uses. */
const MASK = Uint8Array.of(0x12, 0x34, 0x56, 0x78);
const opcodes = fc.constantFrom(...Object.values(WsOpcode));

Deno.test("Masked frame: is the frame that the specification describes, however the payload is cut", () => {
  fc.assert(
    fc.property(opcodes, fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (opcode, parts) => {
      const before = parts.map((part) => part.slice());
      assert.deepEqual(
        encodeMaskedFrame(opcode, parts, MASK),
        encodeClientFrame({ opcode, payload: concat(parts) }),
      );
      assert.deepEqual(parts, before, "the parts belong to others");
    }),
  );
});

Deno.test("Masked frame: every form of the length is right at its borders", () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_001]) {
    const payload = new Uint8Array(length).map((_, i) => i * 7);
    const frame = encodeMaskedFrame(WsOpcode.binary, [payload], MASK);
    assert.deepEqual(frame, encodeClientFrame({ opcode: WsOpcode.binary, payload }), String(length));
  }
});

Deno.test("Masked frame: masking twice gives the payload again, with any mask", () => {
  const masks = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), masks, (payload, mask) => {
    const frame = encodeMaskedFrame(WsOpcode.binary, [payload], mask);
    assert.deepEqual(frame.slice(2, 6), mask);
    const unmasked = encodeMaskedFrame(WsOpcode.binary, [frame.subarray(6)], mask);
    assert.deepEqual(unmasked.slice(6), payload);
  }));
});
