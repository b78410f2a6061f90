/**
 * What the definition of a metric says, for the tables that hold them.
 */

/** How a metric behaves: `counter` only rises, `gauge` goes both ways, `histogram` counts observations by size. */
export type MetricType = "counter" | "gauge" | "histogram";

/** What one metric is. The key in the table is its name. */
export interface MetricDefinition {
  readonly type: MetricType;
  /** One sentence for people, without a full stop. */
  readonly help: string;
  /** Label names; a list closes the set of values, a sentence describes an open one. */
  readonly labels?: Readonly<Record<string, readonly string[] | string>>;
  /** Upper bounds of a histogram's buckets, ascending, in the metric's unit. */
  readonly buckets?: readonly number[];
}

/** A table of metrics, with the names and labels as types. */
export function defineMetrics<const T extends Readonly<Record<string, MetricDefinition>>>(table: T): T {
  return table;
}
