/**
 * Runs the tests: prepares what they need, hands its arguments to `deno test`, names the skipped ones and ends
 * with the line `N passed, N failed`. `--no-skips`, or `CI_NO_SKIPS=1` in the environment, makes a skipped test a
 * failed one. Behind `deno task test`.
 */

import { tmpdir } from "node:os";
import { join } from "node:path";
import { processIo } from "../src/cli/io.ts";
import { testTools } from "../tests/helpers/tools.ts";
import { parseJunitReport, type TestResult } from "./junit_report.ts";
import { packageInstaller, prepareTools } from "./test_preparation.ts";
import { summarize } from "./test_summary.ts";

const noSkipsFlag = "--no-skips";

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

async function runDenoTest(args: readonly string[]): Promise<{ exitCode: number; results: TestResult[] }> {
  const folder = await Deno.makeTempDir({ prefix: "trunkline-tests-" });
  const report = join(folder, "report.xml");
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", `--junit-path=${report}`, ...args],
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    return { exitCode: code, results: parseJunitReport(await readReport(report)) };
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
