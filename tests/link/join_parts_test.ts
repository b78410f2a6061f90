import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_CUT_BYTES, SLAB_BYTES } from "../../src/wire/slab.ts";
import { joinParts, PartJoiner } from "../../src/link/join_parts.ts";

Deno.test("Joining: any parts come out in order, small ones together, large ones uncopied", () => {
  const parts = fc.array(
    fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.constant(new Uint8Array(5000).fill(7))),
  );
  fc.assert(fc.property(parts, fc.integer({ min: 1, max: 300 }), (pieces, joinBytes) => {
    const joined = joinParts(pieces, joinBytes);
    assert.deepEqual(joined.flatMap((part) => [...part]), pieces.flatMap((part) => [...part]));
    assert.ok(joined.length <= Math.max(pieces.length, 1));
    for (const piece of pieces) if (piece.length > 4096) assert.ok(joined.includes(piece));
  }));
});

Deno.test("Joining: the very same pieces are copied once a turn, others anew", () => {
  const joiner = new PartJoiner(1000);
  const [a, b, c] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(2)];
  const first = joiner.join([a, b]);
  assert.equal(joiner.join([a, b]), first);
  assert.notEqual(joiner.join([a, c]), first, "equal bytes are not the same pieces");
  assert.deepEqual(joiner.join([a, c, b]).map((part) => [...part]), [[1, 2, 2]]);
  joiner.forget();
  assert.notEqual(joiner.join([a, b]), first);
});

Deno.test("Joining: for one receiver all that is small is one piece, cut from what others share", () => {
  const parts = fc.array(
    fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.constant(new Uint8Array(5000).fill(7))),
  );
  const joiner = new PartJoiner(64 * 1024);
  fc.assert(fc.property(parts, (pieces) => {
    const joined = joiner.joinBriefly(pieces);
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    assert.deepEqual(joined.flatMap((part) => [...part]), pieces.flatMap((part) => [...part]));
    if (pieces.length > 1 && bytes <= MAX_CUT_BYTES) assert.equal(joined.length, 1);
    for (const part of joined) assert.ok(part.length > 1024 || part.buffer.byteLength <= SLAB_BYTES);
  }));
});
