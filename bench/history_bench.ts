/**
 * What keeping costs: the fan-out of a topic with history, in memory and on disk, beside one without; how long a replay
 * takes, and what it does to those who get their messages live.
 */
import { ExitCode } from "../src/cli/io.ts";
import { BrokerClient } from "../tests/broker/broker_client.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { type FanOutFigures, type FanOutScenario, measureFanOut } from "./fan_out.ts";
import type { ReplayLoad } from "./load/replay_load.ts";
import { LoadProcess } from "./load_process.ts";
import { type MeasuredServer, startHub } from "./processes.ts";
import {
  budgetNote,
  formatRatio,
  formatSpread,
  median,
  progress,
  publish,
  quantile,
  round,
  type Row,
} from "./report.ts";

const PAIRS = 3;
/** A disk makes the hub take fewer messages a second: it takes longer until all that it runs is compiled. */
const TIMES = { seconds: 3, warmUpSeconds: 2 };
const KEEPING = 'broker.topics=[{ pattern: "bench.#", history: { size: 10000, ttl: 1h } }]';
const [LIMIT_MEMORY, LIMIT_DISK, LIMIT_REPLAY_MS, LIMIT_P99] = [1.3, 2, 100, 2];
const REPLAY = { topic: "bench.log", messages: 10_000, payloadBytes: 128, seconds: 2 };

const FAN_OUT = { subscribers: 100, payloadBytes: 128, ...TIMES };
const ONE = { ...FAN_OUT, subscribers: 1 };
/**
 * The same load for each way of keeping, and as much as each takes. With few messages in flight a publisher waits for the
 * disk: a hub that sleeps in between takes fewer and pays more for each, whatever keeping costs.
 */
const SCENARIOS: readonly (FanOutScenario & { readonly name: string })[] = [
  { name: "100 x 128 B, 6,400 a second", ...FAN_OUT, inFlight: 64, everyMs: 10 },
  { name: "100 x 128 B, 1024 in flight", ...FAN_OUT, inFlight: 1024 },
  { name: "100 x 128 B, 64 in flight", ...FAN_OUT, inFlight: 64 },
  { name: "1 x 128 B, 1024 in flight", ...ONE, inFlight: 1024 },
  { name: "1 x 128 B, 64 in flight", ...ONE, inFlight: 64 },
];

/** `synced`: each message waits until the disk has it. */
const KINDS = ["without", "memory", "disk", "synced"] as const;
type Kind = typeof KINDS[number];
type Figures = Readonly<Record<Kind, readonly FanOutFigures[]>>;

