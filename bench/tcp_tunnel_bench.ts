/**
 * TCP tunnels as they are shipped, hub and agent a process each, beside a raw relay over the same two hops in the same
 * run: bytes with one visitor and sixteen, plain and with TLS between the hops, new connections a second, and Redis
 * through them beside direct. Other tunnels are measured where their programs are on the PATH.
 */
import { ExitCode } from "../src/cli/io.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import { flood, Target } from "./flood.ts";
import { createLinkCertificates } from "./link_certificates.ts";
import type { LinkCertificates } from "./load/frames_link.ts";
import { cpuSecondsOf, startAgent, startHub } from "./processes.ts";
import { startRawRelay } from "./raw_relay.ts";
import { redisNotes } from "./redis_load.ts";
import { budgetNote, formatSpread, median, progress, publish, type Row } from "./report.ts";
import { isOnPath, listening, type PeerTunnel, TUNNEL_PEERS, type TunnelPeer } from "./tunnel_peers.ts";

const PAIRS = 5;
const WARM_UP_MS = 500;
const MEASURED_MS = 1500;
const LEAST = 0.5;
const AIM = 0.8;
/** Visitors that come one after the other, at a time. */
const COMING = 8;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Leads a port to this one. */
type Start = (target: number, certificates: LinkCertificates | null) => Promise<PeerTunnel>;

interface Measured {
  readonly perSecond: number;
  /** CPU seconds of both hops for so many bytes or connections. */
  readonly cpuFor: number;
}

interface Condition {
  readonly name: string;
  readonly visitors: number;
  readonly certificates: LinkCertificates | null;
  /** By who leads. */
  readonly measured: Map<string, Measured[]>;
}

/** Hub and agent as they are shipped. */
const startTrunkline: Start = async (target, certificates) => {
  const files = certificates === null ? null : await writeCertificates(certificates);
  const tls = files === null ? [] : [`hub.tls.cert=${files.cert}`, `hub.tls.key=${files.key}`];
  const hub = await startHub({ set: [...tls, "tunnel.tcp_ports=30000-32000"] });
  const url = files === null ? `tcp://127.0.0.1:${hub.port}` : `tls://localhost:${hub.port}`;
  const agent = await startAgent([
    "tcp",
    `${target}`,
    "--url",
    url,
    ...files === null ? [] : ["--ca", files.ca],
  ]);
  return {
    port: agent.port,
    pids: [hub.pid, agent.pid],
    [Symbol.asyncDispose]: async () => {
      await agent[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
      if (files !== null) await Deno.remove(files.folder, { recursive: true });
    },
  };
};

async function writeCertificates({ ca, cert, key }: LinkCertificates) {
  const folder = await Deno.makeTempDir();
  const files = { folder, ca: `${folder}/ca.pem`, cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
  await Promise.all([
    Deno.writeTextFile(files.ca, ca),
    Deno.writeTextFile(files.cert, cert),
    Deno.writeTextFile(files.key, key),
  ]);
  return files;
}

function cpuOf({ pids }: PeerTunnel): number {
  return pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
}

/** Megabytes a second, and CPU seconds a gigabyte. */
async function measureBytes(start: Start, { visitors, certificates }: Condition): Promise<Measured> {
  using target = new Target();
  await using tunnel = await start(target.port, certificates);
  let isOver = false;
  const floods = Array.from({ length: visitors }, () => flood(tunnel.port, () => isOver));
  await sleep(WARM_UP_MS);
  const [before, cpuBefore, startedMs] = [target.bytes, cpuOf(tunnel), performance.now()];
  await sleep(MEASURED_MS);
  const [bytes, ms] = [target.bytes - before, performance.now() - startedMs];
  const cpu = cpuOf(tunnel) - cpuBefore;
  isOver = true;
  await Promise.all(floods);
  return { perSecond: bytes / ms / 1000, cpuFor: cpu / bytes * 1e9 };
}

/** A service that sends one byte back on each connection, and closes it. */
function startEcho(): { port: number } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const connection of listener) {
      const byte = new Uint8Array(1);
      connection.read(byte).then(() => connection.write(byte)).then(() => connection.close(), () => {});
    }
  })();
  return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
}

