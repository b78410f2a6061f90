/**
 * Runs the benchmarks of this folder: `deno task bench [name] [--list] [--no-peer]`, without a name all of them
 * one after the other. Ends with the highest exit code of those that ran, with 2 for a name that there is not.
 */

import { fileURLToPath, pathToFileURL } from "node:url";
import { join } from "node:path";
import { ExitCode, type Io, processIo } from "../src/cli/io.ts";
import { type Benchmark, isBenchmark } from "./benchmark.ts";

/** What the runner works with. */
export interface BenchRunOptions {
  /** The folder that is searched for `*_bench.ts`. */
  folder: string;
  /** Where to print. @default the process's streams */
  io?: Io;
}

/** Runs what `args` choose; returns the exit code. */
export async function runBenchmarks(
  args: readonly string[],
  { folder, io = processIo }: BenchRunOptions,
): Promise<number> {
  const benchmarks = await findBenchmarks(folder);
  const isName = args[0] !== undefined && !args[0].startsWith("-");
  const chosen = benchmarks.filter(({ name }) => !isName || name === args[0]);
  if (args.includes("--list")) {
    for (const line of listing(benchmarks)) io.out(line);
    return ExitCode.done;
  }
  if (chosen.length === 0) {
    io.err(`Cannot run ${isName ? `"${args[0]}"` : "any benchmark"}: there are these, one of them is wanted`);
    for (const line of listing(benchmarks)) io.err(line);
    return ExitCode.usage;
  }
  const rest = args.slice(isName ? 1 : 0).filter((arg) => arg !== "--no-peer");
  const codes: number[] = [];
  for (const benchmark of chosen) {
    codes.push(await benchmark.run({ withPeer: !args.includes("--no-peer"), args: rest }));
  }
  return Math.max(...codes);
}

function listing(benchmarks: readonly Benchmark[]): string[] {
  const width = Math.max(0, ...benchmarks.map(({ name }) => name.length));
  return benchmarks.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`);
}

async function findBenchmarks(folder: string): Promise<Benchmark[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (name.endsWith("_bench.ts")) names.push(name);
  return await Promise.all(names.sort().map((name) => loadBenchmark(join(folder, name))));
}

async function loadBenchmark(path: string): Promise<Benchmark> {
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(path).href);
  if (isBenchmark(module.bench)) return module.bench;
  throw new Error(`Cannot load ${path}: it exports no benchmark; export one as bench`);
}

if (import.meta.main) {
  Deno.exit(await runBenchmarks(Deno.args, { folder: fileURLToPath(new URL(".", import.meta.url)) }));
}
