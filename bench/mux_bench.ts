/**
 * Bytes through two hops, with streams on one connection and, beside it in the same run, through a raw relay: one
 * client and sixteen, plain and with TLS between the hops. Each hop is a process; this one is the clients and the
 * target.
 */
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { flood, Target } from "./flood.ts";
import type { LinkCertificates } from "./load/frames_link.ts";
import { createLinkCertificates } from "./link_certificates.ts";
import type { TunnelHop } from "./load/tunnel_hop.ts";
import { LoadProcess } from "./load_process.ts";
import { budgetNote, formatSpread, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const PAIRS = 5;
const WARM_UP_MS = 500;
const MEASURED_MS = 1500;
const LEAST = 0.5;
const AIM = 0.8;
const MOST_OVERHEAD = 1.02;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Measured {
  readonly megabytesPerSecond: number;
  readonly linkBytesPerByte: number;
}

interface Condition {
  readonly name: string;
  readonly clients: number;
  readonly certificates: LinkCertificates | null;
  readonly streams: Measured[];
  readonly raw: Measured[];
}

async function linkBytes(hop: LoadProcess): Promise<number> {
  await hop.say(0);
  return Number(await hop.line());
}

async function measure(kind: TunnelHop["kind"], { clients, certificates }: Condition): Promise<Measured> {
  using target = new Target();
  const farTask: TunnelHop = { kind, side: "far", port: target.port, certificates };
  await using far = new LoadProcess("tunnel_hop.ts", farTask);
  const nearTask: TunnelHop = { kind, side: "near", port: Number(await far.line()), certificates };
  await using near = new LoadProcess("tunnel_hop.ts", nearTask);
  const port = Number(await near.line());
  let isOver = false;
  const floods = Array.from({ length: clients }, () => flood(port, () => isOver));
  await sleep(WARM_UP_MS);
  const [before, linkBefore, startedMs] = [target.bytes, await linkBytes(near), performance.now()];
  await sleep(MEASURED_MS);
  const [bytes, ms] = [target.bytes - before, performance.now() - startedMs];
  const onLink = await linkBytes(near) - linkBefore;
  isOver = true;
  await Promise.all(floods);
  return { megabytesPerSecond: bytes / ms / 1000, linkBytesPerByte: onLink / bytes };
}

function ratiosOf({ streams, raw }: Condition): number[] {
  return streams.map((one, at) => one.megabytesPerSecond / (raw[at]?.megabytesPerSecond ?? NaN));
}

function rowOf(condition: Condition): Row {
  const rate = (runs: readonly Measured[]) => formatSpread(runs.map((run) => run.megabytesPerSecond), 0);
  return {
    "": condition.name,
    "streams MB/s": rate(condition.streams),
    "raw relay MB/s": rate(condition.raw),
    "streams / raw": formatSpread(ratiosOf(condition)),
    "link bytes per byte": round(median(condition.streams.map((run) => run.linkBytesPerByte)), 4),
  };
}

function notesOf(conditions: readonly Condition[]): string[] {
  const notes = conditions.filter(({ clients }) => clients === 1).map((condition) => {
    const ratio = { value: median(ratiosOf(condition)), limit: LEAST, atLeast: true };
    return budgetNote(
      `${condition.name}, of the raw relay`,
      condition.certificates ? ratio : { ...ratio, aim: AIM },
    );
  });
  const [one] = conditions;
  const overhead = median(one?.streams.map((run) => run.linkBytesPerByte) ?? []);
  return [
    ...notes,
    budgetNote("bytes on the link per byte", { value: round(overhead, 4), limit: MOST_OVERHEAD }),
  ];
}

async function run(options: BenchmarkOptions): Promise<number> {
  const tls = await createLinkCertificates();
  const conditions: Condition[] = [
    { name: "one, plain", clients: 1, certificates: null, streams: [], raw: [] },
    { name: "sixteen, plain", clients: 16, certificates: null, streams: [], raw: [] },
    { name: "one, TLS", clients: 1, certificates: tls, streams: [], raw: [] },
    { name: "sixteen, TLS", clients: 16, certificates: tls, streams: [], raw: [] },
  ];
  for (let pair = 1; pair <= PAIRS; pair++) {
    for (const condition of conditions) {
      progress(`pair ${pair} of ${PAIRS}: ${condition.name}`);
      condition.streams.push(await measure("streams", condition));
      condition.raw.push(await measure("raw", condition));
    }
  }
  const samples = conditions.map(({ name, streams, raw }) => ({ name, streams, raw }));
  await publish({ name: "mux", rows: conditions.map(rowOf), notes: notesOf(conditions), samples }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "mux",
  about: "Bytes through streams on one connection beside a raw relay, plain and TLS",
  run,
};
