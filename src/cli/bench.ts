/**
 * `trunkline bench`: puts load on a running hub and tells how much it took, how late it was and what was lost. How it
 * went is the exit code.
 */
import { systemClock } from "../core/ports.ts";
import { formatDuration } from "../config/units.ts";
import { hasFailed } from "./bench_load.ts";
import { type BenchArguments, type BenchPlan, planBench } from "./bench_plan.ts";
import { BenchProgress } from "./bench_progress.ts";
import { formatReport, reportAsJson } from "./bench_report.ts";
import { type BenchResult, BenchRun } from "./bench_run.ts";
import { type ConnectionArguments, readHubTarget } from "./hub_target.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { listenForStop } from "./signals.ts";

/** What `bench` takes. */
export interface BenchOptions extends ConnectionArguments, BenchArguments {
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Runs the command. Throws a `TrunklineError` when it cannot be done, or, after its figures, when the hub is lost. */
export async function runBench(options: BenchOptions, io: CommandIo): Promise<ExitCode> {
  const plan = planBench(options);
  const target = readHubTarget(options, Deno.env);
  const signals = listenForStop(() => Deno.exit(ExitCode.failed));
  const progress = new BenchProgress(io);
  try {
    const run = new BenchRun(plan, {
      target,
      clock: systemClock,
      warn: (line) => io.err(line),
      stopped: signals.first,
      onProgress: (state) => {
        if (!options.quiet) progress.show(state);
      },
    });
    const result = await run.run();
    progress.clear();
    if (result === null) return ExitCode.done;
    if (options.json) io.out(JSON.stringify(reportAsJson(result, { plan, url: target.url })));
    else for (const line of formatReport(result)) io.out(line);
    return conclude(result, plan, io);
  } finally {
    progress.clear();
    signals.dispose();
  }
}

/** Says what a person should know beside the figures. */
function conclude({ end, error, loads }: BenchResult, { timeoutMs }: BenchPlan, io: CommandIo): ExitCode {
  const closedAsTooSlow = loads.reduce((sum, load) => sum + load.closedAsTooSlow, 0);
  if (closedAsTooSlow > 0) {
    const who = closedAsTooSlow === 1 ? "a subscriber" : `${closedAsTooSlow} subscribers`;
    io.err(
      `The hub closed ${who} as too slow (4413); lower --rate or --in-flight, ` +
        "or see hub.outbox in its configuration",
    );
  }
  if (error !== null) throw error;
  if (end === "silent") {
    io.err(
      `Cannot wait for the rest any longer: nothing came within ${formatDuration(timeoutMs)} (--timeout)`,
    );
  }
  return loads.some(hasFailed) ? ExitCode.failed : ExitCode.done;
}