async function fanOut(kind: Kind, scenario: FanOutScenario): Promise<FanOutFigures> {
  const folder = await Deno.makeTempDir({ prefix: "trunkline-bench-" });
  try {
    const set = [
      ...(kind === "without" ? [] : [KEEPING]),
      ...(kind === "disk" || kind === "synced" ? [`storage.path=${folder}`] : []),
      ...(kind === "synced" ? ["storage.sync=0s"] : []),
    ];
    await using server = await startHub({ set, folder });
    return await measureFanOut(server, { protocol: "broker", scenario });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measure(scenario: FanOutScenario & { readonly name: string }): Promise<Figures> {
  const figures: Record<Kind, FanOutFigures[]> = { without: [], memory: [], disk: [], synced: [] };
  for (let pair = 1; pair <= PAIRS; pair++) {
    progress(`${scenario.name}: pair ${pair} of ${PAIRS}`);
    for (const kind of KINDS) {
      figures[kind].push(await fanOut(kind, scenario));
    }
  }
  return figures;
}

function ratios(figures: Figures, kind: Kind): number[] {
  return figures[kind].map(({ cpuMicrosPerDelivery }, at) =>
    cpuMicrosPerDelivery / (figures.without[at]?.cpuMicrosPerDelivery ?? NaN)
  );
}

function rowOf(name: string, figures: Figures): Row {
  const cpu = (kind: Kind) => round(median(figures[kind].map((one) => one.cpuMicrosPerDelivery)));
  return {
    "scenario": name,
    "without µs": cpu("without"),
    "memory µs": cpu("memory"),
    "disk µs": cpu("disk"),
    "memory/without": formatRatio(ratios(figures, "memory")),
    "disk/without": formatRatio(ratios(figures, "disk")),
    "synced/without": formatRatio(ratios(figures, "synced")),
  };
}

/** How long publishes take to come back to who sends them one after the other, in milliseconds. */
async function roundTrips(client: BrokerClient, isOver: () => boolean): Promise<number[]> {
  const times: number[] = [];
  while (!isOver()) {
    const startedMs = performance.now();
    client.send("publish:beside:1.0.0", "x");
    await client.next();
    times.push(performance.now() - startedMs);
  }
  return times;
}

async function fill(server: MeasuredServer): Promise<void> {
  await using client = await BrokerClient.connect(at(server), "text");
  const payload = "x".repeat(REPLAY.payloadBytes);
  for (let sent = 0; sent < REPLAY.messages; sent++) client.send(`publish:${REPLAY.topic}:1.0.0`, payload);
  await client.settle();
}

function at({ port }: MeasuredServer): { readonly port: number; readonly url: () => string } {
  return { port, url: () => `ws://127.0.0.1:${port}/` };
}

interface Replays {
  readonly replayMs: number[];
  readonly aloneP99Ms: number[];
  readonly besideP99Ms: number[];
}

async function replays(): Promise<Replays> {
  const figures: Replays = { replayMs: [], aloneP99Ms: [], besideP99Ms: [] };
  for (let pair = 1; pair <= PAIRS; pair++) {
    progress(`replay: pair ${pair} of ${PAIRS}`);
    await using server = await startHub({ set: [KEEPING] });
    await fill(server);
    await using client = await BrokerClient.connect(at(server), "text");
    await client.request("system.topic.subscribe", { topic: "beside", action: "publish" });
    const endMs = performance.now() + REPLAY.seconds * 1000;
    const alone = await roundTrips(client, () => performance.now() > endMs);
    const task: ReplayLoad = { ...REPLAY, port: server.port };
    await using load = new LoadProcess("replay_load.ts", task);
    await load.line();
    let isOver = false;
    const done = load.line().finally(() => isOver = true);
    const beside = await roundTrips(client, () => isOver);
    const times: number[] = JSON.parse(await done);
    figures.replayMs.push(median(times));
    figures.aloneP99Ms.push(quantile(alone, 0.99));
    figures.besideP99Ms.push(quantile(beside, 0.99));
  }
  return figures;
}

async function run(options: BenchmarkOptions): Promise<number> {
  const measured = [];
  for (const scenario of SCENARIOS) measured.push({ name: scenario.name, figures: await measure(scenario) });
  const replayed = await replays();
  const p99 = replayed.besideP99Ms.map((beside, pair) => beside / (replayed.aloneP99Ms[pair] ?? NaN));
  const notes = [
    ...measured.flatMap(({ name, figures }) => [
      budgetNote(`${name}, memory`, { value: median(ratios(figures, "memory")), limit: LIMIT_MEMORY }),
      budgetNote(`${name}, disk`, { value: median(ratios(figures, "disk")), limit: LIMIT_DISK }),
    ]),
    `Replay of ${REPLAY.messages} x ${REPLAY.payloadBytes} B: ${formatSpread(replayed.replayMs, 0)} ms`,
    `p99 beside: ${formatSpread(replayed.besideP99Ms)} ms, alone ${formatSpread(replayed.aloneP99Ms)} ms`,
    budgetNote("replay, ms", { value: median(replayed.replayMs), limit: LIMIT_REPLAY_MS }),
    budgetNote("p99 beside replays, to that without", { value: median(p99), limit: LIMIT_P99 }),
  ];
  const rows = measured.map(({ name, figures }) => rowOf(name, figures));
  await publish({ name: "history", rows, notes, samples: { measured, replayed } }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "history",
  about: "what keeping messages costs, in memory and on disk; how long a replay takes, and the p99 beside it",
  run,
};
