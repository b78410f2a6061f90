/**
 * How long the hub takes from the start of its process until it accepts connections, and what memory it has then:
 * beside processes of the runtime that do nothing, each taken in the same round.
 */
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { type MeasuredServer, startBare, startHub } from "./processes.ts";
import { budgetNote, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const ROUNDS = 10;
const IDLE_MS = 1000;
const LIMIT_MS = 500;
const LIMIT_MIB = 60;

interface Round {
  /** From the start of the process to the line that names the hub's addresses. */
  readonly hubReadyMs: number;
  /** From the start of a process that runs an empty program to its end. */
  readonly bareRunMs: number;
  readonly hubMiB: number;
  readonly bareMiB: number;
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function timed<T>(run: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const started = performance.now();
  const value = await run();
  return { value, ms: performance.now() - started };
}

/** Starts and ends a process that runs an empty program. */
async function runBare(): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), { args: ["eval", "0"], stdin: "null" })
    .output();
  if (!success) throw new Error("Cannot measure: the empty program failed");
}

async function idleMiB(server: MeasuredServer): Promise<number> {
  await sleep(IDLE_MS);
  return server.residentBytes() / 2 ** 20;
}

async function measureOnce(): Promise<Round> {
  const { value, ms: hubReadyMs } = await timed(startHub);
  await using hub = value;
  const hubMiB = await idleMiB(hub);
  const { ms: bareRunMs } = await timed(runBare);
  await using bare = await startBare();
  return { hubReadyMs, bareRunMs, hubMiB, bareMiB: await idleMiB(bare) };
}

async function measure(): Promise<Round[]> {
  progress("filling caches");
  await measureOnce();
  const rounds: Round[] = [];
  for (let number = 1; number <= ROUNDS; number++) {
    progress(`round ${number} of ${ROUNDS}`);
    rounds.push(await measureOnce());
  }
  return rounds;
}

function rowOf(what: string, values: readonly number[], digits: number): Row {
  return {
    "what": what,
    "median": round(median(values), digits),
    "least": round(Math.min(...values), digits),
    "most": round(Math.max(...values), digits),
  };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const rounds = await measure();
  const readyMs = rounds.map(({ hubReadyMs }) => hubReadyMs);
  const overMiB = rounds.map(({ hubMiB, bareMiB }) => hubMiB - bareMiB);
  const rows = [
    rowOf("hub: start to ready, ms", readyMs, 0),
    rowOf("empty program: start to end, ms", rounds.map(({ bareRunMs }) => bareRunMs), 0),
    rowOf("idle hub: resident MiB", rounds.map(({ hubMiB }) => hubMiB), 1),
    rowOf("idle empty program: resident MiB", rounds.map(({ bareMiB }) => bareMiB), 1),
    rowOf("difference, MiB", overMiB, 1),
  ];
  const notes = [
    budgetNote("ms from start to ready", { value: median(readyMs), limit: LIMIT_MS }),
    budgetNote("MiB over an empty program", { value: median(overMiB), limit: LIMIT_MIB }),
  ];
  await publish({ name: "start", rows, notes, samples: rounds }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "start",
  about: "Time from start to ready and memory of the idle hub, beside an empty program",
  run,
};
