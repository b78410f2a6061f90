import assert from "node:assert/strict";
import { FaultBudget } from "../../src/limits/fault_budget.ts";

Deno.test("Fault budget: so many faults in a minute are within it, the next is not", () => {
  const budget = new FaultBudget(3);
  assert.deepEqual([0, 0, 59_999, 59_999].map((ms) => budget.spend(ms)), [true, true, true, false]);
});

Deno.test("Fault budget: a minute after its first fault the count begins anew", () => {
  const budget = new FaultBudget(2);
  const times = [1000, 2000, 61_000, 61_001, 61_002];
  assert.deepEqual(times.map((ms) => budget.spend(ms)), [true, true, true, true, false]);
});

Deno.test("Fault budget: without a budget the first fault is one too many", () => {
  assert.equal(new FaultBudget(0).spend(0), false);
});
