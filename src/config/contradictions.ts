/**
 * Runs checks between settings that are each right by themselves. Guarantees that a check is left out when one of
 * the settings that it reads is wrong, so that one mistake is told once.
 */
import type { Report } from "./problem.ts";

/** A check of a configuration. */
export interface Check<C> {
  /** The dotted settings that the check reads. */
  readonly reads: readonly string[];
  readonly run: (config: C, report: Report) => void;
}

/** What checks need to know, and where they report to. */
export interface Checking {
  /** Whether the setting was read without a mistake. */
  readonly isValid: (key: string) => boolean;
  /** What takes the contradictions of a check that reads these settings. */
  readonly reporter: (reads: readonly string[]) => Report;
}

/** Reports every contradiction; settings for which `isValid` is false are not looked at. */
export function runChecks<C>(checks: readonly Check<C>[], config: C, { isValid, reporter }: Checking): void {
  for (const { reads, run } of checks) {
    if (reads.every(isValid)) run(config, reporter(reads));
  }
}
