/**
 * Memory of idle WebSockets: the growth of the hub process from none to 1,000, 5,000 and 10,000, and the CPU that
 * they cost while nothing happens.
 */
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { LoadProcess } from "./load_process.ts";
import { type MeasuredServer, startHub } from "./processes.ts";
import { budgetNote, progress, publish, round, type Row } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const STEPS = [1000, 5000, 10_000];
const WARM_UP = 200;
const SETTLE_MS = 6000;

interface Step {
  readonly connections: number;
  readonly residentBytes: number;
  readonly bytesEach: number;
  /** What each connection since the step before added. */
  readonly bytesEachMore: number;
  readonly cpuPercent: number;
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function settle(hub: MeasuredServer): Promise<{ residentBytes: number; cpuPercent: number }> {
  await sleep(SETTLE_MS / 2);
  const before = hub.cpuSeconds();
  await sleep(SETTLE_MS / 2);
  const cpuPercent = (hub.cpuSeconds() - before) / (SETTLE_MS / 2000) * 100;
  return { residentBytes: hub.residentBytes(), cpuPercent };
}

async function measureSteps(): Promise<Step[]> {
  await using hub = await startHub();
  await using load = new LoadProcess("idle_load.ts", { port: hub.port });
  // The first connections load code and grow pools once: they are the base.
  await load.say(WARM_UP);
  const base = (await settle(hub)).residentBytes;
  const steps: Step[] = [];
  let before = { connections: WARM_UP, residentBytes: base };
  for (const connections of STEPS) {
    progress(`${connections} connections`);
    await load.say(connections);
    const { residentBytes, cpuPercent } = await settle(hub);
    const bytesEach = (residentBytes - base) / (connections - WARM_UP);
    const bytesEachMore = (residentBytes - before.residentBytes) / (connections - before.connections);
    steps.push({ connections, residentBytes, bytesEach, bytesEachMore, cpuPercent });
    before = { connections, residentBytes };
  }
  return steps;
}

function rowOf({ connections, residentBytes, bytesEach, bytesEachMore, cpuPercent }: Step): Row {
  return {
    "connections": connections,
    "resident MiB": round(residentBytes / 2 ** 20, 1),
    "KiB each": round(bytesEach / 1024),
    "KiB each more": round(bytesEachMore / 1024),
    "CPU %": round(cpuPercent, 1),
  };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const steps = await measureSteps();
  const last = steps.at(-1);
  const value = (last?.bytesEach ?? NaN) / 1024;
  const notes = [budgetNote("KiB of process memory each at 10,000", { value, limit: 14, aim: 10 })];
  await publish({ name: "idle", rows: steps.map(rowOf), notes, samples: steps }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "idle",
  about: "Process memory of 1,000, 5,000 and 10,000 idle WebSockets",
  run,
};
