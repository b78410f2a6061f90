import assert from "node:assert/strict";
import fc from "fast-check";
import { Histogram, Registry } from "prom-client";
import { PlainHistogram } from "../../src/metrics/plain_histogram.ts";

const BUCKETS = [0.005, 0.1, 1];
const help = "How long it took";

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "").sort();
}

Deno.test("PlainHistogram: says what the library's own histogram says of the same values", async () => {
  const value = fc.oneof(fc.constantFrom(0, ...BUCKETS), fc.double({ min: 0, max: 5, noNaN: true }));
  await fc.assert(fc.asyncProperty(fc.array(value), async (values) => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const plain = new PlainHistogram({ name: "took_seconds", help, labelNames: [], buckets: BUCKETS });
    ours.registerMetric(plain);
    const own = new Histogram({ name: "took_seconds", help, buckets: BUCKETS, registers: [theirs] });
    for (const one of values) {
      plain.add(one);
      own.observe(one);
    }
    assert.deepEqual(linesOf(await ours.metrics()), linesOf(await theirs.metrics()));
  }));
});

Deno.test("PlainHistogram: counts the values of its label apart", async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const options = { name: "took_seconds", help, labelNames: ["name"], buckets: BUCKETS };
  const plain = new PlainHistogram(options);
  ours.registerMetric(plain);
  const own = new Histogram({ ...options, registers: [theirs] });
  for (const [name, value] of [["web", 0.01], ['"odd"\n', 2], ["web", 0.001]] as const) {
    plain.add(value, name);
    own.observe({ name }, value);
  }
  assert.deepEqual(linesOf(await ours.metrics()), linesOf(await theirs.metrics()));
  assert.deepEqual(
    (await ours.getMetricsAsJSON())[0]?.values,
    (await theirs.getMetricsAsJSON())[0]?.values.map(({ value, labels, metricName }: Series) => ({
      metricName,
      value,
      labels,
    })),
  );
});

interface Series {
  readonly value: number;
  readonly labels: object;
  readonly metricName?: string;
}
