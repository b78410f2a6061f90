/** What each mode begins with, what a situation makes of it, and what an operator has set. */
import assert from "node:assert/strict";

import { AT_START, LOADS, MODE_TUNINGS, tuningFor } from "../../src/server/tuning.ts";
import { testConfig } from "../helpers/test_hub.ts";

const KIB = 1024;

for (const mode of ["auto", "latency", "throughput"] as const) {
  Deno.test(`Tuning: ${mode} begins with its own sizes`, () => {
    assert.deepEqual(tuningFor(testConfig([`performance.mode=${mode}`]), AT_START), MODE_TUNINGS[mode]);
  });
}

Deno.test("Tuning: a load changes auto within its bounds, the others not at all", () => {
  for (const mode of ["latency", "throughput"] as const) {
    const config = testConfig([`performance.mode=${mode}`]);
    for (const load of LOADS) {
      const situation = { ...AT_START, load, isBacklogged: true };
      assert.deepEqual(tuningFor(config, situation), MODE_TUNINGS[mode]);
    }
  }
  const windows = LOADS.map((load) => tuningFor(testConfig(), { ...AT_START, load }).joinWindowMs);
  const budgets = LOADS.map((load) => tuningFor(testConfig(), { ...AT_START, load }).readLimits);
  assert.deepEqual(windows, [0, 1, 4]);
  assert.deepEqual(budgets.map(({ messages }) => messages), [64, 32, 16]);
  assert.deepEqual(budgets.map(({ bytes }) => bytes), [64 * KIB, 32 * KIB, 16 * KIB]);
  assert.deepEqual(budgets.map(({ deliveries }) => deliveries), [4096, 2048, 1024]);
});

Deno.test("Tuning: while memory is short every mode reads a quarter, and in longer turns", () => {
  const situation = { ...AT_START, isShortOfMemory: true };
  const { readLimits, turnMs } = tuningFor(testConfig(["performance.mode=throughput"]), situation);
  assert.deepEqual(readLimits, { messages: 64, bytes: 64 * KIB, deliveries: 4096 });
  assert.equal(turnMs, 5);
});

Deno.test("Tuning: what is set stays", () => {
  const config = testConfig([
    "hub.read_budget={messages: 7, bytes: 9KiB}",
    "performance.buffers={join: 1KiB, socket: 2KiB}",
  ]);
  const tuning = tuningFor(config, { load: "saturated", isBacklogged: true, isShortOfMemory: true });
  assert.deepEqual(tuning.readLimits, { messages: 7, bytes: 9 * KIB, deliveries: 1024 });
  assert.deepEqual([tuning.joinBytes, tuning.socketBytes], [KIB, 2 * KIB]);
});
