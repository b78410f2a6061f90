/**
 * Sums a test run up in one line that people and machines read: `N passed, N failed`, with `, N skipped` after it
 * when there are any. A run counts as failed when it ended badly for whatever reason, and when no test ran.
 */

import type { TestResult } from "./junit_report.ts";

/** What the run looked like from outside. */
export interface RunFacts {
  /** The exit code of `deno test`. */
  exitCode: number;
  /** Whether a skipped test counts as failed. */
  noSkips: boolean;
}

/** What to print after a run, the summary last, and the exit code to end with. */
export interface TestSummary {
  lines: string[];
  exitCode: number;
}

/** Sums up the results of a run. Steps belong to their test, skipped ones are counted and named by themselves. */
export function summarize(results: readonly TestResult[], { exitCode, noSkips }: RunFacts): TestSummary {
  const count = (outcome: TestResult["outcome"]) =>
    results.filter((result) => result.outcome === outcome && !result.isStep).length;
  const skipped = results.filter(({ outcome }) => outcome === "skipped");
  const passed = count("passed");
  const badEnd = exitCode !== 0 && count("failed") === 0;
  const failed = count("failed") + (badEnd ? 1 : 0) + (noSkips ? skipped.length : 0);
  const nothingRan = passed + failed === 0;
  const lines = skipped.map(({ name, file }) =>
    `${noSkips ? "Skipped, counted as failed" : "Skipped"}: ${name} (${file})`
  );
  if (badEnd) {
    lines.push(`Cannot pass: the run ended with exit code ${exitCode} outside of any test; see above`);
  }
  if (nothingRan) lines.push("Cannot pass: no test was run; give a path or a filter that has some");
  const tail = skipped.length > 0 && !noSkips ? `, ${skipped.length} skipped` : "";
  lines.push(`${passed} passed, ${failed} failed${tail}`);
  return { lines, exitCode: failed > 0 || nothingRan ? exitCode || 1 : 0 };
}
