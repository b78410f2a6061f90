import assert from "node:assert/strict";
import { Slots } from "../../src/limits/slots.ts";

Deno.test("Slots: so many of each key, and so many in all; who is turned away is counted", () => {
  const slots = new Slots({ perKey: 2, total: 3 });
  assert.deepEqual(["a", "a", "a", "b", "b"].map((key) => slots.enter(key)), [
    true,
    true,
    false,
    true,
    false,
  ]);
  assert.deepEqual([slots.size, slots.refused], [3, 2]);
  assert.equal(slots.leave("a"), 1);
  assert.equal(slots.enter("b"), true);
  assert.deepEqual(["a", "b", "b"].map((key) => slots.leave(key)), [0, 1, 0]);
  assert.equal(slots.size, 0);
});

Deno.test("Slots: what was not taken cannot be given back", () => {
  const slots = new Slots({ perKey: 1, total: 1 });
  assert.throws(() => slots.leave("a"), TypeError);
  assert.equal(slots.size, 0);
});
