/** Redis through a tunnel beside direct, by its own benchmark. */
import { formatSpread } from "./report.ts";
import { freePort, listening, type PeerTunnel } from "./tunnel_peers.ts";

const [SERVER, BENCHMARK] = ["redis-server", "redis-benchmark"] as const;
const ROUNDS = 3;
const REQUESTS = 100_000;

/** What it works with. */
export interface RedisLoad {
  /** Leads a port to this one. */
  readonly start: (target: number) => Promise<PeerTunnel>;
  readonly isThere: (program: string) => boolean;
}

/** Lines about GET and SET, alone and sixteen at a time in a pipeline. */
export async function redisNotes({ start, isThere }: RedisLoad): Promise<string[]> {
  const missing = [SERVER, BENCHMARK].filter((program) => !isThere(program));
  if (missing.length > 0) return [`Redis was not measured: ${missing.join(" and ")} not on the PATH`];
  const port = freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const server = new Deno.Command(SERVER, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  try {
    await listening(port);
    await using tunnel = await start(port);
    return [
      ...await compare("one at a time", { direct: port, tunnel: tunnel.port, pipeline: 1 }),
      ...await compare("16 in a pipeline", { direct: port, tunnel: tunnel.port, pipeline: 16 }),
    ];
  } finally {
    server.kill("SIGKILL");
    await server.status;
  }
}

interface Comparison {
  readonly direct: number;
  readonly tunnel: number;
  readonly pipeline: number;
}

async function compare(name: string, { direct, tunnel, pipeline }: Comparison): Promise<string[]> {
  const rates = new Map<string, { direct: number[]; tunnel: number[] }>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, port] of [["direct", direct], ["tunnel", tunnel]] as const) {
      for (const [test, rate] of await measure(port, pipeline)) {
        const known = rates.get(test) ?? { direct: [], tunnel: [] };
        known[way].push(rate);
        rates.set(test, known);
      }
    }
  }
  return [...rates].map(([test, { direct, tunnel }]) => {
    const thousands = (all: readonly number[]) => formatSpread(all.map((rate) => rate / 1000), 1);
    return `redis-benchmark ${test}, 50 clients, ${name}: ${thousands(tunnel)} k/s, direct ${
      thousands(direct)
    } k/s`;
  });
}

/** Requests a second by test. */
async function measure(port: number, pipeline: number): Promise<[string, number][]> {
  const args = [
    "-h",
    "127.0.0.1",
    "-p",
    `${port}`,
    "-t",
    "get,set",
    "-n",
    `${REQUESTS}`,
    "-P",
    `${pipeline}`,
    "--csv",
  ];
  const { stdout, success } = await new Deno.Command(BENCHMARK, { args, stdin: "null" }).output();
  if (!success) throw new Error("Cannot measure Redis: redis-benchmark failed");
  const lines = new TextDecoder().decode(stdout).split("\n");
  return lines.flatMap((line): [string, number][] => {
    const [test, rate] = line.split(",").map((cell) => cell.replaceAll('"', ""));
    return test === "GET" || test === "SET" ? [[test, Number(rate)]] : [];
  });
}
