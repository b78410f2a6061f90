/**
 * `trunkline check`: reads the configuration and the files that it names, tells every mistake with its place, and
 * starts nothing.
 */
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import { TrunklineError } from "../core/errors.ts";
import { loadTlsSet } from "../server/tls_files.ts";
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
  const unusable = result.ok ? unusableFile(result.config) : null;
  const ok = result.ok && unusable === null;
  if (options.json) {
    io.out(JSON.stringify({ ok, problems: unusable === null ? problems : [{ message: unusable }] }));
  } else if (unusable !== null) io.err(unusable);
  else if (!ok) printProblems(problems, io);
  else if (!options.quiet) io.out("The configuration is valid");
  return ok ? ExitCode.done : ExitCode.usage;
}

/** What is wrong with a file that the configuration names. */
function unusableFile(config: Config): string | null {
  try {
    loadTlsSet(config.hub.tls, "hub.tls");
    loadTlsSet(config.public.tls, "public.tls");
    return null;
  } catch (error) {
    if (error instanceof TrunklineError) return error.message;
    throw error;
  }
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
