/**
 * Requests and their answers through the hub beside nats-server's request and reply over its WebSocket port: CPU of
 * the server for a call, and how long a call takes, also at half the calls a second that there can be. Interleaved
 * runs, each against a fresh process.
 */
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import type { RequestLoad, RequestResult } from "./load/request_load.ts";
import { LoadProcess } from "./load_process.ts";
import { findNats, type MeasuredServer, startHub, startNats } from "./processes.ts";
import { budgetNote, formatRatio, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode, processIo } from "../src/cli/io.ts";

const SECONDS = 2;
const PAIRS = 5;
const PAYLOAD_BYTES = 128;
const IN_FLIGHT = [1, 64] as const;
/** CPU for a call beside nats-server. */
const LIMIT = 1.5;
/** p99 under half load beside that of an idle ping: one call at a time, with nothing else going on. */
const HALF_LOAD_LIMIT = 2;

interface Figures {
  readonly cpuMicrosPerCall: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Measured {
  /** How many are in flight, or "half load": half the calls a second of the most in flight, in the same pair. */
  readonly load: number | "half load";
  readonly hub: Figures[];
  readonly nats: Figures[];
}

/** Which server, and how it is spoken to. */
interface Side {
  readonly name: "hub" | "nats";
  readonly start: () => Promise<MeasuredServer>;
  readonly protocol: RequestLoad["protocol"];
}

const HUB: Side = { name: "hub", start: startHub, protocol: "broker" };
const NATS: Side = { name: "nats", start: startNats, protocol: "nats" };

async function once(
  { start, protocol }: Side,
  { inFlight, rate }: Pick<RequestLoad, "inFlight" | "rate">,
): Promise<Figures> {
  await using server = await start();
  const task: RequestLoad = {
    port: server.port,
    protocol,
    payloadBytes: PAYLOAD_BYTES,
    inFlight,
    seconds: SECONDS,
    rate,
  };
  await using load = new LoadProcess("request_load.ts", task);
  if (await load.line() !== "go") throw new Error("Cannot measure: the load did not begin");
  const before = server.cpuSeconds();
  const { calls, seconds, p50Ms, p99Ms }: RequestResult = JSON.parse(await load.line());
  const cpuMicrosPerCall = (server.cpuSeconds() - before) * 1e6 / calls;
  return { cpuMicrosPerCall, callsPerSecond: calls / seconds, p50Ms, p99Ms };
}

async function measure(peer: boolean): Promise<Measured[]> {
  const most = Math.max(...IN_FLIGHT);
  const measured: Measured[] = [...IN_FLIGHT, "half load" as const].map((load) => ({
    load,
    hub: [],
    nats: [],
  }));
  for (let pair = 1; pair <= PAIRS; pair++) {
    const full = { hub: 0, nats: 0 };
    for (const one of measured) {
      const { load } = one;
      progress(`${nameOf(load)}: pair ${pair} of ${PAIRS}`);
      for (const side of peer ? [HUB, NATS] : [HUB]) {
        const figures = load === "half load"
          ? await once(side, { inFlight: most, rate: full[side.name] / 2 })
          : await once(side, { inFlight: load, rate: null });
        one[side.name].push(figures);
        if (load === most) full[side.name] = figures.callsPerSecond;
      }
    }
  }
  return measured;
}

function nameOf(load: Measured["load"]): string {
  return typeof load === "number" ? `${load} in flight` : load;
}

/** The p99 of each run under half load beside that of the idle ping in the same pair. */
function halfLoadRatios(measured: readonly Measured[], side: Side["name"]): number[] {
  const idle = measured.find(({ load }) => load === 1)?.[side] ?? [];
  const half = measured.find(({ load }) => load === "half load")?.[side] ?? [];
  return half.map(({ p99Ms }, at) => p99Ms / (idle[at]?.p99Ms ?? NaN));
}

function ratios({ hub, nats }: Measured): number[] {
  return hub.map((one, at) => one.cpuMicrosPerCall / (nats[at]?.cpuMicrosPerCall ?? NaN));
}

function rowOf(measured: Measured): Row {
  const { load, hub, nats } = measured;
  const middle = (runs: readonly Figures[], figure: (run: Figures) => number) =>
    runs.length === 0 ? "-" : round(median(runs.map(figure)));
  return {
    "load": nameOf(load),
    "hub µs": middle(hub, (run) => run.cpuMicrosPerCall),
    "nats µs": middle(nats, (run) => run.cpuMicrosPerCall),
    "hub/nats": nats.length === 0 ? "-" : formatRatio(ratios(measured)),
    "hub k/s": middle(hub, (run) => run.callsPerSecond / 1000),
    "nats k/s": middle(nats, (run) => run.callsPerSecond / 1000),
    "hub p50 ms": middle(hub, (run) => run.p50Ms),
    "nats p50 ms": middle(nats, (run) => run.p50Ms),
    "hub p99 ms": middle(hub, (run) => run.p99Ms),
    "nats p99 ms": middle(nats, (run) => run.p99Ms),
  };
}

async function run(options: BenchmarkOptions): Promise<number> {
  if (options.peer && findNats() === null) {
    processIo.err("Cannot measure the peer: nats-server is not installed; install it or say --no-peer");
    return ExitCode.failed;
  }
  const measured = await measure(options.peer);
  const notes = [
    ...(options.peer ? measured.filter(({ load }) => load !== "half load") : []).map((one) =>
      budgetNote(`${nameOf(one.load)}, CPU for a call beside nats-server`, {
        value: median(ratios(one)),
        limit: LIMIT,
      })
    ),
    budgetNote("p99 at half load beside an idle ping", {
      value: median(halfLoadRatios(measured, "hub")),
      limit: HALF_LOAD_LIMIT,
    }),
    ...(options.peer
      ? [`nats-server's p99 at half load: ${formatRatio(halfLoadRatios(measured, "nats"))}`]
      : []),
    `The hub's p99 at half load: ${formatRatio(halfLoadRatios(measured, "hub"))}`,
  ];
  await publish({ name: "request", rows: measured.map(rowOf), notes, samples: measured }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "request",
  about: "CPU and time of a call through a service, beside nats-server's request and reply",
  run,
};
