/**
 * A histogram that counts in plain numbers, and makes series of them only when somebody asks: an observation stands in
 * the path of every request. At most one label, whose values are counted apart.
 */
import { Histogram } from "prom-client";

/** What a histogram is. Its label, if it has one, is the first of `labelNames`. */
export interface PlainHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
}

/** What was observed with one value of the label. */
interface Observed {
  /** By bucket, not added up; the last one is what is beyond all bounds. */
  readonly counts: number[];
  sum: number;
}

/** A series as the library takes it. */
interface PulledSeries {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly sharedLabels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The histogram. */
export class PlainHistogram extends Histogram {
  readonly #options: PlainHistogramOptions;
  readonly #label: string | undefined;
  readonly #observed = new Map<string, Observed>();

  constructor(options: PlainHistogramOptions) {
    const { name, help, labelNames, buckets } = options;
    // Whoever makes it says where it belongs.
    super({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers: [] });
    this.#options = options;
    this.#label = labelNames[0];
    // A series that appears out of nothing hides its first step.
    if (this.#label === undefined) this.#begin("");
  }

  /** Adds one observation, in the unit of the name. `label`: the value of the label, where there is one. */
  add(value: number, label = ""): void {
    const observed = this.#observed.get(label) ?? this.#begin(label);
    const { buckets } = this.#options;
    let at = 0;
    while (at < buckets.length && value > (buckets[at] ?? Infinity)) at++;
    observed.counts[at] = (observed.counts[at] ?? 0) + 1;
    observed.sum += value;
  }

  /** What the library takes series from, for its text and its JSON; its types do not name it. */
  getForPromString() {
    const { name, help } = this.#options;
    const values = [...this.#observed].flatMap(([label, observed]) => this.#series(label, observed));
    return Promise.resolve({ name, help, type: "histogram", values, aggregator: "sum" });
  }

  #begin(label: string): Observed {
    const observed = { counts: this.#options.buckets.map(() => 0).concat(0), sum: 0 };
    this.#observed.set(label, observed);
    return observed;
  }

  #series(label: string, { counts, sum }: Observed): PulledSeries[] {
    const { name, buckets } = this.#options;
    const sharedLabels = this.#label === undefined ? {} : { [this.#label]: label };
    let count = 0;
    const series = counts.map((one, at) => {
      count += one;
      const labels = { le: buckets[at] ?? "+Inf" };
      return { metricName: `${name}_bucket`, labels, sharedLabels, value: count };
    });
    return [
      ...series,
      { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum },
      { metricName: `${name}_count`, labels: {}, sharedLabels, value: count },
    ];
  }
}
