import assert from "node:assert/strict";
import fc from "fast-check";
import { LEAST_RATE, RateGate } from "../../src/limits/rate_gate.ts";

/** Lets through what it may of one a millisecond; gives how many that were. */
function offer(
  gate: RateGate,
  { fromMs, toMs, each = 1 }: { fromMs: number; toMs: number; each?: number },
): number {
  let passed = 0;
  for (let nowMs = fromMs; nowMs < toMs; nowMs += each) {
    if (gate.waitMs(nowMs) === 0) {
      gate.pass(nowMs);
      passed++;
    } else gate.refuse();
  }
  return passed;
}

Deno.test("Rate gate: without a limit everything passes and is counted", () => {
  const gate = new RateGate();
  assert.equal(offer(gate, { fromMs: 0, toMs: 1000 }), 1000);
  assert.deepEqual(gate.takeDemand(), { passed: 1000, wanted: 1000 });
  assert.deepEqual(gate.takeDemand(), { passed: 0, wanted: 0 });
  assert.equal(gate.leftByLoad, Infinity);
});

Deno.test("Rate gate: the rate and its burst pass, whatever is offered", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 4 }), (perSecond, burst) => {
      const gate = new RateGate();
      gate.configure(perSecond, { burst, nowMs: 0 });
      const passed = offer(gate, { fromMs: 0, toMs: 10_000 });
      const most = 10 * perSecond + Math.max(1, perSecond * Math.max(burst - 1, 0.1));
      assert.ok(passed <= most + 1, `${passed} of at most ${most}`);
      assert.ok(passed >= 0.95 * most - 2, `${passed} of at least ${most}`);
    }),
  );
});

Deno.test("Rate gate: who waits as long as he is told passes", () => {
  const gate = new RateGate();
  gate.configure(3, { burst: 1, nowMs: 0 });
  let nowMs = 0;
  for (let sent = 0; sent < 100; sent++) {
    nowMs += gate.waitMs(nowMs);
    assert.equal(gate.waitMs(nowMs), 0);
    gate.pass(nowMs);
  }
  assert.ok(nowMs > 32_000 && nowMs < 34_000, String(nowMs));
});

Deno.test("Rate gate: a hub under load leaves a share of the rate, or where the load is shared out its ceiling", () => {
  const gate = new RateGate();
  gate.configure(100, { burst: 1, nowMs: 0 });
  const left = (share: number, ceiling: number) => {
    gate.restrict({ share, ceiling, nowMs: 0 });
    return gate.leftByLoad;
  };
  assert.equal(left(0.5, Infinity), 50);
  assert.equal(left(0.5, 20), 20);
  assert.equal(left(0.1, 20), 20, "who wants less than the others have is left alone");
  assert.equal(left(0.5, 0), LEAST_RATE);
  assert.equal(left(1, Infinity), Infinity);
});

Deno.test("Rate gate: what is over what the load leaves waits, and is not turned away", () => {
  const gate = new RateGate();
  gate.restrict({ share: 0.5, ceiling: 10, nowMs: 0 });
  let nowMs = 0;
  for (let sent = 0; sent < 100; sent++) {
    assert.equal(gate.waitMs(nowMs), 0);
    gate.pass(nowMs);
    nowMs += gate.delayMs(nowMs);
  }
  assert.ok(nowMs > 9500 && nowMs < 10_500, String(nowMs));
  assert.deepEqual(gate.takeDemand(), { passed: 100, wanted: Infinity });
  assert.equal(gate.passed, 100);
});

Deno.test("Rate gate: a limit that goes away is no limit any more", () => {
  const gate = new RateGate();
  gate.configure(1, { burst: 1, nowMs: 0 });
  assert.equal(offer(gate, { fromMs: 0, toMs: 100 }), 1);
  gate.configure(0, { burst: 1, nowMs: 100 });
  assert.equal(offer(gate, { fromMs: 100, toMs: 200 }), 100);
});