/** Connections a second, each with a byte there and back; CPU seconds for a thousand. */
async function measureConnections(start: Start, { certificates }: Condition): Promise<Measured> {
  using echo = startEcho();
  await using tunnel = await start(echo.port, certificates);
  await listening(tunnel.port);
  let count = 0;
  let isOver = false;
  const come = async () => {
    const byte = Uint8Array.of(1);
    while (!isOver) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: tunnel.port });
      await connection.write(byte);
      if (await connection.read(new Uint8Array(1)) !== 1) throw new Error("Cannot go on: nothing came back");
      count++;
    }
  };
  const all = Array.from({ length: COMING }, come);
  await sleep(WARM_UP_MS);
  const [before, cpuBefore, startedMs] = [count, cpuOf(tunnel), performance.now()];
  await sleep(MEASURED_MS);
  const [connections, ms] = [count - before, performance.now() - startedMs];
  const cpu = cpuOf(tunnel) - cpuBefore;
  isOver = true;
  await Promise.all(all);
  return { perSecond: connections / ms * 1000, cpuFor: cpu / connections * 1000 };
}

function ratiosOf({ measured }: Condition): number[] {
  const raw = measured.get("raw") ?? [];
  return (measured.get("tunnel") ?? []).map((one, at) => one.perSecond / (raw[at]?.perSecond ?? NaN));
}

function rowOf(condition: Condition, names: readonly string[]): Row {
  const row: Record<string, string> = { "": condition.name };
  for (const name of names) {
    const runs = condition.measured.get(name) ?? [];
    row[`${name}/s`] = runs.length === 0 ? "-" : formatSpread(runs.map(({ perSecond }) => perSecond), 0);
    row[`${name} CPU`] = runs.length === 0 ? "-" : median(runs.map(({ cpuFor }) => cpuFor)).toFixed(2);
  }
  return { ...row, "tunnel / raw": formatSpread(ratiosOf(condition)) };
}

function notesOf(conditions: readonly Condition[]): string[] {
  return conditions.filter(({ visitors }) => visitors > 0).map((condition) => {
    const ratio = { value: median(ratiosOf(condition)), limit: LEAST, atLeast: true };
    const budget = condition.certificates === null ? { ...ratio, aim: AIM } : ratio;
    return budgetNote(`${condition.name}, MB/s of the raw relay`, budget);
  });
}

async function run(options: BenchmarkOptions): Promise<number> {
  const tls = await createLinkCertificates();
  const condition = (name: string, visitors: number, certificates: LinkCertificates | null): Condition => {
    return { name, visitors, certificates, measured: new Map() };
  };
  const conditions = [
    condition("one, plain", 1, null),
    condition("sixteen, plain", 16, null),
    condition("one, TLS", 1, tls),
    condition("sixteen, TLS", 16, tls),
    condition("new connections", 0, null),
  ];
  const peers = options.peer ? TUNNEL_PEERS.filter((peer) => peer.isThere()) : [];
  const starts: [string, Start][] = [
    ["tunnel", startTrunkline],
    ["raw", startRawRelay],
    ...peers.map(asStart),
  ];
  for (let pair = 1; pair <= PAIRS; pair++) {
    for (const one of conditions) {
      for (const [name, start] of starts) {
        // Peers speak TLS in ways of their own.
        if (one.certificates !== null && start !== startTrunkline && start !== startRawRelay) continue;
        progress(`pair ${pair} of ${PAIRS}: ${one.name}, ${name}`);
        const measured = one.visitors === 0
          ? await measureConnections(start, one)
          : await measureBytes(start, one);
        one.measured.set(name, [...one.measured.get(name) ?? [], measured]);
      }
    }
  }
  const names = starts.map(([name]) => name);
  const missing = TUNNEL_PEERS.filter((peer) => !peer.isThere()).map(({ name }) => name);
  const notes = [
    "MB/s and CPU seconds a GB; of new connections how many, and CPU seconds for a thousand",
    ...notesOf(conditions),
    ...missing.length === 0 ? [] : [`Not on the PATH: ${missing.join(", ")}`],
    ...await redisNotes({ start: (target) => startTrunkline(target, null), isThere: isOnPath }),
  ];
  const samples = conditions.map(({ name, measured }) => ({ name, measured: Object.fromEntries(measured) }));
  await publish(
    { name: "tcp-tunnel", rows: conditions.map((one) => rowOf(one, names)), notes, samples },
    options,
  );
  return ExitCode.done;
}

function asStart({ name, start }: TunnelPeer): [string, Start] {
  return [name, (target) => start(target)];
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "tcp-tunnel",
  about: "TCP tunnels beside a raw relay over the same hops, plain and TLS, and Redis through them",
  run,
};
