/** Turns of the event loop, and turns that last. */
import assert from "node:assert/strict";
import { ReadBudget } from "../../src/link/read_budget.ts";
import { Turns } from "../../src/link/turns.ts";
import { FakeTime } from "../helpers/fake_time.ts";

Deno.test("Turns: who gave way comes back in the next turn, in order", () => {
  const ends: (() => void)[] = [];
  const turns = new Turns((run) => ends.push(run));
  const back: string[] = [];
  for (const name of ["a", "b"]) turns.next({ nextTurn: () => back.push(name) });
  assert.equal(ends.length, 1);
  ends.pop()?.();
  assert.deepEqual(back, ["a", "b"]);
});

Deno.test("Turns: a turn that is to last holds everybody to his share for so long", () => {
  using time = new FakeTime();
  const turns = new Turns(() => assert.fail("a turn ended early"));
  turns.paceMs = 5;
  const limits = { messages: 2, bytes: 1000, deliveries: 1000 };
  const budget = new ReadBudget(limits, turns);
  let back = 0;
  budget.spendMessage(1);
  budget.spendMessage(1);
  assert.equal(budget.isSpent(), true);
  turns.next({ nextTurn: () => back++ });
  time.tick(4);
  assert.deepEqual([budget.isSpent(), back], [true, 0]);
  time.tick(1);
  assert.deepEqual([budget.isSpent(), back], [false, 1]);
  time.tick(5);
  assert.equal(time.timers, 0);
});

Deno.test("Read budget: other limits hold for those who are there", () => {
  using _time = new FakeTime();
  const turns = new Turns(() => {});
  const limits = { messages: 4, bytes: 1000, deliveries: 1000 };
  const budget = new ReadBudget(limits, turns);
  budget.spendMessage(1);
  assert.equal(budget.isSpent(), false);
  limits.messages = 1;
  assert.equal(budget.isSpent(), true);
});
