/**
 * Turns the numbers that the parts of a program hold into the Prometheus text format. It owns a registry of its
 * own, so that several hubs in one process never share a series, and it costs the hot paths nothing: they count
 * in plain numbers, which are pulled when somebody asks.
 */

import { Counter, Gauge, Registry } from "prom-client";
import { PlainHistogram } from "./plain_histogram.ts";
import { listMetrics, type MetricNameOf, type MetricSample, type NamedMetric } from "./metric_table.ts";

/** A part of the program that holds numbers. */
export interface MetricSource {
  /**
   * The present value of each series that the part knows. Counters are absolute and never fall. Called once per
   * scrape; a series is named once over all sources, and one that is not named any more disappears.
   */
  samples(): Iterable<MetricSample>;
}

/** A part that holds numbers of whatever table. */
export interface AnySource {
  samples(): Iterable<{
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly value: number;
  }>;
}

/** The metrics of one hub or agent; `N` are the names of its histograms. */
export interface Metrics<N extends string = MetricNameOf<"histogram">> {
  /** The media type of {@link Metrics.text}. */
  readonly contentType: string;
  /**
   * Pulls all sources and renders every metric of the table.
   *
   * @throws What a source throws, and an Error when a counter is negative or not finite.
   */
  text(): Promise<string>;
  /**
   * Pulls all sources and gives the present value of every series by the metric's name. Of a histogram there are its
   * sum and its count, under the names that they have in the text format.
   */
  series(): Promise<Map<string, Series[]>>;
  /** Adds one observation, in the unit of the metric's name. `label`: the value of its label, where it has one. */
  observe(name: N, value: number, label?: string): void;
}

/** The present value of one series. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

type Labels = Record<string, string>;

/** A counter or gauge of the registry whose series are rewritten at each scrape. */
interface ScalarMetric {
  clear(): void;
  write(labels: Labels, value: number): void;
}

/**
 * Creates the metrics of one hub.
 *
 * @param sources The parts that are asked at each scrape.
 */
export function createMetrics(sources: readonly MetricSource[]): Metrics {
  return createMetricsOf(listMetrics(), sources);
}

/** Creates the metrics of a table; samples that do not stand in it are left out. */
export function createMetricsOf(
  metrics: readonly NamedMetric[],
  sources: readonly AnySource[],
): Metrics<string> {
  const registry = new Registry();
  const scalars = new Map<string, ScalarMetric>();
  const histograms = new Map<string, PlainHistogram>();
  for (const metric of metrics) {
    if (metric.type === "histogram") histograms.set(metric.name, defineHistogram(registry, metric));
    else scalars.set(metric.name, defineScalar(registry, metric));
  }
  const pull = () => {
    for (const scalar of scalars.values()) scalar.clear();
    for (const source of sources) {
      for (const sample of source.samples()) {
        scalars.get(sample.name)?.write({ ...sample.labels }, sample.value);
      }
    }
  };
  return {
    contentType: registry.contentType,
    async text() {
      pull();
      return await registry.metrics();
    },
    async series() {
      pull();
      return seriesByName(await registry.getMetricsAsJSON());
    },
    observe(name, value, label) {
      histograms.get(name)?.add(value, label);
    },
  };
}

function defineHistogram(
  registry: Registry,
  { name, help, labels = {}, buckets = [] }: NamedMetric,
): PlainHistogram {
  const histogram = new PlainHistogram({ name, help, labelNames: Object.keys(labels), buckets });
  registry.registerMetric(histogram);
  return histogram;
}

function defineScalar(registry: Registry, metric: NamedMetric): ScalarMetric {
  const options = {
    name: metric.name,
    help: metric.help,
    labelNames: Object.keys(metric.labels ?? {}),
    registers: [registry],
  };
  const zeroes = closedSeries(metric);
  if (metric.type === "counter") {
    const counter = new Counter(options);
    // A counter cannot be set: it is emptied at each scrape and raised to the pulled number.
    return {
      clear: () => clearTo(counter, zeroes, (labels) => counter.inc(labels, 0)),
      write: (labels, value) => counter.inc(labels, value),
    };
  }
  const gauge = new Gauge(options);
  return {
    clear: () => clearTo(gauge, zeroes, (labels) => gauge.set(labels, 0)),
    write: (labels, value) => gauge.set(labels, value),
  };
}

function clearTo(
  metric: { reset(): void },
  series: readonly Labels[],
  write: (labels: Labels) => void,
): void {
  metric.reset();
  for (const labels of series) write(labels);
}

/**
 * Every series of a metric whose labels are all closed. They start at zero, because a rate over a series that
 * appears out of nothing misses its first step.
 */
function closedSeries(metric: NamedMetric): readonly Labels[] {
  let series: Labels[] = [{}];
  for (const [label, values] of Object.entries(metric.labels ?? {})) {
    if (typeof values === "string") return [];
    series = series.flatMap((labels) => values.map((value) => ({ ...labels, [label]: value })));
  }
  return series;
}

interface PulledMetric {
  readonly name: string;
  readonly values: readonly PulledValue[];
}

interface PulledValue {
  readonly value: number;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  /** Of a histogram: the name with `_bucket`, `_sum` or `_count` at its end. */
  readonly metricName?: string;
}

function seriesByName(pulled: readonly PulledMetric[]): Map<string, Series[]> {
  const byName = new Map<string, Series[]>();
  for (const metric of pulled) {
    for (const { value, labels, metricName = metric.name } of metric.values) {
      if (metricName.endsWith("_bucket")) continue;
      const texts = Object.entries(labels).map(([label, text]) => [label, String(text)]);
      const series = { labels: Object.fromEntries(texts), value };
      const known = byName.get(metricName);
      if (known === undefined) byName.set(metricName, [series]);
      else known.push(series);
    }
  }
  return byName;
}
