/** What the optimizer does and says, with what it looks at made up. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/core/ports.ts";
import { OutboxLedger } from "../../src/link/outbox_ledger.ts";
import { Turns } from "../../src/link/turns.ts";
import { MIN_STAGE_MS } from "../../src/server/memory_stage.ts";
import { createKnobs } from "../../src/server/optimizer_setup.ts";
import { PerformanceOptimizer } from "../../src/server/performance_optimizer.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { testConfig } from "../helpers/test_hub.ts";

const MIB = 1024 * 1024;
const STEP_MS = 100;

function setUp(set: readonly string[] = []) {
  const config = testConfig(["performance.memory=512MiB", ...set]);
  const ledger = new OutboxLedger(config.hub.outbox.total, systemClock);
  const knobs = createKnobs(config, { ledger, turns: new Turns() });
  const logger = new MemoryLogger();
  const admission = { isOverloaded: false };
  const told: boolean[] = [];
  const world = { nowMs: 0, residentMib: 112, garbageMib: 0, collections: 0 };
  const optimizer = new PerformanceOptimizer(config, {
    clock: { now: () => world.nowMs },
    logger,
    knobs,
    ledger,
    admission,
    readLimits: (setBytes) => ({ residentBytes: setBytes, heapBytes: 4096 * MIB }),
    readMemory: () => {
      const residentBytes = (world.residentMib + world.garbageMib) * MIB;
      return { residentBytes, baseBytes: 112 * MIB, heldBytes: residentBytes, heapBytes: 0 };
    },
    collect: () => {
      world.collections++;
      world.garbageMib = 0;
    },
    onMemory: (isEnough) => told.push(isEnough),
  });
  optimizer.start();
  const run = (lagMs: number, forMs: number) => {
    for (const end = world.nowMs + forMs; world.nowMs < end;) {
      world.nowMs += STEP_MS;
      optimizer.observe(lagMs / 1000);
    }
  };
  const metric = (name: string, labels: Record<string, string> = {}) =>
    [...optimizer.samples()].find((sample) =>
      sample.name === name &&
      JSON.stringify("labels" in sample ? sample.labels : {}) === JSON.stringify(labels)
    )?.value;
  return { config, optimizer, knobs, ledger, logger, admission, told, world, run, metric };
}

Deno.test("Optimizer: in auto a late loop joins more and reads less, and says why", () => {
  const { knobs, run, logger, metric } = setUp();
  run(30, 1000);
  assert.deepEqual([knobs.tuning.joinWindowMs, knobs.readLimits.messages], [1, 32]);
  assert.equal(metric("trunkline_tuning_changes_total", { reason: "lag" }), 1);
  assert.equal(metric("trunkline_tuning_join_window_seconds"), 0.001);
  run(1, 8000);
  assert.deepEqual([knobs.tuning.joinWindowMs, knobs.readLimits.messages], [0, 64]);
  assert.deepEqual(logger.lines.map(({ fields }) => fields["reason"]), ["lag", "calm"]);
});

for (const mode of ["latency", "throughput"]) {
  Deno.test(`Optimizer: in ${mode} a late loop changes nothing`, () => {
    const { knobs, run, logger } = setUp([`performance.mode=${mode}`]);
    const before = knobs.tuning;
    run(500, 10_000);
    assert.deepEqual([knobs.tuning, logger.lines], [before, []]);
  });
}

Deno.test("Optimizer: full outboxes have less read, until they are well below", () => {
  const { knobs, ledger, run, metric } = setUp();
  const held = ledger.maxBytes * 0.6;
  ledger.take(held);
  run(0, 200);
  assert.equal(knobs.readLimits.messages, 32);
  ledger.release(held * 0.5);
  run(0, 20_000);
  assert.equal(knobs.readLimits.messages, 32);
  ledger.release(held * 0.5);
  run(0, 200);
  assert.equal(knobs.readLimits.messages, 64);
  assert.equal(metric("trunkline_tuning_changes_total", { reason: "outboxes_full" }), 1);
});

Deno.test("Optimizer: outboxes may hold a quarter of the memory that there is", () => {
  assert.equal(setUp().ledger.maxBytes, 128 * MIB);
  assert.equal(setUp(["hub.outbox.total=16MiB"]).ledger.maxBytes, 16 * MIB);
});

Deno.test("Optimizer: garbage is collected before anything else is done", () => {
  const { world, run, logger, metric } = setUp();
  world.garbageMib = 300;
  run(0, 1000);
  assert.deepEqual([world.collections, logger.lines], [1, []]);
  assert.equal(metric("trunkline_garbage_collections_total"), 1);
});

Deno.test("Optimizer: memory that fills is met in order, and let go in order", () => {
  const { world, run, ledger, knobs, admission, told, logger } = setUp();
  const held = 100 * MIB;
  ledger.take(held);
  const seen: unknown[] = [];
  for (const residentMib of [300, 360, 400, 440, 300, 300]) {
    world.residentMib = residentMib;
    run(0, MIN_STAGE_MS + STEP_MS);
    const isShedding = ledger.maxBytes < 128 * MIB;
    seen.push([residentMib, knobs.readLimits.messages, isShedding, admission.isOverloaded]);
  }
  ledger.release(held);
  ledger.change(Infinity, false);
  ledger.check();
  assert.deepEqual(seen, [
    [300, 32, false, false],
    [360, 16, false, false],
    [400, 16, true, false],
    [440, 16, true, true],
    [300, 16, false, false],
    [300, 32, false, false],
  ]);
  assert.deepEqual(told, [false, true]);
  const stages = logger.lines.flatMap(({ level, fields }) =>
    "stage" in fields ? [[level, fields["stage"]]] : []
  );
  assert.deepEqual(stages, [
    ["warning", "read_less"],
    ["warning", "shed"],
    ["warning", "refuse"],
    ["info", "shed"],
    ["info", "read_less"],
    ["info", "ample"],
  ]);
});

Deno.test("Optimizer: another configuration holds at once, and counts as a change where it is one", () => {
  const { optimizer, ledger, knobs, metric } = setUp();
  optimizer.change(testConfig(["performance.memory=256MiB", "performance.mode=throughput"]));
  assert.equal(ledger.maxBytes, 64 * MIB);
  assert.equal(knobs.tuning.joinWindowMs, 2);
  assert.equal(metric("trunkline_tuning_changes_total", { reason: "reload" }), 1);
  optimizer.change(testConfig(["performance.memory=200MiB", "performance.mode=throughput"]));
  assert.equal(ledger.maxBytes, 50 * MIB);
  assert.equal(metric("trunkline_tuning_changes_total", { reason: "reload" }), 1, "it tunes nothing else");
});

Deno.test("Optimizer: at rest it changes nothing, and nothing waits", () => {
  const { optimizer, knobs, run } = setUp(["performance.mode=throughput"]);
  optimizer.rest();
  assert.equal(knobs.tuning.joinWindowMs, 0);
  run(500, 10_000);
  assert.equal(knobs.tuning.joinWindowMs, 0);
});

Deno.test("Optimizer: who begins near the bound is warned", () => {
  const { logger } = setUp(["performance.memory=128MiB"]);
  assert.deepEqual(logger.lines.map(({ level, fields }) => [level, fields["limit"], fields["taken"]]), [
    ["warning", "128MiB", "112MiB"],
  ]);
});
