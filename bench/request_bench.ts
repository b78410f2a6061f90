/**
 * Requests and their answers through the hub beside nats-server's request and reply over its WebSocket port: CPU of
 * the server for a call, and how long a call takes. Interleaved runs, each against a fresh process.
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

interface Figures {
  readonly cpuMicrosPerCall: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Measured {
  readonly inFlight: number;
  readonly hub: Figures[];
  readonly nats: Figures[];
}

async function once(
  start: () => Promise<MeasuredServer>,
  protocol: RequestLoad["protocol"],
  inFlight: number,
): Promise<Figures> {
  await using server = await start();
  const task: RequestLoad = {
    port: server.port,
    protocol,
    payloadBytes: PAYLOAD_BYTES,
    inFlight,
    seconds: SECONDS,
  };
  await using load = new LoadProcess("request_load.ts", task);
  if (await load.line() !== "go") throw new Error("Cannot measure: the load did not begin");
  const before = server.cpuSeconds();
  const { calls, seconds, p50Ms, p99Ms }: RequestResult = JSON.parse(await load.line());
  const cpuMicrosPerCall = (server.cpuSeconds() - before) * 1e6 / calls;
  return { cpuMicrosPerCall, callsPerSecond: calls / seconds, p50Ms, p99Ms };
}

async function measure(peer: boolean): Promise<Measured[]> {
  const measured: Measured[] = IN_FLIGHT.map((inFlight) => ({ inFlight, hub: [], nats: [] }));
  for (let pair = 1; pair <= PAIRS; pair++) {
    for (const { inFlight, hub, nats } of measured) {
      progress(`${inFlight} in flight: pair ${pair} of ${PAIRS}`);
      hub.push(await once(startHub, "broker", inFlight));
      if (peer) nats.push(await once(startNats, "nats", inFlight));
    }
  }
  return measured;
}

function ratios({ hub, nats }: Measured): number[] {
  return hub.map((one, at) => one.cpuMicrosPerCall / (nats[at]?.cpuMicrosPerCall ?? NaN));
}

function rowOf(measured: Measured): Row {
  const { inFlight, hub, nats } = measured;
  const middle = (runs: readonly Figures[], figure: (run: Figures) => number) =>
    runs.length === 0 ? "-" : round(median(runs.map(figure)));
  return {
    "in flight": inFlight,
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
  const notes = !options.peer
    ? []
    : measured.map((one) =>
      budgetNote(`${one.inFlight} in flight, CPU for a call beside nats-server`, {
        value: median(ratios(one)),
        limit: LIMIT,
      })
    );
  await publish({ name: "request", rows: measured.map(rowOf), notes, samples: measured }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "request",
  about: "CPU and time of a call through a service, beside nats-server's request and reply",
  run,
};
