/**
 * Runs the tests: prepares what they need, hands its arguments to `deno test`, names the skipped ones and ends
 * with the line `N passed, N failed`. Without arguments types are checked once, then all tests run in many short runs,
 * some side by side; each is printed when it ends. `--no-skips`, or `CI_NO_SKIPS=1` in the environment, makes a skipped
 * test a failed one. Behind `deno task test`.
 */

import { tmpdir } from "node:os";
import { join } from "node:path";
import { processIo } from "../src/cli/io.ts";
import { testTools } from "../tests/helpers/tools.ts";
import { parseJunitReport, type TestResult } from "./junit_report.ts";
import { packageInstaller, prepareTools } from "./test_preparation.ts";
import { shardTests } from "./test_shards.ts";
import { summarize } from "./test_summary.ts";

const noSkipsFlag = "--no-skips";
/** Runs side by side: many tests wait more than they work. */
const AT_ONCE = 3;
/** Short enough that the last ones end at about the same time, and few enough that their starts cost little. */
const SHARDS = 24;
/** One of them that takes longer hangs: it is ended, and what it said names the test. */
const MAX_SHARD_MS = 240_000;

async function main(args: readonly string[]): Promise<number> {
  const passedOn = args.filter((arg) => arg !== noSkipsFlag);
  const install = await packageInstaller(join(tmpdir(), "trunkline-apt-get.log"));
  await prepareTools(testTools, { args: passedOn, say: processIo.out, install });
  const { exitCode, results } = await runDenoTest(passedOn);
  const noSkips = args.includes(noSkipsFlag) || Deno.env.get("CI_NO_SKIPS") === "1";
  const summary = summarize(results, { exitCode, noSkips });
  for (const line of summary.lines) processIo.out(line);
  return summary.exitCode;
}

interface RunResult {
  readonly exitCode: number;
  readonly results: readonly TestResult[];
}

async function runDenoTest(args: readonly string[]): Promise<RunResult> {
  const shards = args.length === 0 ? await shardTests("tests", SHARDS) : [args];
  const [only] = shards;
  if (only !== undefined && shards.length === 1) return await runShard(only, { stdout: "inherit" });
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["check", "--quiet", "."], stdin: "null" })
    .spawn()
    .status;
  return code === 0 ? await runShards(shards) : { exitCode: code, results: [] };
}

/** Runs them all, a few at once, each printed when it ends. Types were checked. */
async function runShards(shards: readonly (readonly string[])[]): Promise<RunResult> {
  const waiting = shards.values();
  const results: TestResult[] = [];
  let exitCode = 0;
  const runner = async () => {
    for (const shard of waiting) {
      const run = await runShard(["--no-check", ...shard], { stdout: "piped" });
      processIo.outBytes(run.output);
      exitCode = Math.max(exitCode, run.exitCode);
      results.push(...run.results);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
  return { exitCode, results };
}

/** One run of `deno test`; what it says is passed on at once or, when piped, kept, and then it may not take for ever. */
async function runShard(
  args: readonly string[],
  { stdout }: { stdout: "inherit" | "piped" },
): Promise<RunResult & { readonly output: Uint8Array }> {
  const folder = await Deno.makeTempDir({ prefix: "trunkline-tests-" });
  const report = join(folder, "report.xml");
  try {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", `--junit-path=${report}`, ...args],
      stdin: "null",
      stdout,
      stderr: "inherit",
    });
    const child = command.spawn();
    const isKept = stdout === "piped";
    const timer = isKept ? setTimeout(() => child.kill("SIGKILL"), MAX_SHARD_MS) : undefined;
    const output = isKept ? await new Response(child.stdout).bytes() : new Uint8Array(0);
    const { code } = await child.status;
    clearTimeout(timer);
    return { exitCode: code, output, results: parseJunitReport(await readReport(report)) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The report's text; empty where none was written, as when a test does not compile. */
async function readReport(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
