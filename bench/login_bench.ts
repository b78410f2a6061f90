/**
 * What logins, rights and tenants cost: the broker's fan-out on a hub that asks for them, beside the same load on one
 * that does not, interleaved runs, each against a fresh process.
 */
import { ExitCode } from "../src/cli/io.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { type FanOutFigures, type FanOutScenario, measureFanOut } from "./fan_out.ts";
import { type HubOptions, startHub } from "./processes.ts";
import { budgetNote, formatRatio, median, progress, publish, round, type Row } from "./report.ts";

const PAIRS = 9;
const SECONDS = 2;
/** CPU per delivery beside a hub without any of it, at most. */
const LIMIT = 1.1;
const PATTERNS = 50;
const TOKEN = "token-of-the-login-benchmark";

interface NamedScenario extends FanOutScenario {
  readonly name: string;
  readonly hasBudget: boolean;
}

const LOAD = { payloadBytes: 128, inFlight: 64, seconds: SECONDS };
const SCENARIOS: readonly NamedScenario[] = [
  { name: "100 x 128 B, 64 in flight", subscribers: 100, ...LOAD, hasBudget: true },
  { name: "1 x 128 B, 64 in flight", subscribers: 1, ...LOAD, hasBudget: false },
];

/** Patterns of which the last one allows what the load does. */
function patterns(): readonly string[] {
  return [...Array.from({ length: PATTERNS - 1 }, (_, at) => `area${at}.+.room.#`), "bench.#"];
}

/** Everything on. */
function guarded(): HubOptions {
  const permissions = { publish: patterns(), subscribe: patterns(), request: patterns(), serve: patterns() };
  const tokens = [{ token: TOKEN, subject: "bench", tenant: "bench", permissions }];
  const set = ["auth.mode=required", "auth.multi_tenant=true", `auth.tokens=${JSON.stringify(tokens)}`];
  return { set };
}

async function once(options: HubOptions, scenario: FanOutScenario): Promise<FanOutFigures> {
  await using server = await startHub(options);
  return await measureFanOut(server, { protocol: "broker", scenario });
}

interface Measured {
  readonly scenario: NamedScenario;
  readonly off: FanOutFigures[];
  readonly on: FanOutFigures[];
}

async function measure(named: NamedScenario): Promise<Measured> {
  const measured: Measured = { scenario: named, off: [], on: [] };
  const { name, hasBudget: _, ...scenario } = named;
  for (let pair = 1; pair <= PAIRS; pair++) {
    progress(`${name}: pair ${pair} of ${PAIRS}`);
    const runOff = async () => void measured.off.push(await once({}, scenario));
    const runOn = async () => void measured.on.push(await once(guarded(), { ...scenario, token: TOKEN }));
    // Who is first in a pair changes, so that what drifts in the machine falls on both.
    for (const run of pair % 2 === 0 ? [runOff, runOn] : [runOn, runOff]) await run();
  }
  return measured;
}

function ratios({ on, off }: Measured): number[] {
  return on.map((one, at) => one.cpuMicrosPerDelivery / (off[at]?.cpuMicrosPerDelivery ?? NaN));
}

function rowOf(measured: Measured): Row {
  const cpu = (figures: readonly FanOutFigures[]) => median(figures.map((one) => one.cpuMicrosPerDelivery));
  return {
    "scenario": measured.scenario.name,
    "off µs": round(cpu(measured.off)),
    "on µs": round(cpu(measured.on)),
    "on/off": formatRatio(ratios(measured)),
  };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const samples: Measured[] = [];
  for (const scenario of SCENARIOS) samples.push(await measure(scenario));
  const notes = samples.filter(({ scenario }) => scenario.hasBudget).map((measured) =>
    budgetNote(`${measured.scenario.name}, CPU beside a hub without logins`, {
      value: median(ratios(measured)),
      limit: LIMIT,
    })
  );
  await publish({ name: "login", rows: samples.map(rowOf), notes, samples }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "login",
  about: "CPU per delivery with logins, rights and tenants, beside without",
  run,
};
