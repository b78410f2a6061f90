/** Whether two sides hold at the end what they held at the start. */
import { SIDES, toMib, type Usage } from "./usage.ts";

/** Both sides at one time. */
interface Sides {
  readonly cycle: number;
  readonly agent: Usage;
  readonly hub: Usage;
}

const MIB = 1024 * 1024;
/** By how much a heap may differ that lost nothing: code and caches. */
const HEAP_SLACK_BYTES = 4 * MIB;
/**
 * Pages that were in use once stay resident where something small is left on them, so that a process grows to what it
 * needed at its busiest. It does so early: what goes on growing in the second half is a loss.
 */
const RESIDENT_SLACK_BYTES = 64 * MIB;
const LATE_SLACK_BYTES = 16 * MIB;
/** Fewer samples than this have no second half. */
const MIN_SAMPLES = 5;

/** Whether a side has so many connections and no stream. */
export function holds({ connections, streams }: Usage, wanted: number): boolean {
  return connections === wanted && streams === 0;
}

/** What is more at the end than it was at the start, of the sides that lived all the time. */
export function judge(samples: readonly Sides[], sides: readonly (typeof SIDES[number])[] = SIDES): string[] {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || first === last) return ["nothing was measured"];
  const middle = samples.length < MIN_SAMPLES ? last : samples[samples.length >> 1] ?? last;
  return sides.flatMap((side) => [
    ...compare(side, first[side], last[side]),
    ...compareLate(side, middle[side], last[side]),
  ]);
}

function compareLate(side: string, middle: Usage, last: Usage): string[] {
  if (last.residentBytes - middle.residentBytes <= LATE_SLACK_BYTES) return [];
  return [
    `${side}: resident MiB in the second half ${toMib(middle.residentBytes)} → ${toMib(last.residentBytes)}`,
  ];
}

function compare(side: string, before: Usage, after: Usage): string[] {
  const problems: string[] = [];
  const tell = (what: string, one: number, other: number) =>
    problems.push(`${side}: ${what} ${one} → ${other}`);
  if (after.descriptors > before.descriptors) tell("descriptors", before.descriptors, after.descriptors);
  if (after.connections !== before.connections) tell("connections", before.connections, after.connections);
  if (after.streams !== before.streams) tell("streams", before.streams, after.streams);
  if (after.heapBytes - before.heapBytes > HEAP_SLACK_BYTES) {
    tell("heap MiB", toMib(before.heapBytes), toMib(after.heapBytes));
  }
  if (after.residentBytes - before.residentBytes > RESIDENT_SLACK_BYTES) {
    tell("resident MiB", toMib(before.residentBytes), toMib(after.residentBytes));
  }
  return problems;
}

/** The samples for people. */
export function usageLines(samples: readonly Sides[]): string[] {
  return samples.flatMap((sample) =>
    SIDES.map((side) => {
      const { descriptors, heapBytes, residentBytes, connections, streams } = sample[side];
      return `cycle ${String(sample.cycle).padStart(5)}  ${
        side.padEnd(5)
      }  descriptors ${descriptors}, heap ` +
        `${toMib(heapBytes)} MiB, resident ${
          toMib(residentBytes)
        } MiB, connections ${connections}, streams ${streams}`;
    })
  );
}
