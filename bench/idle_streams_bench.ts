/**
 * What an idle stream costs each end: the resident memory of the end that opens and of the one that accepts, before
 * and after ten thousand streams on one connection.
 */
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { LoadProcess } from "./load_process.ts";
import type { StreamEnd } from "./load/stream_end.ts";
import { residentBytesOf } from "./processes.ts";
import { budgetNote, formatSpread, median, progress, publish, round } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const RUNS = 3;
const STREAMS = 10_000;
const LIMIT_KIB = 4;
const SETTLE_MS = 500;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Measured {
  readonly openKib: number;
  readonly acceptKib: number;
}

async function measure(): Promise<Measured> {
  const acceptTask: StreamEnd = { side: "accept" };
  await using accept = new LoadProcess("stream_end.ts", acceptTask);
  const openTask: StreamEnd = { side: "open", port: Number(await accept.line()) };
  await using open = new LoadProcess("stream_end.ts", openTask);
  await open.line();
  await open.say(1);
  await sleep(SETTLE_MS);
  const before = [open, accept].map(({ pid }) => residentBytesOf(pid));
  await open.say(STREAMS);
  await sleep(SETTLE_MS);
  const [openKib = NaN, acceptKib = NaN] = [open, accept].map(({ pid }, at) =>
    (residentBytesOf(pid) - (before[at] ?? NaN)) / STREAMS / 1024
  );
  return { openKib, acceptKib };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const runs: Measured[] = [];
  for (let run = 1; run <= RUNS; run++) {
    progress(`run ${run} of ${RUNS}`);
    runs.push(await measure());
  }
  const ends = [
    { name: "the end that opens", values: runs.map(({ openKib }) => openKib) },
    { name: "the end that accepts", values: runs.map(({ acceptKib }) => acceptKib) },
  ];
  const rows = ends.map(({ name, values }) => ({
    [`${STREAMS} streams`]: name,
    "KiB each": formatSpread(values),
  }));
  const notes = ends.map(({ name, values }) =>
    budgetNote(`KiB for each idle stream, ${name}`, { value: round(median(values)), limit: LIMIT_KIB })
  );
  await publish({ name: "idle-streams", rows, notes, samples: runs }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "idle-streams",
  about: "Memory of ten thousand idle streams on one connection",
  run,
};
