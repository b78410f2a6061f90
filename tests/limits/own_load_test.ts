import assert from "node:assert/strict";
import { BUSY_CORES, lagOfLoad } from "../../src/limits/own_load.ts";

const LATE = [0.001, 0.03, 0.04, 0.05];

Deno.test("Own load: what half of all looks were late at least is the lag", () => {
  assert.equal(lagOfLoad({ lags: LATE, cpuSeconds: 1, seconds: 1 }), 30);
  assert.equal(lagOfLoad({ lags: [0.5, 0.001, 0.001], cpuSeconds: 1, seconds: 1 }), 1);
  assert.equal(lagOfLoad({ lags: [], cpuSeconds: 1, seconds: 1 }), 0);
});

Deno.test("Own load: who is late without being at work is not under load", () => {
  assert.equal(lagOfLoad({ lags: LATE, cpuSeconds: BUSY_CORES / 2, seconds: 1 }), 0);
  assert.equal(lagOfLoad({ lags: LATE, cpuSeconds: 2 * BUSY_CORES, seconds: 4 }), 0);
  assert.equal(lagOfLoad({ lags: LATE, cpuSeconds: BUSY_CORES, seconds: 1 }), 30);
});
