import assert from "node:assert/strict";
import fc from "fast-check";
import { SeqRuns } from "../../src/store/seq_runs.ts";

function runsOf(numbers: Iterable<number>): SeqRuns {
  const runs = new SeqRuns();
  for (const number of numbers) runs.add(number);
  return runs;
}

Deno.test("Runs of numbers: what follows each other is one run, a gap or a step back begins another", () => {
  assert.deepEqual(runsOf([]).bounds, []);
  assert.deepEqual(runsOf([4]).bounds, [4, 4]);
  assert.deepEqual(runsOf([4, 5, 6, 8, 7, 8]).bounds, [4, 6, 8, 8, 7, 8]);
});

Deno.test("Runs of numbers: exactly what was added comes out, in order", () => {
  const numbers = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 40 });
  fc.assert(fc.property(numbers, (added) => assert.deepEqual([...runsOf(added)], added)));
});
