/**
 * What subscribers that never read do to the others: 500 connections, of which none or five are stalled, under each
 * policy for slow consumers. Adjacent runs, each against a fresh hub.
 */
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import type { SlowLoad, SlowResult } from "./load/slow_load.ts";
import { LoadProcess } from "./load_process.ts";
import { startHub } from "./processes.ts";
import { formatSpread, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const CONNECTIONS = 500;
const STALLED = 5;
const LOAD = { payloadBytes: 128, intervalMs: 25, seconds: 4 };
const PAIRS = 5;
const POLICIES = ["close", "drop_oldest", "latest"] as const;

interface Measured {
  readonly result: SlowResult;
  /** CPU of the hub, in percent of one core. */
  readonly hubPercent: number;
}

interface Condition {
  readonly name: string;
  readonly policy: typeof POLICIES[number];
  readonly stalled: number;
  readonly runs: Measured[];
}

async function once({ policy, stalled }: Condition): Promise<Measured> {
  await using hub = await startHub({ set: [`hub.outbox.slow_consumer=${policy}`] });
  const task: SlowLoad = { ...LOAD, port: hub.port, readers: CONNECTIONS - stalled, stalled };
  await using load = new LoadProcess("slow_load.ts", task);
  if (await load.line() !== "go") throw new Error("Cannot measure: the load did not begin");
  const before = hub.cpuSeconds();
  const result: SlowResult = JSON.parse(await load.line());
  return { result, hubPercent: (hub.cpuSeconds() - before) / LOAD.seconds * 100 };
}

async function measure(): Promise<Condition[]> {
  const conditions: Condition[] = [
    { name: "none stalled", policy: "close", stalled: 0, runs: [] },
    ...POLICIES.map((policy): Condition => ({
      name: `${STALLED} stalled, ${policy}`,
      policy,
      stalled: STALLED,
      runs: [],
    })),
  ];
  for (let pair = 1; pair <= PAIRS; pair++) {
    for (const condition of conditions) {
      progress(`pair ${pair} of ${PAIRS}: ${condition.name}`);
      condition.runs.push(await once(condition));
    }
  }
  return conditions;
}

type Quantile = "p50Ms" | "p99Ms" | "p999Ms";

/** Each run beside the run of the same pair in which nobody was stalled. */
function ratios({ runs }: Condition, alone: Condition, quantile: Quantile): number[] {
  return runs.map(({ result }, at) => result[quantile] / (alone.runs[at]?.result[quantile] ?? NaN));
}

function rowOf(condition: Condition, alone: Condition): Row {
  const { runs } = condition;
  const middle = (figure: (run: Measured) => number) => round(median(runs.map(figure)));
  const ratio = (quantile: Quantile) => formatSpread(ratios(condition, alone, quantile));
  return {
    "500 connections": condition.name,
    "p50 ms": middle(({ result }) => result.p50Ms),
    "p99 ms": middle(({ result }) => result.p99Ms),
    "p999 ms": middle(({ result }) => result.p999Ms),
    ...(condition === alone
      ? { "p50 ratio": "-", "p99 ratio": "-", "p999 ratio": "-" }
      : { "p50 ratio": ratio("p50Ms"), "p99 ratio": ratio("p99Ms"), "p999 ratio": ratio("p999Ms") }),
    "hub CPU %": middle(({ hubPercent }) => hubPercent),
    "clients CPU %": middle(({ result }) => result.cpuPercent),
  };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const conditions = await measure();
  const [alone] = conditions;
  if (alone === undefined) throw new Error("Cannot compare: there is nothing to compare with");
  const rows = conditions.map((condition) => rowOf(condition, alone));
  await publish({ name: "slow", rows, notes: [], samples: conditions }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "slow",
  about: "Delays of 500 subscribers of which none or five never read, under each policy",
  run,
};
