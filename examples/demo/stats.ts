/**
 * The few numbers of the hub that the load page shows, taken from the text that the hub serves for Prometheus:
 * the page shows nothing that monitoring would not see.
 */

/** What the hub counted until a moment. Totals begin with the hub and never fall. */
export interface DemoStats {
  /** When the numbers were read, in milliseconds of a clock that only goes forward. */
  readonly atMs: number;
  readonly messagesReceived: number;
  /** Each receiver counted. */
  readonly messagesSent: number;
  readonly bytesSent: number;
  /** Messages that a receiver never got, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Bytes that wait for all clients together, at this moment. */
  readonly outboxBytes: number;
  readonly connections: number;
  /** Connections that ended with close code 4413. */
  readonly closedAsSlow: number;
  /** The latest that the hub's event loop was in the last half minute. */
  readonly loopLagMaxSeconds: number;
}

/** One line of the exposition. */
interface Series {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

const SERIES = /^(\w+)(?:\{(.*)\})? (\S+)$/;

/** Reads the hub's metrics. Rejects when they cannot be had. */
export async function readStats(metricsUrl: string): Promise<DemoStats> {
  const response = await fetch(metricsUrl);
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot read ${metricsUrl}: it answers ${response.status}`);
  return parseStats(text, performance.now());
}

/** Takes the numbers out of the text format of Prometheus; a series that is not there is 0. */
export function parseStats(text: string, atMs: number): DemoStats {
  const series = [...parseSeries(text)];
  return {
    atMs,
    messagesReceived: sumOf(series, "trunkline_messages_received_total"),
    messagesSent: sumOf(series, "trunkline_messages_sent_total"),
    bytesSent: sumOf(series, "trunkline_sent_bytes_total"),
    dropped: valuesBy(series, "trunkline_messages_dropped_total", "reason"),
    outboxBytes: sumOf(series, "trunkline_outbox_bytes"),
    connections: sumOf(series, "trunkline_connections"),
    closedAsSlow: valuesBy(series, "trunkline_connections_closed_total", "code")["4413"] ?? 0,
    loopLagMaxSeconds: sumOf(series, "trunkline_event_loop_lag_max_seconds"),
  };
}

function* parseSeries(text: string): Iterable<Series> {
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = SERIES.exec(line) ?? [];
    if (name !== undefined) yield { name, labels, value: Number(value) };
  }
}

function sumOf(series: readonly Series[], wanted: string): number {
  return series.reduce((sum, { name, value }) => name === wanted ? sum + value : sum, 0);
}

function valuesBy(series: readonly Series[], wanted: string, label: string): Record<string, number> {
  const pattern = new RegExp(`(?:^|,)${label}="([^"]*)"`);
  const values: Record<string, number> = {};
  for (const { name, labels, value } of series) {
    const key = name === wanted ? pattern.exec(labels)?.[1] : undefined;
    if (key !== undefined) values[key] = (values[key] ?? 0) + value;
  }
  return values;
}
