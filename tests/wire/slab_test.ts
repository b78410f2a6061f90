import assert from "node:assert/strict";
import fc from "fast-check";
import { detach, MAX_CUT_BYTES, Slab, SLAB_BYTES } from "../../src/wire/slab.ts";

Deno.test("Slab: each gets its own bytes, all 0, as many as it asked for", () => {
  fc.assert(fc.property(fc.array(fc.nat(2 * MAX_CUT_BYTES), { maxLength: 60 }), (lengths) => {
    const slab = new Slab();
    const cuts = lengths.map((length, at) => {
      const cut = slab.take(length);
      assert.deepEqual([cut.length, cut.every((byte) => byte === 0)], [length, true]);
      return cut.fill(at + 1);
    });
    for (const [at, cut] of cuts.entries()) assert.ok(cut.every((byte) => byte === at + 1), "shared");
  }));
});

Deno.test("Slab: a short message keeps one piece alive at most, a long one only itself", () => {
  const slab = new Slab();
  for (let bytes = 0; bytes < 3 * MAX_CUT_BYTES; bytes += 7) {
    const { buffer, length } = slab.take(bytes);
    assert.ok(buffer.byteLength <= (length > MAX_CUT_BYTES ? length : SLAB_BYTES));
  }
});

Deno.test("Slab: what is detached says the same and keeps nothing else alive", () => {
  const slab = new Slab();
  slab.take(10);
  const [cut, own] = [slab.take(3), Uint8Array.of(4, 5)];
  cut.set([1, 2, 3]);
  const large = new Uint8Array(9000).subarray(0, 8000);
  const { parts, bytes } = detach({ parts: [cut, own, large], bytes: 8005 });
  assert.equal(bytes, 8005);
  assert.deepEqual([...parts[0] ?? []], [1, 2, 3]);
  assert.equal(parts[0]?.buffer.byteLength, 3);
  assert.equal(parts[1], own);
  assert.equal(parts[2], large, "a payload is not copied");
  const alone = { parts: [own], bytes: 2 };
  assert.equal(detach(alone), alone);
});
