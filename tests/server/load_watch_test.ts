/** Following the load of the event loop: up when it lasts, down later, and not again and again. */
import assert from "node:assert/strict";
import { LoadWatch, MAX_QUIET_MS, MIN_QUIET_MS, MIN_UP_MS } from "../../src/server/load_watch.ts";

const STEP_MS = 100;

function setUp() {
  let now = 0;
  const watch = new LoadWatch({ now: () => now });
  const changes: number[] = [];
  /** Lets the loop be so late for so long. */
  const run = (lagMs: number, forMs: number) => {
    for (const end = now + forMs; now < end;) {
      now += STEP_MS;
      if (watch.observe(lagMs)) changes.push(now);
    }
  };
  return { watch, run, changes };
}

Deno.test("Load watch: one late timer changes nothing, lag that lasts does", () => {
  const { watch, run, changes } = setUp();
  run(1, 1000);
  run(500, 200);
  run(1, 1000);
  assert.deepEqual([watch.load, changes], ["calm", []]);
  run(30, 1000);
  assert.equal(watch.load, "busy");
});

Deno.test("Load watch: one step at a time, with time between", () => {
  const { watch, run, changes } = setUp();
  run(200, 500);
  assert.equal(watch.load, "busy");
  run(200, MIN_UP_MS);
  assert.equal(watch.load, "saturated");
  run(200, 60_000);
  assert.equal(changes.length, 2);
  assert.ok((changes[1] ?? 0) - (changes[0] ?? 0) >= MIN_UP_MS);
});

Deno.test("Load watch: between the thresholds nothing changes", () => {
  const { watch, run, changes } = setUp();
  run(30, 1000);
  run(10, 600_000);
  assert.deepEqual([watch.load, changes.length], ["busy", 1]);
});

Deno.test("Load watch: down takes quiet that lasts", () => {
  const { watch, run } = setUp();
  run(30, 1000);
  run(1, MIN_QUIET_MS - STEP_MS);
  assert.equal(watch.load, "busy");
  run(10, 500);
  run(1, MIN_QUIET_MS);
  assert.equal(watch.load, "busy");
  run(1, 1000);
  assert.equal(watch.load, "calm");
});

for (const halfMs of [500, 2000, 6000, 15_000]) {
  Deno.test(`Load watch: a load that comes and goes every ${halfMs} ms is not followed for ever`, () => {
    const { run, changes } = setUp();
    const hours = 1;
    for (let cycle = 0; cycle < hours * 3_600_000 / (2 * halfMs); cycle++) {
      run(80, halfMs);
      run(1, halfMs);
    }
    // Each of the two steps may be gone down once for each time that the quiet doubles.
    assert.ok(changes.length <= 2 + 4 * Math.log2(MAX_QUIET_MS / MIN_QUIET_MS), String(changes.length));
  });
}

Deno.test("Load watch: after a long quiet it is as quick as at the start", () => {
  const { watch, run } = setUp();
  for (let cycle = 0; cycle < 20; cycle++) {
    run(30, 6000);
    run(1, 6000);
  }
  run(1, 3 * MAX_QUIET_MS);
  assert.equal(watch.load, "calm");
  run(30, 1000);
  run(1, MIN_QUIET_MS + 1000);
  assert.equal(watch.load, "calm");
});
