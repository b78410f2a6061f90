/**
 * WebSockets opened and closed each second, plain and over TLS with a full handshake each: interleaved runs, each
 * against a fresh hub. The CPU shares of hub and load tell which of the two was the limit.
 */
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { CertificateFiles } from "./certificate_files.ts";
import type { AcceptResult } from "./load/accept_load.ts";
import { LoadProcess } from "./load_process.ts";
import { startHub } from "./processes.ts";
import { budgetNote, formatSpread, median, progress, publish, round, type Row } from "./report.ts";
import { ExitCode } from "../src/cli/io.ts";

const AT_ONCE = 32;
const SECONDS = 3;
const RUNS = 5;
/** A process that runs JavaScript for this share of the time has hardly any to spare. */
const BUSY_PERCENT = 90;

interface Figures {
  readonly perSecond: number;
  readonly hubMsEach: number;
  readonly hubPercent: number;
  readonly loadPercent: number;
}

interface Measured {
  readonly transport: "plain" | "TLS";
  /** The budget, in connections a second. */
  readonly limit: number;
  readonly figures: Figures[];
}

async function once(certificates: CertificateFiles | null): Promise<Figures> {
  await using hub = await startHub({ set: certificates?.settings ?? [] });
  const tls = certificates === null ? {} : { ca: certificates.ca };
  const task = { port: hub.port, atOnce: AT_ONCE, seconds: SECONDS, ...tls };
  await using load = new LoadProcess("accept_load.ts", task);
  if (await load.line() !== "go") throw new Error("Cannot measure: the load did not begin");
  const before = hub.cpuSeconds();
  const { connections, seconds, cpuSeconds }: AcceptResult = JSON.parse(await load.line());
  const hubSeconds = hub.cpuSeconds() - before;
  return {
    perSecond: connections / seconds,
    hubMsEach: hubSeconds * 1000 / connections,
    hubPercent: hubSeconds / seconds * 100,
    loadPercent: cpuSeconds / seconds * 100,
  };
}

async function measure(): Promise<readonly Measured[]> {
  await using certificates = await CertificateFiles.create();
  const plain: Measured = { transport: "plain", limit: 2000, figures: [] };
  const tls: Measured = { transport: "TLS", limit: 1000, figures: [] };
  for (let run = 1; run <= RUNS; run++) {
    progress(`run ${run} of ${RUNS}`);
    plain.figures.push(await once(null));
    tls.figures.push(await once(certificates));
  }
  return [plain, tls];
}

function rowOf({ transport, figures }: Measured): Row {
  const hub = median(figures.map(({ hubPercent }) => hubPercent));
  const load = median(figures.map(({ loadPercent }) => loadPercent));
  return {
    "transport": transport,
    "connections/s": formatSpread(figures.map(({ perSecond }) => perSecond), 0),
    "hub CPU ms each": formatSpread(figures.map(({ hubMsEach }) => hubMsEach)),
    "hub CPU %": round(hub, 0),
    "load CPU %": round(load, 0),
    "limited by": hub >= BUSY_PERCENT ? "hub" : load >= BUSY_PERCENT ? "load" : "both, or the machine",
  };
}

function noteOf({ transport, limit, figures }: Measured): string {
  const value = Math.round(median(figures.map(({ perSecond }) => perSecond)));
  return budgetNote(`connections a second, ${transport}`, { value, limit, atLeast: true });
}

async function run(options: BenchmarkOptions): Promise<number> {
  const measured = await measure();
  const notes = [
    ...measured.map(noteOf),
    `${AT_ONCE} connections at a time; each TLS connection is a full TLS 1.3 handshake, none is resumed`,
  ];
  await publish({ name: "accept", rows: measured.map(rowOf), notes, samples: measured }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "accept",
  about: "WebSockets opened and closed each second, plain and TLS",
  run,
};
