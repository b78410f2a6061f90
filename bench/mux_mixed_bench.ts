/**
 * What a saturated stream does to the messages beside it on the same connection: the time from publishing to
 * receiving, without and with the stream, in adjacent pairs.
 */
import { encodeMessageFrame } from "../src/wire/frame.ts";
import type { FramesTransport } from "../src/link/frames_transport.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { CHANNEL, createFlusher, dial, saturate, startFrames } from "./load/frames_link.ts";
import type { StreamEnd, StreamEndResult } from "./load/stream_end.ts";
import { LoadProcess } from "./load_process.ts";
import { budgetNote, formatSpread, median, progress, publish, quantile, round, type Row } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const PAIRS = 5;
const MEASURED_MS = 2000;
const WARM_UP_MS = 500;
const PUBLISH_EVERY_MS = 2;
const PAYLOAD_BYTES = 128;
const RATIO_LIMIT = 3;
const ADDED_LIMIT_MS = 5;
const NOTHING = new Uint8Array(0);

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Measured {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly megabytesPerSecond: number;
}

function publishNow({ outbox }: FramesTransport): void {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  new DataView(payload.buffer).setFloat64(0, performance.timeOrigin + performance.now());
  outbox.publish(encodeMessageFrame(NOTHING, { payload, isText: false }), CHANNEL);
}

async function read(end: LoadProcess): Promise<StreamEndResult> {
  await end.say(0);
  return JSON.parse(await end.line());
}

async function measure(transport: FramesTransport, end: LoadProcess): Promise<Measured> {
  const timer = setInterval(() => publishNow(transport), PUBLISH_EVERY_MS);
  await sleep(WARM_UP_MS);
  const [before, startedMs] = [await read(end), performance.now()];
  await sleep(MEASURED_MS);
  const [after, ms] = [await read(end), performance.now() - startedMs];
  clearInterval(timer);
  return {
    p50Ms: quantile(after.latenciesMs, 0.5),
    p99Ms: quantile(after.latenciesMs, 0.99),
    megabytesPerSecond: (after.bytes - before.bytes) / ms / 1000,
  };
}

function rowOf(name: string, runs: readonly Measured[]): Row {
  return {
    "128 B every 2 ms": name,
    "p50 ms": formatSpread(runs.map(({ p50Ms }) => p50Ms)),
    "p99 ms": formatSpread(runs.map(({ p99Ms }) => p99Ms)),
    "stream MB/s": round(median(runs.map(({ megabytesPerSecond }) => megabytesPerSecond)), 0),
  };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const task: StreamEnd = { side: "accept" };
  await using end = new LoadProcess("stream_end.ts", task);
  const link = await dial(Number(await end.line()), null);
  const transport = startFrames({ link, role: "hub", flusher: createFlusher() });
  const [idle, beside]: [Measured[], Measured[]] = [[], []];
  for (let pair = 1; pair <= PAIRS; pair++) {
    progress(`pair ${pair} of ${PAIRS}`);
    idle.push(await measure(transport, end));
    const stream = saturate(transport);
    beside.push(await measure(transport, end));
    stream.reset(0);
    await transport.mux.ping(WARM_UP_MS);
  }
  transport.destroy();
  const [idleMs, besideMs] = [idle, beside].map((runs) => median(runs.map(({ p99Ms }) => p99Ms)));
  const limit = round(Math.max(RATIO_LIMIT * (idleMs ?? NaN), (idleMs ?? NaN) + ADDED_LIMIT_MS));
  const notes = [budgetNote("p99 beside a saturated stream, ms", { value: besideMs ?? NaN, limit })];
  const rows = [rowOf("alone", idle), rowOf("beside a saturated stream", beside)];
  await publish({ name: "mux-mixed", rows, notes, samples: { idle, beside } }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "mux-mixed",
  about: "Time that a message takes beside a saturated stream on the same connection",
  run,
};
