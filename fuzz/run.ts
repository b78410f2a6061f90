/**
 * Fuzzes what reads the bytes of strangers: `deno task fuzz [target] [--seed <n>] [--seconds <n>]`, without a target
 * all of them; `--help` tells which there are. Case n of a run depends on the seed and n alone, so a failed one comes
 * again with the same seed. The bytes of a case that failed are written to `dist/fuzz/` and shown in hexadecimal. Ends
 * with 1 when one failed, with 2 for arguments that name nothing.
 */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ExitCode, type Io, processIo } from "../src/cli/io.ts";
import { Random } from "./random.ts";
import { type FuzzTarget, isFuzzTarget } from "./target.ts";

/** How long and from where to fuzz. */
export interface FuzzOptions {
  readonly seed: number;
  /** Ends after so long, @default without an end. */
  readonly seconds?: number;
  /** Ends after so many cases, @default without an end. */
  readonly cases?: number;
}

/** What came of it. */
export interface FuzzResult {
  readonly cases: number;
  readonly seconds: number;
  /** The case that failed; none came after it. */
  readonly failure: FuzzFailure | null;
}

/** A case that failed. */
export interface FuzzFailure {
  readonly index: number;
  readonly input: Uint8Array;
  readonly error: unknown;
}

const DEFAULT_SECONDS = 10;
const USAGE = "[target] [--seed <n>] [--seconds <n>]";
const OPTIONS = [
  "--seed <n>     where to begin: the same seed makes the same cases",
  `--seconds <n>  how long each target is fuzzed, ${DEFAULT_SECONDS} if nothing is said`,
];
/** Between two looks at the clock. */
const CASES_AT_A_TIME = 256;

/** Tries cases until one fails or it is enough. */
export function fuzz(
  target: FuzzTarget,
  { seed, seconds = Infinity, cases = Infinity }: FuzzOptions,
): FuzzResult {
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000;
  let index = 0;
  while (index < cases && (index % CASES_AT_A_TIME !== 0 || passed() < seconds)) {
    const random = new Random(seed + Math.imul(index, 0x9e37_79b1));
    const input = target.make(random);
    try {
      target.check(input, random);
    } catch (error) {
      return { cases: index, seconds: passed(), failure: { index, input, error } };
    }
    index++;
  }
  return { cases: index, seconds: passed(), failure: null };
}

/** What the command line asks for. */
interface Wanted {
  readonly name: string | null;
  readonly seed: number;
  readonly seconds: number;
}

/** Runs what `args` choose; returns the exit code. */
export async function runFuzz(args: readonly string[], io: Io = processIo): Promise<number> {
  const targets = await findTargets(fileURLToPath(new URL(".", import.meta.url)));
  if (args.includes("--help")) {
    for (const line of helpLines(targets)) io.out(line);
    return ExitCode.done;
  }
  const wanted = readArguments(args);
  const chosen = targets.filter(({ name }) => wanted?.name === null || name === wanted?.name);
  if (wanted === null || chosen.length === 0) {
    const names = targets.map(({ name }) => name).join(", ");
    io.err(`Cannot run "${args.join(" ")}": it is ${USAGE}; targets: ${names}`);
    return ExitCode.usage;
  }
  let hasFailed = false;
  for (const target of chosen) {
    io.out(`${target.name}: seed ${wanted.seed}, ${wanted.seconds} s. ${target.about}`);
    const result = fuzz(target, wanted);
    io.out(`${target.name}: ${result.cases} cases in ${result.seconds.toFixed(1)} s`);
    if (result.failure === null) continue;
    hasFailed = true;
    for (const line of await report(target, result.failure, wanted.seed)) io.err(line);
  }
  return hasFailed ? 1 : ExitCode.done;
}

function helpLines(targets: readonly FuzzTarget[]): string[] {
  const about = targets.map((target) => `${target.name}: ${target.about}`);
  return [`deno task fuzz ${USAGE}`, "", "Targets, all of them without one:", ...about, "", ...OPTIONS];
}

async function report(
  { name }: FuzzTarget,
  { index, input, error }: FuzzFailure,
  seed: number,
): Promise<string[]> {
  const file = `dist/fuzz/${name}-${seed}-${index}.bin`;
  await Deno.mkdir("dist/fuzz", { recursive: true });
  await Deno.writeFile(file, input);
  return [
    `${name}: case ${index} of seed ${seed} failed: ${error instanceof Error ? error.stack : String(error)}`,
    `${input.length} bytes, also in ${file}:`,
    ...hexLines(input),
  ];
}

/** Bytes as people look at them, sixteen a line. */
export function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = Array.from(bytes.subarray(at, at + 16), (byte) => byte.toString(16).padStart(2, "0"));
    lines.push(`${at.toString(16).padStart(6, "0")}  ${row.join(" ")}`);
  }
  return lines;
}

function readArguments(args: readonly string[]): Wanted | null {
  let name: string | null = null;
  let seed = Math.floor(Math.random() * 0x1_0000_0000);
  let seconds = DEFAULT_SECONDS;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--seed") seed = Number(args[++at]);
    else if (arg === "--seconds") seconds = Number(args[++at]);
    else if (!arg.startsWith("-") && name === null) name = arg;
    else return null;
  }
  return Number.isInteger(seed) && seconds > 0 ? { name, seed, seconds } : null;
}

async function findTargets(folder: string): Promise<FuzzTarget[]> {
  const targets: FuzzTarget[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith("_target.ts")) continue;
    const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(join(folder, name)).href);
    if (!isFuzzTarget(module.target)) throw new Error(`Cannot load ${name}: it exports no target`);
    targets.push(module.target);
  }
  return targets.sort((one, other) => one.name.localeCompare(other.name));
}

if (import.meta.main) Deno.exit(await runFuzz(Deno.args));
