import assert from "node:assert/strict";
import fc from "fast-check";
import { fairLevel, LEAST_CAPACITY, LimitAdjuster } from "../../src/limits/limit_adjuster.ts";
import { LEAST_RATE, RateGate } from "../../src/limits/rate_gate.ts";

/** A hub that can do so many messages a second without a lag; with more it is the later the more it is asked for. */
class Plant {
  readonly adjuster = new LimitAdjuster({ targetLagMs: 20, floor: 0.1 });
  readonly gates: readonly RateGate[];
  readonly #capacity: number;
  /** Until when each of the accounts is not read. */
  readonly #heldUntilMs: number[];
  #nowMs = 0;

  constructor(accounts: number, capacity: number) {
    this.gates = Array.from({ length: accounts }, () => new RateGate());
    this.#capacity = capacity;
    this.#heldUntilMs = this.gates.map(() => 0);
  }

  /** Runs for a second in which each account offers so many; gives what passed of each. */
  second(offers: readonly number[]): number[] {
    const passed = this.gates.map((gate, index) => this.#offer(gate, index, offers[index] ?? 0));
    this.#nowMs += 1000;
    const load = passed.reduce((sum, count) => sum + count, 0) / this.#capacity;
    const lagMs = load <= 1 ? 10 * load : 10 + 100 * (load - 1);
    const gates = { messages: this.gates, requests: [] };
    this.adjuster.adjust({ lagMs, seconds: 1, nowMs: this.#nowMs, gates });
    return passed;
  }

  #offer(gate: RateGate, index: number, count: number): number {
    let passed = 0;
    for (let at = 0; at < count; at++) {
      const nowMs = this.#nowMs + (1000 * at) / count;
      // What is not read waits with its sender, who sends nothing more meanwhile.
      if (nowMs < (this.#heldUntilMs[index] ?? 0)) continue;
      gate.pass(nowMs);
      passed++;
      this.#heldUntilMs[index] = nowMs + gate.delayMs(nowMs);
    }
    return passed;
  }
}

/** What passed of each account in the last seconds. */
function run(
  plant: Plant,
  offers: readonly number[],
  { seconds, last }: { seconds: number; last: number },
): number[] {
  const sums = offers.map(() => 0);
  for (let second = 0; second < seconds; second++) {
    const passed = plant.second(offers);
    if (second >= seconds - last) passed.forEach((count, index) => sums[index] = (sums[index] ?? 0) + count);
  }
  return sums.map((sum) => sum / last);
}

Deno.test("Limit adjuster: under load the rates come to what the hub can do", () => {
  const plant = new Plant(4, 1000);
  const passed = run(plant, [1500, 1500, 1500, 1500], { seconds: 120, last: 60 });
  const total = passed.reduce((sum, rate) => sum + rate, 0);
  assert.ok(total > 600 && total < 1300, `${total} of 1000`);
});

Deno.test("Limit adjuster: accounts that want the same get the same, within 5%", () => {
  const plant = new Plant(10, 2000);
  const passed = run(plant, new Array<number>(10).fill(900), { seconds: 90, last: 60 });
  const mean = passed.reduce((sum, rate) => sum + rate, 0) / passed.length;
  for (const rate of passed) assert.ok(Math.abs(rate - mean) <= 0.05 * mean, `${rate} beside ${mean}`);
});

Deno.test("Limit adjuster: who wants little is not touched by who floods", () => {
  const plant = new Plant(5, 1000);
  const passed = run(plant, [8000, 20, 20, 20, 20], { seconds: 90, last: 60 });
  for (const rate of passed.slice(1)) assert.ok(rate >= 19.5, String(rate));
  assert.ok((passed[0] ?? 0) < 1500, String(passed[0]));
});

Deno.test("Limit adjuster: a small configured rate is not cut for somebody else's flood", () => {
  const plant = new Plant(3, 1000);
  plant.gates[1]?.configure(20, { burst: 2, nowMs: 0 });
  plant.gates[2]?.configure(5000, { burst: 2, nowMs: 0 });
  const [, small = 0] = run(plant, [8000, 15, 4000], { seconds: 90, last: 60 });
  assert.ok(plant.adjuster.share < 0.6, String(plant.adjuster.share));
  assert.ok(small >= 14.5, String(small));
});

Deno.test("Limit adjuster: nobody starves, however many there are", () => {
  const plant = new Plant(300, 100);
  const passed = run(plant, new Array<number>(300).fill(50), { seconds: 60, last: 30 });
  for (const rate of passed) assert.ok(rate >= 0.3 * LEAST_RATE, String(rate));
});

Deno.test("Limit adjuster: when the load is gone everything passes again", () => {
  const plant = new Plant(2, 1000);
  run(plant, [3000, 3000], { seconds: 30, last: 1 });
  assert.ok(plant.adjuster.share < 1);
  assert.deepEqual(run(plant, [100, 100], { seconds: 60, last: 1 }), [100, 100]);
  assert.equal(plant.adjuster.share, 1);
  for (const gate of plant.gates) assert.equal(gate.leftByLoad, Infinity);
});

Deno.test("Limit adjuster: between calm and late nothing changes, and the floor is the least", () => {
  const adjuster = new LimitAdjuster({ targetLagMs: 20, floor: 0.1 });
  const measured = (lagMs: number) => ({
    lagMs,
    seconds: 1,
    nowMs: 0,
    gates: { messages: [], requests: [] },
  });
  assert.equal(adjuster.adjust(measured(15)), "held");
  assert.equal(adjuster.adjust(measured(25)), "lowered");
  assert.equal(adjuster.adjust(measured(15)), "held");
  for (let again = 0; again < 50; again++) adjuster.adjust(measured(1000));
  assert.equal(adjuster.share, 0.1);
  assert.equal(adjuster.adjust(measured(1000)), "held");
  assert.equal(adjuster.adjust(measured(5)), "raised");
});

Deno.test("Fair level: together it is the capacity, nobody gets more than he wants, and nobody could get more", () => {
  fc.assert(fc.property(fc.array(fc.nat(1000), { minLength: 1 }), fc.nat(5000), (wanted, nat) => {
    const capacity = Math.max(LEAST_CAPACITY, nat);
    const level = fairLevel(wanted, capacity);
    const given = wanted.map((demand) => Math.min(demand, level));
    const total = given.reduce((sum, rate) => sum + rate, 0);
    assert.ok(total <= capacity + 1e-6);
    const all = wanted.reduce((sum, demand) => sum + demand, 0);
    if (all > capacity) assert.ok(Math.abs(total - capacity) < 1e-6, `${total} of ${capacity}`);
    else assert.deepEqual(given, wanted);
  }));
});
