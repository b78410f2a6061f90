/**
 * Runs the benchmarks of this folder: `deno task bench [name] [--list] [--no-peer] [--out <file>]`, without a
 * name all of them one after the other. Ends with the highest exit code of those that ran, and with 2, before
 * anything is run, for arguments that name nothing.
 */

import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ExitCode, type Io, processIo } from "../src/cli/io.ts";
import { type Benchmark, type BenchmarkOptions, isBenchmark } from "./benchmark.ts";

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
  const wanted = readArguments(args);
  if (wanted === null) {
    io.err(`Cannot run "${args.join(" ")}": it is [name] [--list] [--no-peer] [--out <file>, with a name]`);
    return ExitCode.usage;
  }
  if (wanted.list) {
    for (const line of listing(benchmarks)) io.out(line);
    return ExitCode.done;
  }
  const chosen = benchmarks.filter(({ name }) => wanted.name === null || name === wanted.name);
  if (chosen.length === 0) {
    const names = benchmarks.map(({ name }) => name).join(", ") || "none";
    io.err(`Cannot run ${wanted.name ?? "the benchmarks"}: there is no such benchmark; there are: ${names}`);
    return ExitCode.usage;
  }
  const codes: number[] = [];
  for (const benchmark of chosen) codes.push(await benchmark.run(wanted.options));
  return Math.max(...codes);
}

/** What the command line asks for. */
interface Wanted {
  list: boolean;
  name: string | null;
  options: BenchmarkOptions;
}

/** Null for arguments that mean nothing. A file takes the figures of one benchmark, so it needs a name. */
function readArguments(args: readonly string[]): Wanted | null {
  const wanted: Wanted = { list: false, name: null, options: { peer: true, outFile: null } };
  const rest = args.flatMap((arg) =>
    arg.startsWith("--out=") ? ["--out", arg.slice("--out=".length)] : [arg]
  );
  for (let at = 0; at < rest.length; at++) {
    const arg = rest[at] ?? "";
    if (arg === "--list") wanted.list = true;
    else if (arg === "--no-peer") wanted.options.peer = false;
    else if (arg === "--out" && rest[at + 1]) wanted.options.outFile = rest[++at] ?? null;
    else if (!arg.startsWith("-") && wanted.name === null) wanted.name = arg;
    else return null;
  }
  return wanted.options.outFile !== null && wanted.name === null ? null : wanted;
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
