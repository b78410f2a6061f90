/** Holds the table of metrics to Prometheus' naming rules and docs/metrics.md to the table. */

import assert from "node:assert/strict";
import { listMetrics, type NamedMetric } from "../../src/metrics/metric_table.ts";
import { renderMetricsDocs } from "../../tools/generate_metrics_docs.ts";

const foreignUnits =
  /_(ms|millis\w*|micros\w*|nanos\w*|minutes|hours|kb|mb|kib|mib|kilobytes|megabytes|percent)(_|$)/;

function forEachMetric(check: (metric: NamedMetric) => void): void {
  const metrics = listMetrics();
  assert.ok(metrics.length > 20);
  metrics.forEach(check);
}

Deno.test("metricTable: names are prefixed, in snake case and in base units", () => {
  forEachMetric(({ name }) => {
    assert.match(name, /^(trunkline|process|tunnel)(_[a-z][a-z0-9]*)+$/, name);
    assert.doesNotMatch(name, foreignUnits, name);
  });
});

Deno.test("metricTable: exactly the counters end in _total", () => {
  forEachMetric(({ name, type }) => assert.equal(name.endsWith("_total"), type === "counter", name));
});

Deno.test("metricTable: a unit stands last, before _total", () => {
  forEachMetric(({ name }) => {
    if (/seconds|bytes/.test(name) && name !== "trunkline_first_bytes_total") {
      assert.match(name, /_(seconds|bytes)(_total)?$/, name);
    }
  });
});

Deno.test("metricTable: every metric has a help sentence without a full stop", () => {
  forEachMetric(({ name, help }) => assert.match(help, /^[A-Z][^\n|]{10,}[^.\s]$/, name));
});

Deno.test("metricTable: histograms have ascending buckets and a unit, other types have no buckets", () => {
  forEachMetric(({ name, type, buckets }) => {
    assert.equal(buckets !== undefined, type === "histogram", name);
    if (buckets === undefined) return;
    assert.match(name, /_(seconds|bytes)$/);
    assert.deepEqual(buckets, [...new Set(buckets)].sort((a, b) => a - b), name);
  });
});

Deno.test("metricTable: labels are in snake case, described, and not reserved", () => {
  forEachMetric(({ name, labels }) => {
    for (const [label, values] of Object.entries(labels ?? {})) {
      assert.match(label, /^[a-z][a-z0-9_]*$/, name);
      assert.ok(!["le", "quantile", "job", "instance"].includes(label), name);
      assert.ok(values.length > 0, name);
    }
  });
});

Deno.test("docs/metrics.md: is what the table renders", () => {
  const committed = Deno.readTextFileSync(new URL("../../docs/metrics.md", import.meta.url));
  const rendered = renderMetricsDocs(listMetrics());
  assert.equal(committed, rendered, "Run deno run --allow-write=docs tools/generate_metrics_docs.ts");
  for (const { name } of listMetrics()) assert.ok(rendered.includes(`\`${name}\``));
});
