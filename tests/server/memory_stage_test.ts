/** What is done about memory, in its order, and how near a bound is. */
import assert from "node:assert/strict";
import { MemoryStages, MIN_STAGE_MS, pressureOf } from "../../src/server/memory_stage.ts";

const MIB = 1024 * 1024;
const LIMITS = { residentBytes: 500 * MIB, heapBytes: 1000 * MIB };
const use = (residentMib: number, heldMib = residentMib, heapMib = 0) => ({
  residentBytes: residentMib * MIB,
  baseBytes: 100 * MIB,
  heldBytes: heldMib * MIB,
  heapBytes: heapMib * MIB,
});

Deno.test("Memory stages: up at once, over several where it has to be", () => {
  const stages = new MemoryStages();
  assert.deepEqual([stages.observe(0.5, 0), stages.stage], [false, "ample"]);
  assert.deepEqual([stages.observe(0.6, 100), stages.stage], [true, "read_less"]);
  assert.deepEqual([stages.observe(0.99, 200), stages.stage], [true, "refuse"]);
  assert.ok(stages.isAtLeast("shed"));
});

Deno.test("Memory stages: down one at a time, below a lower threshold, when a stage has lasted", () => {
  const stages = new MemoryStages();
  stages.observe(0.85, 0);
  assert.equal(stages.observe(0.1, MIN_STAGE_MS - 1), false);
  assert.equal(stages.observe(0.75, MIN_STAGE_MS), false);
  const seen = [];
  for (let now = MIN_STAGE_MS; now < 5 * MIN_STAGE_MS; now += 100) {
    if (stages.observe(0.1, now)) seen.push([stages.stage, now]);
  }
  assert.deepEqual(seen, [["shed", 2000], ["read_less", 4000], ["ample", 6000]]);
});

Deno.test("Memory stages: what goes up and down between two thresholds changes nothing", () => {
  const stages = new MemoryStages();
  stages.observe(0.72, 0);
  for (let now = 0; now < 3_600_000; now += 100) {
    assert.equal(stages.observe(now % 200 === 0 ? 0.61 : 0.79, now), false);
  }
});

Deno.test("Memory stages: what swings over all thresholds changes at most once each two seconds and stage", () => {
  const stages = new MemoryStages();
  let changes = 0;
  for (let now = 0; now < 60_000; now += 100) if (stages.observe(now % 200 === 0 ? 0 : 1, now)) changes++;
  // Half of the measurements say that nothing is left: it goes down one step and up again.
  assert.ok(changes <= 2 * 60_000 / MIN_STAGE_MS, String(changes));
});

Deno.test("Memory pressure: what was there at the start counts neither way", () => {
  assert.deepEqual(pressureOf(use(100), LIMITS), { share: 0, bound: "resident" });
  assert.deepEqual(pressureOf(use(300), LIMITS), { share: 0.5, bound: "resident" });
  assert.deepEqual(pressureOf(use(50), LIMITS), { share: 0, bound: "resident" });
});

Deno.test("Memory pressure: what the allocator keeps counts half, until nearly all is taken", () => {
  assert.equal(pressureOf(use(300, 100), LIMITS).share, 0.25);
  assert.equal(pressureOf(use(460, 100), LIMITS).share, 0.9);
});

Deno.test("Memory pressure: the nearer bound counts", () => {
  assert.deepEqual(pressureOf(use(200, 200, 900), LIMITS), { share: 0.9, bound: "heap" });
  const unknown = { ...LIMITS, residentBytes: null };
  assert.deepEqual(pressureOf(use(9999, 9999, 100), unknown), { share: 0.1, bound: "heap" });
});

Deno.test("Memory pressure: a process that begins over its bound is over it", () => {
  assert.equal(pressureOf(use(600), { ...LIMITS, residentBytes: 90 * MIB }).share, Infinity);
});
