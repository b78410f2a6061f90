/**
 * Brings the programs that the chosen tests need, where that can be done without asking anybody: on Linux, as
 * root, by Debian's packages. Whatever goes wrong is said and no more: the tests in question are then skipped by
 * name.
 */

import { join } from "node:path";
import { messageOf } from "../src/core/errors.ts";
import type { TestTool } from "../tests/helpers/tools.ts";

/** What the preparation works with. */
export interface PreparationOptions {
  /** The arguments of `deno test`; those that are paths choose the tests. */
  args: readonly string[];
  /** Prints a line for a person. */
  say(line: string): void;
  /** Installs a Debian package, or throws; null where that cannot be done. */
  install: ((debianPackage: string) => Promise<void>) | null;
}

/** Installs those of `tools` that a chosen test asks for by its name and that are not there. */
export async function prepareTools(tools: readonly TestTool[], options: PreparationOptions): Promise<void> {
  const { args, say, install } = options;
  const missing = tools.filter((tool) => tool.find() === null);
  if (missing.length === 0 || install === null) return;
  const sources = await readTests(args);
  for (const { name, debianPackage } of missing) {
    if (!sources.some((source) => source.includes(`(needs ${name})`))) continue;
    say(`Installing ${debianPackage} by apt-get: tests need it`);
    try {
      await install(debianPackage);
    } catch (error) {
      say(`Cannot install ${debianPackage}: ${messageOf(error)}; the tests that need it are skipped`);
    }
  }
}

async function readTests(args: readonly string[]): Promise<string[]> {
  const chosen = (await Promise.all(args.map(existing))).filter((path) => path !== null);
  const files: string[] = [];
  for (const path of chosen.length > 0 ? chosen : ["tests"]) await listTests(path, files);
  return await Promise.all(files.map((file) => Deno.readTextFile(file)));
}

async function existing(path: string): Promise<string | null> {
  if (path.startsWith("-")) return null;
  return await Deno.stat(path).then(() => path, () => null);
}

async function listTests(path: string, files: string[]): Promise<void> {
  const info = await Deno.stat(path).catch(() => null);
  if (info?.isFile && path.endsWith(".ts")) files.push(path);
  if (!info?.isDirectory) return;
  for await (const entry of Deno.readDir(path)) await listTests(join(path, entry.name), files);
}

const aptGetPath = "/usr/bin/apt-get";
const aptGetTimeoutMs = 600_000;
const aptGetOptions = ["-q", "-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=30"];

/** The way to install packages on this system, or null where there is none that asks nobody. */
export async function packageInstaller(logPath: string): Promise<PreparationOptions["install"]> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0 || await existing(aptGetPath) === null) return null;
  return async (debianPackage) => {
    await aptGet(["update"], logPath);
    await aptGet(["install", "-y", "--no-install-recommends", debianPackage], logPath);
  };
}

async function aptGet(args: readonly string[], logPath: string): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(aptGetPath, {
    args: [...aptGetOptions, ...args],
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    signal: AbortSignal.timeout(aptGetTimeoutMs),
  }).output();
  for (const bytes of [stdout, stderr]) await Deno.writeFile(logPath, bytes, { append: true });
  if (code !== 0) throw new Error(`apt-get ${args[0]} ended with exit code ${code}, see ${logPath}`);
}
