/** Checks the event loop lag measurement with a clock and timers that the test moves, and once with real ones. */

import assert from "node:assert/strict";
import { LoopLag } from "../../src/metrics/loop_lag.ts";

/** Timers that fire when told to, as late as told. */
function createManualTime() {
  let nowMs = 0;
  let pending: { run: () => void; delayMs: number } | null = null;
  return {
    clock: { now: () => nowMs },
    schedule(run: () => void, delayMs: number) {
      assert.equal(pending, null, "only one timer at a time");
      pending = { run, delayMs };
      return () => void (pending = null);
    },
    fire(lateMs: number) {
      assert.ok(pending !== null);
      const { run, delayMs } = pending;
      pending = null;
      nowMs += delayMs + lateMs;
      run();
    },
    isArmed: () => pending !== null,
  };
}

Deno.test("LoopLag: reports how late each timer fired", () => {
  const time = createManualTime();
  const lags: number[] = [];
  const loopLag = new LoopLag({ ...time, intervalMs: 100, onLag: (lag) => lags.push(lag) });
  loopLag.start();
  for (const late of [0, 30, 250]) time.fire(late);
  assert.deepEqual(lags, [0, 0.03, 0.25]);
  assert.equal(loopLag.maxSeconds(), 0.25);
  loopLag.stop();
});

Deno.test("LoopLag: lag does not add up from one observation to the next", () => {
  const time = createManualTime();
  const lags: number[] = [];
  const loopLag = new LoopLag({ ...time, onLag: (lag) => lags.push(lag) });
  loopLag.start();
  for (let i = 0; i < 5; i++) time.fire(10);
  assert.deepEqual(lags, [0.01, 0.01, 0.01, 0.01, 0.01]);
  loopLag.stop();
});

Deno.test("LoopLag: a timer that fires early counts as no lag", () => {
  const time = createManualTime();
  const lags: number[] = [];
  const loopLag = new LoopLag({ ...time, onLag: (lag) => lags.push(lag) });
  loopLag.start();
  time.fire(-1);
  assert.deepEqual(lags, [0]);
  loopLag.stop();
});

Deno.test("LoopLag: the maximum is forgotten after two windows, however often it is read", () => {
  const time = createManualTime();
  const loopLag = new LoopLag({ ...time, intervalMs: 100, windowMs: 1000 });
  loopLag.start();
  time.fire(400);
  const seen: number[] = [];
  for (let i = 0; i < 20; i++) {
    time.fire(0);
    seen.push(loopLag.maxSeconds());
  }
  assert.ok(seen.slice(0, 10).every((max) => max === 0.4));
  assert.equal(seen.at(-1), 0);
  loopLag.stop();
});

Deno.test("LoopLag: a stop leaves no timer, a second start adds none", () => {
  const time = createManualTime();
  const loopLag = new LoopLag(time);
  loopLag.start();
  loopLag.start();
  loopLag.stop();
  assert.equal(time.isArmed(), false);
});

Deno.test("LoopLag: an onLag that stops it leaves no timer", () => {
  const time = createManualTime();
  const loopLag: LoopLag = new LoopLag({ ...time, onLag: () => loopLag.stop() });
  loopLag.start();
  time.fire(0);
  assert.equal(time.isArmed(), false);
});

Deno.test("LoopLag: notices a blocked event loop of the real process", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const loopLag = new LoopLag({ intervalMs: 5, onLag: resolve });
  loopLag.start();
  const keepAlive = setTimeout(() => {}, 10_000);
  const until = performance.now() + 60;
  while (performance.now() < until);
  assert.ok(await promise > 0.03);
  clearTimeout(keepAlive);
  loopLag.stop();
});
