/**
 * What limits cost: the broker's fan-out and hello requests through a tunnel on a hub where every limit is set, beside
 * the same load on one where none is, interleaved runs, each against fresh processes. The limits are high enough that
 * nothing is refused or delayed: what is measured is that they are looked at.
 */
import { ExitCode } from "../src/cli/io.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { measureFanOut } from "./fan_out.ts";
import type { HttpLoad, HttpLoadResult } from "./load/http_load.ts";
import { LoadProcess } from "./load_process.ts";
import { cpuSecondsOf, type HubOptions, startAgent, startHub } from "./processes.ts";
import { budgetNote, formatRatio, median, progress, publish, round, type Row } from "./report.ts";

const PAIRS = 9;
const SECONDS = 2;
/** CPU beside a hub without limits, at most. */
const LIMIT = 1.05;
const TOKEN = "token-of-the-limits-benchmark";
const HELLO_BYTES = 13;
const MANY = 100_000_000;

/** Microseconds of CPU for a unit of work on a hub with these options. */
type Measure = (options: HubOptions) => Promise<number>;

interface Scenario {
  readonly name: string;
  readonly measure: Measure;
}

/** Everybody logs in, so that there are accounts; with every limit there is, or with none. */
function hubOptions(hasLimits: boolean): HubOptions {
  const all = ["#"];
  const permissions = { publish: all, subscribe: all, request: all, serve: all, tunnel: ["*"] };
  const tokens = [{ token: TOKEN, subject: "bench", account: "bench", permissions }];
  const rates = { messages_per_second: MANY, requests_per_second: MANY, bandwidth: "1TiB", burst: "2x" };
  const counts = { connections: MANY / 10, streams: MANY / 10, subscriptions: MANY / 10, tunnels: MANY / 10 };
  const none = { connections: 0, streams: 0, subscriptions: 0, tunnels: 0 };
  const quota = { ...rates, ...counts };
  const { requests_per_second: _, ...connection } = rates;
  const limits = hasLimits
    ? { connection, default: quota, tenants: { default: quota }, adjust: { enabled: true } }
    : { default: none, adjust: { enabled: false } };
  return {
    set: [
      "auth.mode=required",
      `auth.tokens=${JSON.stringify(tokens)}`,
      `limits=${JSON.stringify(limits)}`,
      "public.listen=127.0.0.1:0",
    ],
  };
}

function fanOut(subscribers: number): Measure {
  return async (options) => {
    await using server = await startHub(options);
    const scenario = { subscribers, payloadBytes: 128, inFlight: 64, seconds: SECONDS, token: TOKEN };
    return (await measureFanOut(server, { protocol: "broker", scenario })).cpuMicrosPerDelivery;
  };
}

async function hello(options: HubOptions): Promise<number> {
  await using service = new LoadProcess("hello_service.ts", HELLO_BYTES);
  const target = await service.line();
  await using hub = await startHub(options);
  const url = `tcp://127.0.0.1:${hub.port}`;
  await using agent = await startAgent([
    "http",
    target,
    "--subdomain",
    "app",
    "--url",
    url,
    "--token",
    TOKEN,
    "--quiet",
  ]);
  const load: HttpLoad = {
    port: agent.port,
    host: "app.localhost",
    connections: 32,
    bodyBytes: HELLO_BYTES,
    isFresh: false,
    warmUpMs: 2500,
    measuredMs: 1500,
  };
  await using client = new LoadProcess("http_load.ts", load);
  await client.line();
  const before = cpuSecondsOf(hub.pid);
  const result: HttpLoadResult = JSON.parse(await client.line());
  return (cpuSecondsOf(hub.pid) - before) / result.requests * 1e6;
}

const SCENARIOS: readonly Scenario[] = [
  { name: "publish, 100 x 128 B, 64 in flight", measure: fanOut(100) },
  { name: "publish, 1 x 128 B, 64 in flight", measure: fanOut(1) },
  { name: "http-tunnel, hello, 32 kept", measure: hello },
];

interface Measured {
  readonly name: string;
  readonly off: number[];
  readonly on: number[];
}

async function measure({ name, measure: run }: Scenario): Promise<Measured> {
  const measured: Measured = { name, off: [], on: [] };
  for (let pair = 1; pair <= PAIRS; pair++) {
    progress(`${name}: pair ${pair} of ${PAIRS}`);
    // Who is first in a pair changes, so that what drifts in the machine falls on both.
    const order = pair % 2 === 0 ? ["off", "on"] as const : ["on", "off"] as const;
    for (const which of order) measured[which].push(await run(hubOptions(which === "on")));
  }
  return measured;
}

function ratios({ on, off }: Measured): number[] {
  return on.map((one, at) => one / (off[at] ?? NaN));
}

function rowOf(measured: Measured): Row {
  return {
    "scenario": measured.name,
    "off µs": round(median(measured.off)),
    "on µs": round(median(measured.on)),
    "on/off": formatRatio(ratios(measured)),
  };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const samples: Measured[] = [];
  for (const scenario of SCENARIOS) samples.push(await measure(scenario));
  const notes = samples.map((measured) =>
    budgetNote(`${measured.name}, CPU beside a hub without limits`, {
      value: median(ratios(measured)),
      limit: LIMIT,
    })
  );
  await publish({ name: "limits", rows: samples.map(rowOf), notes, samples }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "limits",
  about: "CPU per delivery and per request with every limit set, beside without",
  run,
};
