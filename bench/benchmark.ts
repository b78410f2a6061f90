/**
 * What a benchmark is. Every file `bench/<name>_bench.ts` exports one as `bench`; bench/run.ts finds and runs it.
 */

/** How a benchmark is to be run. */
export interface BenchmarkOptions {
  /** Whether the peer is measured in the same run; with it, a missing peer is a failure. */
  peer: boolean;
  /** Where to write the figures as JSON, or null to write none. */
  outFile: string | null;
}

/** One benchmark. */
export interface Benchmark {
  /** The word that chooses it, as in its file's name, with dashes. */
  name: string;
  /** What it shows, in one line. */
  about: string;
  /** Measures, prints a table, writes its figures as JSON; returns the exit code. */
  run(options: BenchmarkOptions): Promise<number>;
}

/** Whether a value has the shape of a benchmark. */
export function isBenchmark(value: unknown): value is Benchmark {
  return typeof value === "object" && value !== null &&
    "name" in value && typeof value.name === "string" &&
    "about" in value && typeof value.about === "string" &&
    "run" in value && typeof value.run === "function";
}
