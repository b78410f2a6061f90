import assert from "node:assert/strict";
import fc from "fast-check";
import { Pace } from "../../src/cli/bench_pace.ts";

const rate = fc.integer({ min: 1, max: 10_000_000 });

Deno.test("Pace: whenever it is asked, as many are due as the rate gives, and each keeps its own time", () => {
  const steps = fc.array(fc.tuple(fc.double({ min: 0, max: 50, noNaN: true }), fc.nat(20)), {
    maxLength: 30,
  });
  fc.assert(fc.property(rate, steps, (ratePerSecond, all) => {
    const pace = new Pace({ ratePerSecond, startMs: 1000 });
    let [nowMs, taken] = [1000, 0];
    for (const [waitMs, wanted] of all) {
      nowMs += waitMs;
      const due = pace.due(nowMs);
      for (let i = Math.min(due, wanted); i > 0; i--) {
        const atMs = pace.take(nowMs);
        assert.equal(atMs, 1000 + taken++ * 1000 / ratePerSecond);
        assert.ok(atMs <= nowMs + 0.001, "none is sent before its time");
      }
      const inAll = taken + pace.due(nowMs);
      assert.ok(Math.abs(inAll - ((nowMs - 1000) * ratePerSecond / 1000 + 1)) <= 1.001);
    }
  }));
});

Deno.test("Pace: at the time that it told the next is due, and not long before", () => {
  fc.assert(fc.property(rate, fc.nat(1000), (ratePerSecond, taken) => {
    const pace = new Pace({ ratePerSecond, startMs: 5 });
    for (let i = 0; i < taken; i++) pace.take(0);
    const atMs = pace.nextAtMs(0);
    assert.equal(pace.due(atMs), 1);
    assert.equal(pace.due(atMs - 0.1 * 1000 / ratePerSecond), 0);
  }));
});

Deno.test("Pace: as fast as possible means now, and always more", () => {
  const pace = new Pace({ ratePerSecond: 0, startMs: 0 });
  assert.deepEqual([pace.take(7), pace.take(8), pace.due(8)], [7, 8, Infinity]);
});
