/**
 * Of a late event loop, what the process itself is to blame for. A process that does little and is late all the same
 * waits for its turn on a machine that is busy with something else: to do less would not help it.
 */

/** Who uses less of a core than this is not at work all the time. */
export const BUSY_CORES = 0.5;

/** What was measured in an interval. */
export interface LoopMeasure {
  /** How late the event loop was each time that it was looked at, in seconds. */
  readonly lags: readonly number[];
  /** What the process used of the processor meanwhile, in seconds. */
  readonly cpuSeconds: number;
  /** How long the interval was. */
  readonly seconds: number;
}

/** The lag in milliseconds that comes of the load: that of half of all looks at least; one late turn is no load. */
export function lagOfLoad({ lags, cpuSeconds, seconds }: LoopMeasure): number {
  if (cpuSeconds < BUSY_CORES * seconds) return 0;
  const rising = lags.toSorted((a, b) => a - b);
  return 1000 * (rising[(rising.length - 1) >> 1] ?? 0);
}
