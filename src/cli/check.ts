/**
 * `trunkline check`: reads the configuration, names every mistake with its place, and starts nothing.
 */
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import { type ConfigArguments, loadFromSystem } from "./config_source.ts";
import { ExitCode, type Io } from "./io.ts";

/** What `check` takes. */
export interface CheckOptions extends ConfigArguments {
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Runs the command. */
export function runCheck(options: CheckOptions, io: Io): ExitCode {
  const result = loadFromSystem(options);
  const problems = result.ok ? [] : result.problems;
  if (options.json) io.out(JSON.stringify({ ok: result.ok, problems }));
  else if (!result.ok) printProblems(problems, io);
  else if (!options.quiet) io.out("The configuration is valid");
  return result.ok ? ExitCode.done : ExitCode.usage;
}

/** Prints every mistake on a line of its own, and how many there are. */
export function printProblems(problems: readonly ConfigProblem[], io: Io): void {
  for (const problem of problems) io.err(formatProblem(problem));
  io.err(
    problems.length === 1
      ? "1 mistake in the configuration"
      : `${problems.length} mistakes in the configuration`,
  );
}
