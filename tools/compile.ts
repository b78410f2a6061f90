/**
 * Makes the released binaries and their checksums in dist/. Behind `deno task compile [--target <name>]`; where
 * the runtime that a binary is built on cannot be had, it says so in one sentence.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ExitCode, type Io, processIo } from "../src/cli/io.ts";
import { VERSION } from "../src/core/version.ts";
import {
  binaryName,
  COMPILE_ASSETS,
  compileArguments,
  type CompileTarget,
  compileTargets,
  targetsOf,
} from "./compile_plan.ts";

/** What the compilation works with. */
export interface CompileOptions {
  /** The folder that the binaries are put into. */
  outputFolder: string;
  /** The files that every binary carries. @default COMPILE_ASSETS */
  assets?: readonly string[];
  /** The command that stands for `deno`. @default the running one */
  denoCommand?: readonly string[];
  /** Where to print. @default the process's streams */
  io?: Io;
}

/** The file with the checksums of the binaries of one run. */
export const CHECKSUM_FILE = "SHA256SUMS";

/** Compiles `args` as the command line gives them (`--target <name>`, nothing for this system); returns the exit code. */
export async function compile(args: readonly string[], options: CompileOptions): Promise<number> {
  const { outputFolder, assets = COMPILE_ASSETS, denoCommand = [Deno.execPath()], io = processIo } = options;
  const targets = parseTargets(args);
  if (targets === null) {
    const names = ["host", "all", ...compileTargets()].join(", ");
    io.err(`Cannot compile: the arguments were "${args.join(" ")}"; give --target with one of ${names}`);
    return ExitCode.usage;
  }
  await Deno.mkdir(outputFolder, { recursive: true });
  const names: string[] = [];
  for (const target of targets) {
    const name = binaryName(VERSION, target);
    const output = join(outputFolder, name);
    const failure = await runDeno(denoCommand, compileArguments(target, { output, assets }));
    if (failure !== null) {
      io.err(isBaseMissing(failure) ? baseMissing(target) : failure);
      return ExitCode.failed;
    }
    io.out(`Compiled ${output}`);
    names.push(name);
  }
  await writeChecksums(outputFolder, names);
  return ExitCode.done;
}

function parseTargets(args: readonly string[]): readonly CompileTarget[] | null {
  const words = args.flatMap((arg) => arg.split("="));
  if (words.length === 0) return targetsOf("host", Deno.build);
  const [flag, word, ...rest] = words;
  if (flag !== "--target" || word === undefined || rest.length > 0) return null;
  return targetsOf(word, Deno.build);
}

/** Runs `deno` at the root of the repository; returns what it printed when it failed. */
async function runDeno(
  [program, ...first]: readonly string[],
  args: readonly string[],
): Promise<string | null> {
  const { code, stdout, stderr } = await new Deno.Command(program ?? Deno.execPath(), {
    args: [...first, ...args],
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  if (code === 0) return null;
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return text.trimEnd() || `Cannot compile: deno ended with exit code ${code} and said nothing`;
}

/** Whether the compiler failed for want of its runtime base: not fetched, or not where `DENORT_BIN` points. */
function isBaseMissing(output: string): boolean {
  return /Setting up base binary|Could not find denort/.test(output);
}

function baseMissing(target: CompileTarget): string {
  return `Cannot compile for ${target}: the runtime base (denort) of that system could not be fetched; ` +
    "run this where the download host of Deno can be reached, or set DENORT_BIN to the path of a fitting denort";
}

async function writeChecksums(folder: string, names: readonly string[]): Promise<void> {
  const lines = await Promise.all(names.map(async (name) => {
    const hash = createHash("sha256").update(await Deno.readFile(join(folder, name))).digest("hex");
    return `${hash}  ${name}\n`;
  }));
  await Deno.writeTextFile(join(folder, CHECKSUM_FILE), lines.join(""));
}

if (import.meta.main) Deno.exit(await compile(Deno.args, { outputFolder: "dist" }));
