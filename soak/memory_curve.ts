/** What a process has resident while something flows through it, and whether that is bounded. */
import { toMib } from "./usage.ts";

/** One look. */
export interface MemorySample {
  readonly residentBytes: number;
}

/** The curve in a few numbers, in MiB. */
export interface MemoryCurve {
  readonly first: number;
  readonly median: number;
  readonly last: number;
  readonly most: number;
}

const MIB = 1024 * 1024;
/** What windows, socket buffers and garbage between two collections may take beside what a process has at rest. */
const MAX_GROWTH_BYTES = 256 * MIB;
/** By how much the last quarter may lie above the second: noise of collections. */
const LATE_SLACK_BYTES = 32 * MIB;
const MIN_SAMPLES = 8;

/** The curve. */
export function curveOf(samples: readonly MemorySample[]): MemoryCurve {
  const sizes = samples.map(({ residentBytes }) => residentBytes);
  return {
    first: toMib(sizes[0] ?? 0),
    median: toMib(medianOf(sizes)),
    last: toMib(sizes.at(-1) ?? 0),
    most: toMib(Math.max(0, ...sizes)),
  };
}

/** What is wrong with it; `restBytes`: what the process had before. */
export function judgeCurve(samples: readonly MemorySample[], restBytes: number): string[] {
  const problems: string[] = [];
  const { most } = curveOf(samples);
  if (most * MIB - restBytes > MAX_GROWTH_BYTES) {
    problems.push(`resident MiB ${toMib(restBytes)} at rest, ${most} under way`);
  }
  if (samples.length < MIN_SAMPLES) return problems;
  const middle = samples.length >> 1;
  // In the first quarter a process grows to what it needs.
  const early = medianOf(samples.slice(middle >> 1, middle).map(({ residentBytes }) => residentBytes));
  const late = medianOf(samples.slice(-(middle >> 1)).map(({ residentBytes }) => residentBytes));
  if (late - early > LATE_SLACK_BYTES) {
    problems.push(`resident MiB goes on growing under way: ${toMib(early)} → ${toMib(late)}`);
  }
  return problems;
}

function medianOf(sizes: readonly number[]): number {
  const sorted = [...sizes].sort((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? 0;
}
