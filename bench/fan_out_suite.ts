/**
 * Fan-out beside nats-server's WebSocket port: the same load on both, interleaved runs, each against a fresh
 * process.
 */
import { type Benchmark, type BenchmarkOptions } from "./benchmark.ts";
import { type FanOutFigures, type FanOutScenario, measureFanOut } from "./fan_out.ts";
import type { FanOutProtocol } from "./load/fan_out_load.ts";
import { findNats, type MeasuredServer, startHub, startNats } from "./processes.ts";
import { budgetNote, formatRatio, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode, processIo } from "../src/cli/io.ts";

/** What is measured of the hub, and with which budgets. */
export interface FanOutSuite {
  readonly name: string;
  readonly about: string;
  readonly protocol: FanOutProtocol;
  /** Ratios to nats-server's CPU per delivery that must not be passed. */
  readonly limits: { readonly manyInFlight: number; readonly oneInFlight: number };
  /** A simple server that speaks the same protocol, measured once beside. */
  readonly naive: (() => Promise<MeasuredServer>) | null;
}

interface NamedScenario extends FanOutScenario {
  readonly name: string;
  readonly budget: keyof FanOutSuite["limits"] | null;
}

const SECONDS = 2;
const PAIRS = 5;

const SCENARIOS: readonly NamedScenario[] = [
  {
    name: "100 x 128 B, 64 in flight",
    subscribers: 100,
    payloadBytes: 128,
    inFlight: 64,
    seconds: SECONDS,
    budget: "manyInFlight",
  },
  {
    name: "1000 x 128 B, 1 in flight",
    subscribers: 1000,
    payloadBytes: 128,
    inFlight: 1,
    seconds: SECONDS,
    budget: "oneInFlight",
  },
  {
    name: "1000 x 128 B, 64 in flight",
    subscribers: 1000,
    payloadBytes: 128,
    inFlight: 64,
    seconds: SECONDS,
    budget: null,
  },
  {
    name: "100 x 16 KB, 16 in flight",
    subscribers: 100,
    payloadBytes: 16_384,
    inFlight: 16,
    seconds: SECONDS,
    budget: null,
  },
  {
    name: "1000 x 16 KB, 4 in flight",
    subscribers: 1000,
    payloadBytes: 16_384,
    inFlight: 4,
    seconds: SECONDS,
    budget: null,
  },
];

interface Measured {
  readonly scenario: NamedScenario;
  readonly hub: readonly FanOutFigures[];
  readonly nats: readonly FanOutFigures[];
  readonly naive: readonly FanOutFigures[];
}

async function once(
  start: () => Promise<MeasuredServer>,
  protocol: FanOutProtocol,
  scenario: NamedScenario,
): Promise<FanOutFigures> {
  await using server = await start();
  return await measureFanOut(server, { protocol, scenario });
}

async function measure(suite: FanOutSuite, scenario: NamedScenario, peer: boolean): Promise<Measured> {
  const [hub, nats, naive]: [FanOutFigures[], FanOutFigures[], FanOutFigures[]] = [[], [], []];
  for (let pair = 1; pair <= PAIRS; pair++) {
    progress(`${scenario.name}: pair ${pair} of ${PAIRS}`);
    hub.push(await once(startHub, suite.protocol, scenario));
    if (peer) nats.push(await once(startNats, "nats", scenario));
  }
  if (suite.naive !== null) naive.push(await once(suite.naive, suite.protocol, scenario));
  return { scenario, hub, nats, naive };
}

function rowOf({ scenario, hub, nats, naive }: Measured): Row {
  const cpu = (figures: readonly FanOutFigures[]) => median(figures.map((one) => one.cpuMicrosPerDelivery));
  const rate = (figures: readonly FanOutFigures[]) => median(figures.map((one) => one.deliveriesPerSecond));
  return {
    "scenario": scenario.name,
    "hub µs": round(cpu(hub)),
    "nats µs": nats.length === 0 ? "-" : round(cpu(nats)),
    ...(naive.length === 0 ? {} : { "naive µs": round(cpu(naive)) }),
    "hub/nats": nats.length === 0 ? "-" : formatRatio(ratios(hub, nats)),
    "hub k/s": round(rate(hub) / 1000, 0),
    "nats k/s": nats.length === 0 ? "-" : round(rate(nats) / 1000, 0),
  };
}

function ratios(hub: readonly FanOutFigures[], nats: readonly FanOutFigures[]): number[] {
  return hub.map((one, at) => one.cpuMicrosPerDelivery / (nats[at]?.cpuMicrosPerDelivery ?? NaN));
}

async function run(suite: FanOutSuite, options: BenchmarkOptions): Promise<number> {
  if (options.peer && findNats() === null) {
    processIo.err("Cannot measure the peer: nats-server is not installed; install it or say --no-peer");
    return ExitCode.failed;
  }
  const measured: Measured[] = [];
  for (const scenario of SCENARIOS) measured.push(await measure(suite, scenario, options.peer));
  const notes = measured.flatMap(({ scenario, hub, nats }) =>
    scenario.budget === null || nats.length === 0 ? [] : [
      budgetNote(`${scenario.name}, CPU beside nats-server`, {
        value: median(ratios(hub, nats)),
        limit: suite.limits[scenario.budget],
      }),
    ]
  );
  await publish({ name: suite.name, rows: measured.map(rowOf), notes, samples: measured }, options);
  return ExitCode.done;
}

/** Makes the benchmark of a suite. */
export function fanOutBenchmark(suite: FanOutSuite): Benchmark {
  return { name: suite.name, about: suite.about, run: (options) => run(suite, options) };
}
