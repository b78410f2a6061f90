/**
 * HTTP tunnels as they are shipped, hub and agent a process each, beside a raw relay over the same two hops and the
 * service itself, in the same run: requests a second on 32 connections that are kept, bodies of 1 MiB, and a connection
 * for each request.
 */
import { ExitCode } from "../src/cli/io.ts";
import type { Benchmark, BenchmarkOptions } from "./benchmark.ts";
import type { HttpLoad, HttpLoadResult } from "./load/http_load.ts";
import { LoadProcess } from "./load_process.ts";
import { cpuSecondsOf, startAgent, startHub } from "./processes.ts";
import { CountingRelay } from "./counting_relay.ts";
import { startRawRelay } from "./raw_relay.ts";
import { budgetNote, formatSpread, median, progress, publish, type Row } from "./report.ts";
import { TUNNEL_PEERS } from "./tunnel_peers.ts";

const PAIRS = 5;
const HOST = "app.localhost";
/** Of a program that runs for weeks: what the runtime compiles, it has compiled. */
const TIMES = { warmUpMs: 2500, measuredMs: 1500 };
const LEAST = 0.8;
const AIM = 1.1;
const MOST_ADDED_MS = 1;
const MOST_LINK_BYTES = 1.1;
const HELLO_BYTES = 13;
const MIB = 1024 * 1024;

interface Place extends AsyncDisposable {
  readonly port: number;
  readonly pids: readonly number[];
}

interface Measured extends HttpLoadResult {
  readonly perSecond: number;
  /** CPU seconds of both hops for a thousand requests. */
  readonly cpu: number;
}

interface Condition {
  readonly name: string;
  readonly connections: number;
  readonly bodyBytes: number;
  readonly isFresh: boolean;
  readonly measured: Record<"tunnel" | "raw" | "direct", Measured[]>;
}

/** `link`: what stands between hub and agent; gives the port that leads to the hub. */
async function startTunnel(
  target: number,
  link: (hubPort: number) => Promise<number> = (port) => Promise.resolve(port),
): Promise<Place> {
  const hub = await startHub({ set: [`public.listen=127.0.0.1:0`] });
  const url = `tcp://127.0.0.1:${await link(hub.port)}`;
  const agent = await startAgent(["http", `${target}`, "--subdomain", "app", "--url", url, "--quiet"]);
  return {
    port: agent.port,
    pids: [hub.pid, agent.pid],
    [Symbol.asyncDispose]: async () => {
      await agent[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}

function startDirect(target: number): Promise<Place> {
  return Promise.resolve({ port: target, pids: [], [Symbol.asyncDispose]: () => Promise.resolve() });
}

const STARTS = {
  tunnel: (target: number) => startTunnel(target),
  raw: (target: number) => startRawRelay(target, null),
  direct: startDirect,
};
const NAMES = ["tunnel", "raw", "direct"] as const;

async function measure(
  start: (target: number) => Promise<Place>,
  { connections, bodyBytes, isFresh }: Condition,
): Promise<Measured> {
  await using service = new LoadProcess("hello_service.ts", bodyBytes);
  await using place = await start(Number(await service.line()));
  const load: HttpLoad = { port: place.port, host: HOST, connections, bodyBytes, isFresh, ...TIMES };
  await using client = new LoadProcess("http_load.ts", load);
  await client.line();
  const cpu = () => place.pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
  const before = cpu();
  const result: HttpLoadResult = JSON.parse(await client.line());
  return {
    ...result,
    perSecond: result.requests / result.ms * 1000,
    cpu: (cpu() - before) / result.requests * 1000,
  };
}

/** Bytes between hub and agent for one byte between agent and service, of hello requests one after the other. */
async function linkBytes(): Promise<number> {
  await using service = new LoadProcess("hello_service.ts", HELLO_BYTES);
  await using local = await CountingRelay.to(Number(await service.line()));
  const links: CountingRelay[] = [];
  await using stack = new AsyncDisposableStack();
  await using place = await startTunnel(local.port, async (hubPort) => {
    const link = stack.use(await CountingRelay.to(hubPort));
    links.push(link);
    return link.port;
  });
  const load = { port: place.port, host: HOST, connections: 1, bodyBytes: HELLO_BYTES, isFresh: false };
  await using client = new LoadProcess("http_load.ts", { ...load, warmUpMs: 100, measuredMs: 500 });
  await client.line();
  await client.line();
  return (links[0]?.bytes ?? NaN) / local.bytes;
}

function ratios({ measured }: Condition): number[] {
  return measured.tunnel.map((one, at) => one.perSecond / (measured.raw[at]?.perSecond ?? NaN));
}

function added({ measured }: Condition): number {
  return median(measured.tunnel.map((one, at) => one.p50Ms - (measured.direct[at]?.p50Ms ?? NaN)));
}

function rowOf(condition: Condition): Row {
  const rate = (name: typeof NAMES[number]) =>
    formatSpread(condition.measured[name].map(({ perSecond }) => perSecond), 0);
  const p50 = (name: typeof NAMES[number]) =>
    median(condition.measured[name].map(({ p50Ms }) => p50Ms)).toFixed(2);
  return {
    "": condition.name,
    "tunnel/s": rate("tunnel"),
    "raw/s": rate("raw"),
    "direct/s": rate("direct"),
    "tunnel / raw": formatSpread(ratios(condition)),
    "p50 ms": NAMES.map(p50).join(" / "),
    "CPU s/1000": median(condition.measured.tunnel.map(({ cpu }) => cpu)).toFixed(3),
  };
}

async function run(options: BenchmarkOptions): Promise<number> {
  const condition = (
    name: string,
    connections: number,
    more: { bodyBytes?: number; isFresh?: boolean },
  ): Condition => {
    return {
      name,
      connections,
      bodyBytes: HELLO_BYTES,
      isFresh: false,
      measured: { tunnel: [], raw: [], direct: [] },
      ...more,
    };
  };
  const hello = condition("hello, 32 kept", 32, {});
  const single = condition("hello, 1 kept", 1, {});
  const conditions = [
    hello,
    single,
    condition("1 MiB, 8 kept", 8, { bodyBytes: MIB }),
    condition("hello, 8 new ones", 8, { isFresh: true }),
  ];
  for (let pair = 1; pair <= PAIRS; pair++) {
    for (const one of conditions) {
      for (const name of NAMES) {
        progress(`pair ${pair} of ${PAIRS}: ${one.name}, ${name}`);
        one.measured[name].push(await measure(STARTS[name], one));
      }
    }
  }
  const notes = [
    budgetNote("hello on 32 connections, of the raw relay's requests", {
      value: median(ratios(hello)),
      limit: LEAST,
      aim: AIM,
      atLeast: true,
    }),
    budgetNote("what the tunnel adds to p50 of one connection, in ms", {
      value: added(single),
      limit: MOST_ADDED_MS,
    }),
    budgetNote("bytes between hub and agent for one byte to or from the service, of hello", {
      value: await linkBytes(),
      limit: MOST_LINK_BYTES,
    }),
    `Not measured: ${TUNNEL_PEERS.map(({ name }) => name).join(", ")} for HTTP`,
  ];
  await publish({ name: "http-tunnel", rows: conditions.map(rowOf), notes, samples: conditions }, options);
  return ExitCode.done;
}

/** The benchmark. */
export const bench: Benchmark = {
  name: "http-tunnel",
  about: "HTTP tunnels beside a raw relay over the same hops and the service itself",
  run,
};
