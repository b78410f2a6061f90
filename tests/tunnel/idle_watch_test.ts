import assert from "node:assert/strict";
import { IdleWatch } from "../../src/tunnel/idle_watch.ts";

function setUp(timeoutMs: number) {
  const clock = { ms: 0, now: () => clock.ms };
  const watch = new IdleWatch(timeoutMs, clock);
  const one = { progress: 0, ended: 0, idle: () => void one.ended++ };
  watch.watch(one);
  const at = (ms: number) => {
    clock.ms = ms;
    watch.check();
  };
  return { watch, one, at };
}

Deno.test("IdleWatch: ends who let no byte flow for so long, and nobody else", () => {
  const { watch, one, at } = setUp(1000);
  at(0);
  at(900);
  one.progress++;
  at(1000);
  at(1999);
  assert.equal(one.ended, 0);
  at(2000);
  assert.equal(one.ended, 1);
  watch.unwatch(one);
  at(9000);
  assert.equal(one.ended, 1);
});

Deno.test("IdleWatch: without a limit nobody is looked at", () => {
  const { one, at } = setUp(0);
  at(0);
  at(1e9);
  assert.equal(one.ended, 0);
});
