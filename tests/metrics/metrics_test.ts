/** Checks that pulled numbers appear in the exposition as they are, scrape after scrape. */

import assert from "node:assert/strict";
import { type LabelsOf, listMetrics, type MetricSample } from "../../src/metrics/metric_table.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";

function seriesOf(text: string, name: string): string[] {
  return text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
}

function metricsOf(...samples: MetricSample[]) {
  return createMetrics([{ samples: () => samples }]);
}

Deno.test("createMetrics: every metric of the table is exposed with its help and type", async () => {
  const text = await createMetrics([]).text();
  for (const { name, help, type } of listMetrics()) {
    assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
  }
});

Deno.test("createMetrics: nothing is exposed that is not in the table", async () => {
  const text = await createMetrics([]).text();
  const exposed = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
  assert.deepEqual(exposed.sort(), listMetrics().map((metric) => metric.name).sort());
});

Deno.test("createMetrics: every labelled metric carries exactly the labels of the table", async () => {
  for (const metric of listMetrics()) {
    if (metric.type === "histogram" || metric.labels === undefined) continue;
    const labels = Object.fromEntries(
      Object.entries(metric.labels).map((
        [label, values],
      ) => [label, typeof values === "string" ? "x" : values[0]]),
    );
    const sample = { name: metric.name, labels, value: 7 } as unknown as MetricSample;
    const expected = Object.entries(labels).map(([label, value]) => `${label}="${value}"`).join(",");
    assert.ok((await metricsOf(sample).text()).includes(`${metric.name}{${expected}} 7\n`), metric.name);
  }
});

Deno.test("createMetrics: a counter shows the pulled number and not the sum of scrapes", async () => {
  let accepted = 3;
  const metrics = createMetrics([{
    *samples() {
      yield {
        name: "trunkline_connections_accepted_total",
        labels: { transport: "websocket" },
        value: accepted,
      };
    },
  }]);
  await metrics.text();
  accepted = 5;
  const series = seriesOf(await metrics.text(), "trunkline_connections_accepted_total");
  assert.deepEqual(series, [
    'trunkline_connections_accepted_total{transport="websocket"} 5',
    'trunkline_connections_accepted_total{transport="text"} 0',
    'trunkline_connections_accepted_total{transport="frames"} 0',
    'trunkline_connections_accepted_total{transport="json"} 0',
  ]);
});

Deno.test("createMetrics: series are numbers by name, a histogram's sum and count among them", async () => {
  const metrics = metricsOf({
    name: "trunkline_messages_sent_total",
    labels: { transport: "text" },
    value: 4,
  });
  metrics.observe("trunkline_event_loop_lag_seconds", 0.5);
  const series = await metrics.series();
  const sent = series.get("trunkline_messages_sent_total")?.map((
    { labels, value },
  ) => [labels.transport, value]);
  assert.deepEqual(sent, [["websocket", 0], ["text", 4], ["frames", 0], ["json", 0]]);
  assert.deepEqual(series.get("trunkline_event_loop_lag_seconds_sum"), [{ labels: {}, value: 0.5 }]);
  assert.deepEqual(series.get("trunkline_event_loop_lag_seconds_count"), [{ labels: {}, value: 1 }]);
  assert.equal(series.has("trunkline_event_loop_lag_seconds_bucket"), false);
});

Deno.test("createMetrics: two scrapes at once see whole numbers", async () => {
  const metrics = metricsOf({ name: "trunkline_tls_handshake_errors_total", value: 4 });
  const texts = await Promise.all([metrics.text(), metrics.text()]);
  for (const text of texts) {
    assert.deepEqual(seriesOf(text, "trunkline_tls_handshake_errors_total"), [
      "trunkline_tls_handshake_errors_total 4",
    ]);
  }
});

Deno.test("createMetrics: closed labels begin at zero, open ones when they are counted", async () => {
  const text = await createMetrics([]).text();
  assert.deepEqual(seriesOf(text, "process_cpu_seconds_total"), [
    'process_cpu_seconds_total{mode="user"} 0',
    'process_cpu_seconds_total{mode="system"} 0',
  ]);
  assert.deepEqual(seriesOf(text, "trunkline_connections_closed_total"), []);
});

Deno.test("createMetrics: a series that its source does not name any more disappears", async () => {
  const samples: MetricSample[] = [{
    name: "trunkline_component_up",
    labels: { component: "listener" },
    value: 1,
  }];
  const metrics = createMetrics([{ samples: () => samples }]);
  assert.equal(seriesOf(await metrics.text(), "trunkline_component_up").length, 1);
  samples.length = 0;
  assert.equal(seriesOf(await metrics.text(), "trunkline_component_up").length, 0);
});

Deno.test("createMetrics: a label value cannot forge a line", async () => {
  const evil = 'x"} 1\ntrunkline_relay_rooms 99\n\\';
  const text = await metricsOf(
    { name: "trunkline_connections_refused_total", labels: { reason: evil }, value: 1 },
  ).text();
  assert.deepEqual(seriesOf(text, "trunkline_relay_rooms"), ["trunkline_relay_rooms 0"]);
  assert.ok(text.includes('{reason="x\\"} 1\\ntrunkline_relay_rooms 99\\n\\\\"} 1\n'));
});

Deno.test("createMetrics: observations land in the buckets of the table", async () => {
  const metrics = createMetrics([]);
  for (const lag of [0.0004, 0.02, 9]) metrics.observe("trunkline_event_loop_lag_seconds", lag);
  const text = await metrics.text();
  assert.ok(text.includes('trunkline_event_loop_lag_seconds_bucket{le="0.001"} 1\n'));
  assert.ok(text.includes('trunkline_event_loop_lag_seconds_bucket{le="0.02"} 2\n'));
  assert.ok(text.includes('trunkline_event_loop_lag_seconds_bucket{le="+Inf"} 3\n'));
});

Deno.test("createMetrics: two of them share nothing", async () => {
  const one = metricsOf({ name: "trunkline_relay_rooms", value: 2 });
  const other = createMetrics([]);
  assert.deepEqual(seriesOf(await one.text(), "trunkline_relay_rooms"), ["trunkline_relay_rooms 2"]);
  assert.deepEqual(seriesOf(await other.text(), "trunkline_relay_rooms"), ["trunkline_relay_rooms 0"]);
});

Deno.test("createMetrics: a failing source fails the scrape and not the next one", async () => {
  let broken = true;
  const metrics = createMetrics([{
    samples() {
      if (broken) throw new Error("gone");
      return [{ name: "trunkline_relay_members", value: 1 } as const];
    },
  }]);
  await assert.rejects(metrics.text(), /gone/);
  broken = false;
  assert.deepEqual(seriesOf(await metrics.text(), "trunkline_relay_members"), ["trunkline_relay_members 1"]);
});

Deno.test("MetricSample: names and labels are checked by the compiler", () => {
  const labels: LabelsOf<"trunkline_http_requests_total"> = { code: "101" };
  const good: MetricSample = { name: "trunkline_http_requests_total", labels, value: 1 };
  // @ts-expect-error an unknown name
  const unknownName: MetricSample = { name: "trunkline_nothing_total", value: 1 };
  // @ts-expect-error a forgotten label
  const noLabels: MetricSample = { name: "trunkline_http_requests_total", value: 1 };
  // @ts-expect-error a value outside of a closed label
  const badValue: MetricSample = { name: "process_cpu_seconds_total", labels: { mode: "idle" }, value: 1 };
  assert.equal([good, unknownName, noLabels, badValue].length, 4);
});
