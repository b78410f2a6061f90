import assert from "node:assert/strict";
import { Flusher } from "../../src/link/flusher.ts";
import { FakeTime } from "../helpers/fake_time.ts";

Deno.test("Flusher: one end of turn serves all that waits", () => {
  const turns: (() => void)[] = [];
  const flusher = new Flusher(1024, (run) => turns.push(run));
  const flushed: string[] = [];
  for (const name of ["a", "b"]) flusher.schedule({ flush: () => flushed.push(name) });
  assert.equal(turns.length, 1);
  turns.pop()?.();
  assert.deepEqual(flushed, ["a", "b"]);
});

Deno.test("Flusher: what is scheduled during a flush waits for the next turn", () => {
  const turns: (() => void)[] = [];
  const flusher = new Flusher(1024, (run) => turns.push(run));
  let flushes = 0;
  const again = { flush: () => void (flushes++ === 0 && flusher.schedule(again)) };
  flusher.schedule(again);
  turns.shift()?.();
  assert.equal(flushes, 1);
  turns.shift()?.();
  assert.equal(flushes, 2);
  assert.equal(turns.length, 0);
});

Deno.test("Flusher: one that fails does not leave the others waiting", () => {
  const turns: (() => void)[] = [];
  const flusher = new Flusher(1024, (run) => turns.push(run));
  let flushed = 0;
  flusher.schedule({
    flush: () => {
      throw new Error("broken");
    },
  });
  flusher.schedule({ flush: () => flushed++ });
  assert.throws(() => turns.shift()?.(), /broken/);
  turns.shift()?.();
  assert.equal(flushed, 1);
});

Deno.test("Flusher: what has time waits for the end of the window, all that came with it at once", () => {
  using time = new FakeTime();
  const turns: (() => void)[] = [];
  const flusher = new Flusher(1024, (run) => turns.push(run));
  flusher.joinWindowMs = 2;
  const flushed: string[] = [];
  const flushable = (name: string) => ({ flush: () => flushed.push(name) });
  flusher.scheduleLater(flushable("a"));
  time.tick(1);
  flusher.scheduleLater(flushable("b"));
  flusher.schedule(flushable("now"));
  turns.pop()?.();
  assert.deepEqual(flushed, ["now"]);
  time.tick(1);
  assert.deepEqual(flushed, ["now", "a", "b"]);
  assert.equal(time.timers, 0);
});
