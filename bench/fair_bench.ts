/**
 * What one client that floods does to a hundred well-behaved ones: the time until their echoes come, without and with
 * the flood. On every transport of the hub, and through tunnels; with the event interval that the project's tasks set
 * and with the runtime's default, hub and agents alike. Adjacent pairs against hubs that take turns. Beside the TCP
 * tunnel a raw relay of as many processes, which tells what the machine makes of them.
 */
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { CertificateFiles } from "./certificate_files.ts";
import { type FairScene, fairScenes } from "./fair_places.ts";
import type { FairResult } from "./load/fair_load.ts";
import type { FloodResult } from "./load/flood_load.ts";
import { LoadProcess } from "./load_process.ts";
import { budgetNote, formatSpread, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const WARM_UP_MS = 1000;
const SETTLE_MS = 200;
const HUBS = 3;
const PAIRS_PER_HUB = 3;
const LIMIT = 3;
/** What the tasks of this project set, and what the runtime takes when nobody says otherwise. */
const INTERVALS = [["1", "as shipped"], ["61", "runtime's default"]] as const;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Pair {
  readonly alone: FairResult;
  readonly flooded: FairResult;
  readonly flood: FloodResult;
  /** CPU of the hub during the flood, in percent of one core. */
  readonly hubPercent: number;
}

/** A way to run a place, and what came of it. */
interface Condition {
  readonly name: string;
  readonly scene: FairScene;
  readonly interval: string;
  readonly pairs: Pair[];
}

async function fairFor(load: LoadProcess, ms: number): Promise<FairResult> {
  await load.say(ms);
  return JSON.parse(await load.line());
}

async function floodFor(load: LoadProcess, ms: number): Promise<FloodResult> {
  await load.say(ms);
  return JSON.parse(await load.line());
}

/** Adjacent pairs at one place, after both loads warmed it up. */
async function measurePairs({ scene, interval, pairs }: Condition): Promise<void> {
  const { measuredMs } = scene;
  await using stack = new AsyncDisposableStack();
  const { hub, clients: target, flooder: aim } = await scene.start(stack, {
    DENO_TOKIO_EVENT_INTERVAL: interval,
  });
  const clients = stack.use(new LoadProcess("fair_load.ts", { ...scene.clients, ...target }));
  const flooder = stack.use(new LoadProcess("flood_load.ts", { ...scene.flood, ...aim }));
  await Promise.all([fairFor(clients, WARM_UP_MS), floodFor(flooder, WARM_UP_MS)]);
  for (let pair = 0; pair < PAIRS_PER_HUB; pair++) {
    await sleep(SETTLE_MS);
    const alone = await fairFor(clients, measuredMs);
    const flooding = floodFor(flooder, SETTLE_MS + measuredMs);
    await sleep(SETTLE_MS);
    const before = hub.cpuSeconds();
    const flooded = await fairFor(clients, measuredMs);
    const hubPercent = (hub.cpuSeconds() - before) / measuredMs * 1e5;
    pairs.push({ alone, flooded, flood: await flooding, hubPercent });
  }
}

function conditionsOf(certificates: CertificateFiles): Condition[] {
  return fairScenes(certificates).flatMap((scene) =>
    INTERVALS.map(([interval, how]) => ({
      name: `${scene.name}, ${how}`,
      scene,
      interval,
      pairs: [],
    }))
  );
}

async function measure(): Promise<Condition[]> {
  await using certificates = await CertificateFiles.create();
  const conditions = conditionsOf(certificates);
  for (let hub = 1; hub <= HUBS; hub++) {
    for (const condition of conditions) {
      progress(`hub ${hub} of ${HUBS}: ${condition.name}`);
      await measurePairs(condition);
    }
  }
  return conditions;
}

type Quantile = "p50Ms" | "p99Ms";

function ratios({ pairs }: Condition, quantile: Quantile): number[] {
  return pairs.map(({ alone, flooded }) => flooded[quantile] / alone[quantile]);
}

function rowOf(condition: Condition): Row {
  const { name, pairs } = condition;
  const middle = (figure: (pair: Pair) => number) => round(median(pairs.map(figure)));
  return {
    "hub": name,
    "p50 ms": middle(({ alone }) => alone.p50Ms),
    "flooded": middle(({ flooded }) => flooded.p50Ms),
    "p50 ratio": formatSpread(ratios(condition, "p50Ms")),
    "p99 ms": middle(({ alone }) => alone.p99Ms),
    "flooded ": middle(({ flooded }) => flooded.p99Ms),
    "p99 ratio": formatSpread(ratios(condition, "p99Ms")),
    "flood k/s": round(middle(({ flood }) => flood.echoesPerSecond) / 1000, 0),
    "hub CPU %": round(middle(({ hubPercent }) => hubPercent), 0),
    "clients CPU %": round(middle(({ flooded }) => flooded.cpuPercent), 0),
  };
}

/** How the flooded echoes of a condition compare to those of its baseline under the same interval. */
function besideBaseline(condition: Condition, all: readonly Condition[]): string[] {
  const { scene, interval, name } = condition;
  const baseline = all.find((other) => other.scene.name === scene.baseline && other.interval === interval);
  if (baseline === undefined) return [];
  const ratio = (quantile: Quantile) => {
    const of = ({ pairs }: Condition) => median(pairs.map(({ flooded }) => flooded[quantile]));
    return round(of(condition) / of(baseline));
  };
  return [`${name}: flooded, to the ${scene.baseline}: p50 ${ratio("p50Ms")}, p99 ${ratio("p99Ms")}`];
}

function notesOf(condition: Condition, all: readonly Condition[]): string[] {
  if (all.some(({ scene }) => scene.baseline === condition.scene.name)) return [];
  const note = (label: string, quantile: Quantile) =>
    budgetNote(`${condition.name}: ${label} with the flood / without`, {
      value: median(ratios(condition, quantile)),
      limit: LIMIT,
    });
  return [note("p50", "p50Ms"), note("p99", "p99Ms"), ...besideBaseline(condition, all)];
}

async function run(options: BenchmarkOptions): Promise<number> {
  const conditions = await measure();
  const samples = conditions.map(({ name, pairs }) => ({ name, pairs }));
  const notes = conditions.flatMap((condition) => notesOf(condition, conditions));
  await publish({ name: "fair", rows: conditions.map(rowOf), notes, samples }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "fair",
  about: "Echo times of 100 well-behaved clients without and with one that floods, on every way",
  run,
};
