/**
 * Publishes and requests of 500 connections at once, four to one, and what one connection that never reads does to the
 * others. Adjacent runs, each against a fresh hub.
 */
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import type { Delays, MixedLoad, MixedResult } from "./load/mixed_load.ts";
import { LoadProcess } from "./load_process.ts";
import { startHub } from "./processes.ts";
import { formatSpread, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const CONNECTIONS = 500;
const LOAD = { payloadBytes: 128, rate: 2000, requestPercent: 20, seconds: 4 };
const PAIRS = 5;
/** Who does not read and is kept all the same loses messages instead of its connection. */
const POLICY = "hub.outbox.slow_consumer=drop_oldest";

interface Measured {
  readonly result: MixedResult;
  /** CPU of the hub, in percent of one core. */
  readonly hubPercent: number;
}

interface Condition {
  readonly name: string;
  readonly stalled: number;
  readonly runs: Measured[];
}

async function once({ stalled }: Condition): Promise<Measured> {
  await using hub = await startHub({ set: [POLICY] });
  const task: MixedLoad = { ...LOAD, port: hub.port, readers: CONNECTIONS - stalled, stalled };
  await using load = new LoadProcess("mixed_load.ts", task);
  if (await load.line() !== "go") throw new Error("Cannot measure: the load did not begin");
  const before = hub.cpuSeconds();
  const result: MixedResult = JSON.parse(await load.line());
  return { result, hubPercent: (hub.cpuSeconds() - before) / LOAD.seconds * 100 };
}

async function measure(): Promise<readonly [Condition, Condition]> {
  const alone: Condition = { name: "all read", stalled: 0, runs: [] };
  const beside: Condition = { name: "one never reads", stalled: 1, runs: [] };
  for (let pair = 1; pair <= PAIRS; pair++) {
    for (const condition of [alone, beside]) {
      progress(`pair ${pair} of ${PAIRS}: ${condition.name}`);
      condition.runs.push(await once(condition));
    }
  }
  return [alone, beside];
}

type Kind = keyof MixedResult;
type Quantile = Exclude<keyof Delays, "count">;

/** Each run beside the run of the same pair in which all read. */
function ratio(condition: Condition, alone: Condition, [kind, quantile]: readonly [Kind, Quantile]): string {
  if (condition === alone) return "-";
  const ratios = condition.runs.map(({ result }, at) =>
    result[kind][quantile] / (alone.runs[at]?.result[kind][quantile] ?? NaN)
  );
  return formatSpread(ratios);
}

function rowOf(condition: Condition, alone: Condition, kind: Kind): Row {
  const middle = (figure: (run: Measured) => number) => round(median(condition.runs.map(figure)));
  return {
    "500 connections": condition.name,
    "message": kind,
    "p50 ms": middle(({ result }) => result[kind].p50Ms),
    "p99 ms": middle(({ result }) => result[kind].p99Ms),
    "p999 ms": middle(({ result }) => result[kind].p999Ms),
    "p50 ratio": ratio(condition, alone, [kind, "p50Ms"]),
    "p99 ratio": ratio(condition, alone, [kind, "p99Ms"]),
    "p999 ratio": ratio(condition, alone, [kind, "p999Ms"]),
    "hub CPU %": middle(({ hubPercent }) => hubPercent),
  };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const conditions = await measure();
  const [alone] = conditions;
  const rows = (["publish", "request"] as const).flatMap((kind) =>
    conditions.map((condition) => rowOf(condition, alone, kind))
  );
  await publish({ name: "mixed", rows, notes: [], samples: conditions }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "mixed",
  about: "Delays of publishes and requests of 500 connections at once, one of which may never read",
  run,
};
