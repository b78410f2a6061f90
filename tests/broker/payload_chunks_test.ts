import assert from "node:assert/strict";
import fc from "fast-check";
import { PayloadChunks } from "../../src/broker/payload_chunks.ts";

Deno.test("Payload chunks: copies stay what they were, whatever is copied later", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 1500 }), { maxLength: 300 }), (payloads) => {
    const chunks = new PayloadChunks(100);
    const copies = payloads.map((payload) => {
      const source = payload.slice();
      const copy = chunks.copy(source);
      source.fill(0);
      return copy;
    });
    copies.forEach((copy, at) => assert.deepEqual(copy, payloads[at]));
  }));
});

Deno.test("Payload chunks: what the last messages of a topic hold is not much more than they are", () => {
  for (const [kept, length] of [[1, 100], [10, 100], [1000, 100], [100_000, 64]] as const) {
    const chunks = new PayloadChunks(kept);
    const copies: Uint8Array[] = [];
    for (let at = 0; at < 2 * kept + 50; at++) {
      copies[at % kept] = chunks.copy(new Uint8Array(length));
    }
    const held = [...new Set(copies.map(({ buffer }) => buffer))].reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    );
    assert.ok(held <= 1.5 * kept * length, `${held} bytes for ${kept} x ${length}`);
  }
});
