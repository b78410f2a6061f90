import assert from "node:assert/strict";
import fc from "fast-check";
import { StreamTable } from "../../src/link/stream_table.ts";

Deno.test("StreamTable: holds what a Map would hold, whatever comes and goes", () => {
  const steps = fc.array(fc.tuple(fc.nat(4), fc.nat(2000)), { maxLength: 600 });
  fc.assert(fc.property(steps, (operations) => {
    const table = new StreamTable<{ id: number }>();
    const model = new Map<number, { id: number }>();
    let next = 0;
    for (const [kind, number] of operations) {
      const item = { id: next += 1 + number % 5 };
      if (kind < 3) {
        table.add(item);
        model.set(item.id, item);
      } else {
        const [oldest] = model.keys();
        const id = kind === 3 ? oldest ?? 0 : number;
        assert.equal(table.delete(id), model.delete(id));
      }
      assert.equal(table.get(number), model.get(number));
      assert.equal(table.size, model.size);
    }
    assert.deepEqual(table.all().map(({ id }) => id).toSorted((a, b) => a - b), [...model.keys()]);
    for (const [id, item] of model) assert.equal(table.get(id), item);
  }));
});

Deno.test("StreamTable: grows and shrinks with what it holds", () => {
  const table = new StreamTable<{ id: number }>();
  for (let id = 2; id <= 20_000; id += 2) table.add({ id });
  assert.equal(table.size, 10_000);
  for (let id = 2; id <= 20_000; id += 2) assert.ok(table.delete(id));
  assert.deepEqual([table.size, table.all()], [0, []]);
});

Deno.test("StreamTable: finds the highest ids, and nothing once it is cleared", () => {
  const table = new StreamTable<{ id: number }>();
  const ids = [0xffff_ffff, 0xffff_fffe, 0x8000_0000, 0x7fff_ffff, 1];
  for (const id of ids) table.add({ id });
  for (const id of ids) assert.deepEqual(table.get(id), { id });
  table.clear();
  assert.deepEqual([table.size, table.all()], [0, []]);
  for (const id of ids) assert.equal(table.get(id), undefined);
  assert.equal(table.delete(1), false);
});
