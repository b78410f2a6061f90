/**
 * Runs the tests: prepares what they need, hands its arguments to `deno test`, names the skipped ones and ends
 * with the line `N passed, N failed`. All tests are split over three runs side by side; what the others say is printed
 * when the first is done. `--no-skips`, or `CI_NO_SKIPS=1` in the environment, makes a skipped test a
 * failed one. Behind `deno task test`.
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
const SHARDS = 3;

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
  const runs = await Promise.all(shards.map((own, index) => runShard(own, { isQuiet: index > 0 })));
  for (const { output } of runs) await Deno.stdout.write(output);
  return {
    exitCode: Math.max(...runs.map(({ exitCode }) => exitCode)),
    results: runs.flatMap(({ results }) => results),
  };
}

/** One run. A quiet one keeps what it says. */
async function runShard(
  args: readonly string[],
  { isQuiet }: { isQuiet: boolean },
): Promise<RunResult & { readonly output: Uint8Array }> {
  const folder = await Deno.makeTempDir({ prefix: "trunkline-tests-" });
  const report = join(folder, "report.xml");
  try {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", `--junit-path=${report}`, ...args],
      stdin: "null",
      stdout: isQuiet ? "piped" : "inherit",
      stderr: "inherit",
    });
    const ended = await command.output();
    const output = isQuiet ? ended.stdout : new Uint8Array(0);
    return { exitCode: ended.code, output, results: parseJunitReport(await readReport(report)) };
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
