/**
 * Fan-out through the relay beside nats-server's WebSocket port and a naive relay on the runtime's own upgrade:
 * interleaved runs, each against a fresh process.
 */
import { type Benchmark, type BenchmarkOptions } from "./benchmark.ts";
import { type FanOutFigures, type FanOutScenario, measureFanOut } from "./fan_out.ts";
import { findNats, type MeasuredServer, startHub, startNats, startScript } from "./processes.ts";
import { budgetNote, formatRatio, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode, processIo } from "../src/cli/io.ts";

interface NamedScenario extends FanOutScenario {
  readonly name: string;
  /** The budget, as a ratio to nats-server's CPU per delivery. */
  readonly limit: number | null;
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
    limit: 0.4,
  },
  {
    name: "1000 x 128 B, 1 in flight",
    subscribers: 1000,
    payloadBytes: 128,
    inFlight: 1,
    seconds: SECONDS,
    limit: 0.8,
  },
  {
    name: "1000 x 128 B, 64 in flight",
    subscribers: 1000,
    payloadBytes: 128,
    inFlight: 64,
    seconds: SECONDS,
    limit: null,
  },
  {
    name: "100 x 16 KB, 16 in flight",
    subscribers: 100,
    payloadBytes: 16_384,
    inFlight: 16,
    seconds: SECONDS,
    limit: null,
  },
  {
    name: "1000 x 16 KB, 4 in flight",
    subscribers: 1000,
    payloadBytes: 16_384,
    inFlight: 4,
    seconds: SECONDS,
    limit: null,
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
  protocol: "relay" | "nats",
  scenario: NamedScenario,
): Promise<FanOutFigures> {
  await using server = await start();
  return await measureFanOut(server, { protocol, scenario });
}

async function measure(scenario: NamedScenario, peer: boolean): Promise<Measured> {
  const [hub, nats, naive]: [FanOutFigures[], FanOutFigures[], FanOutFigures[]] = [[], [], []];
  for (let pair = 1; pair <= PAIRS; pair++) {
    progress(`${scenario.name}: pair ${pair} of ${PAIRS}`);
    hub.push(await once(startHub, "relay", scenario));
    if (peer) nats.push(await once(startNats, "nats", scenario));
  }
  naive.push(await once(() => startScript("naive", "bench/peers/naive_relay.ts"), "relay", scenario));
  return { scenario, hub, nats, naive };
}

function rowOf({ scenario, hub, nats, naive }: Measured): Row {
  const cpu = (figures: readonly FanOutFigures[]) => median(figures.map((one) => one.cpuMicrosPerDelivery));
  const rate = (figures: readonly FanOutFigures[]) => median(figures.map((one) => one.deliveriesPerSecond));
  return {
    "scenario": scenario.name,
    "hub µs": round(cpu(hub)),
    "nats µs": nats.length === 0 ? "-" : round(cpu(nats)),
    "naive µs": round(cpu(naive)),
    "hub/nats": nats.length === 0 ? "-" : formatRatio(ratios(hub, nats)),
    "hub k/s": round(rate(hub) / 1000, 0),
    "nats k/s": nats.length === 0 ? "-" : round(rate(nats) / 1000, 0),
  };
}

function ratios(hub: readonly FanOutFigures[], nats: readonly FanOutFigures[]): number[] {
  return hub.map((one, at) => one.cpuMicrosPerDelivery / (nats[at]?.cpuMicrosPerDelivery ?? NaN));
}

async function run(options: BenchmarkOptions): Promise<number> {
  if (options.peer && findNats() === null) {
    processIo.err("Cannot measure the peer: nats-server is not installed; install it or say --no-peer");
    return ExitCode.failed;
  }
  const measured: Measured[] = [];
  for (const scenario of SCENARIOS) measured.push(await measure(scenario, options.peer));
  const notes = measured.flatMap(({ scenario, hub, nats }) =>
    scenario.limit === null || nats.length === 0 ? [] : [
      budgetNote(`${scenario.name}, CPU beside nats-server`, {
        value: median(ratios(hub, nats)),
        limit: scenario.limit,
      }),
    ]
  );
  await publish({ name: "relay", rows: measured.map(rowOf), notes, samples: measured }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "relay",
  about: "CPU per delivery of the relay's fan-out, beside nats-server and a naive relay",
  run,
};
