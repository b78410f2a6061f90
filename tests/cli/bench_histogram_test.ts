import assert from "node:assert/strict";
import fc from "fast-check";
import { LatencyHistogram } from "../../src/cli/bench_histogram.ts";

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

/** Values of every size, those at the borders of buckets among them. */
const latency = fc.oneof(
  fc.nat(600),
  fc.nat(0x7fff_ffff),
  fc.tuple(fc.integer({ min: 7, max: 30 }), fc.integer({ min: -1, max: 1 })).map(([bits, by]) =>
    2 ** bits + by
  ),
);

Deno.test("LatencyHistogram: a quantile is the exact one, or up to 1/128 above it", () => {
  const values = fc.array(latency, { minLength: 1, maxLength: 200 });
  fc.assert(fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (all, part) => {
    const sorted = [...all].sort((a, b) => a - b);
    const exact = sorted[Math.max(1, Math.ceil(part * all.length)) - 1] ?? 0;
    const found = histogramOf(all).quantileUs(part) ?? -1;
    assert.ok(found >= exact && found <= exact * (1 + 1 / 128), `${found} for ${exact}`);
  }));
});

Deno.test("LatencyHistogram: short latencies and the longest are exact", () => {
  fc.assert(fc.property(fc.array(fc.nat(255), { minLength: 1 }), (all) => {
    const histogram = histogramOf(all);
    const sorted = [...all].sort((a, b) => a - b);
    assert.equal(histogram.quantileUs(0.5), sorted[Math.ceil(all.length / 2) - 1]);
    assert.equal(histogram.count, all.length);
  }));
  assert.equal(histogramOf([1e12, 5]).maxUs, 1e12);
});

Deno.test("LatencyHistogram: nothing has no quantile, less than nothing is nothing, fractions are rounded", () => {
  assert.equal(histogramOf([]).quantileUs(0.5), null);
  assert.deepEqual([histogramOf([-3]).quantileUs(1), histogramOf([1.6]).quantileUs(1)], [0, 2]);
});

Deno.test("LatencyHistogram: what is longer than all buckets is counted in the last", () => {
  const histogram = histogramOf([1e12, 2e12]);
  assert.deepEqual([histogram.count, histogram.quantileUs(1)], [2, 0x7fff_ffff]);
});
