/**
 * Prints the commands of a workflow's steps for a shell that runs them without the workflow's machinery: name and
 * command of each step, every text ended by a NUL. Steps that only set the machine up (`uses:`) are left out, and
 * what the shell could not honour (a condition, an environment, another folder) is refused.
 * Run by `deno run --allow-read tools/ci_steps.ts <workflow>`.
 */

import { ExitCode, processIo } from "../src/cli/io.ts";
import { messageOf } from "../src/core/errors.ts";
import { parseWorkflow } from "./workflow.ts";

/** One command of a workflow. */
export interface CiStep {
  name: string;
  command: string;
}

const honoured = new Set(["name", "run"]);

/** The commands of a workflow, given as its YAML text, in order. Throws where one cannot be run by itself. */
export function readCiSteps(yaml: string): CiStep[] {
  const steps = Object.values(parseWorkflow(yaml).jobs).flatMap((job) => job.steps);
  const found = steps.filter((step) => step.run !== undefined).map((step) => {
    const name = step.name ?? step.run ?? "";
    const unknown = Object.keys(step).find((key) => !honoured.has(key));
    if (unknown === undefined) return { name, command: step.run ?? "" };
    throw new Error(`Cannot run the step "${name}" by itself: it has ${unknown}; put that into its command`);
  });
  if (found.length === 0) throw new Error("Cannot run the workflow: it has no step with a command");
  return found;
}

function main([path = ""]: readonly string[]): number {
  try {
    const steps = readCiSteps(Deno.readTextFileSync(path));
    const text = steps.map(({ name, command }) => `${name}\0${command}\0`).join("");
    Deno.stdout.writeSync(new TextEncoder().encode(text));
    return ExitCode.done;
  } catch (error) {
    processIo.err(messageOf(error));
    return ExitCode.failed;
  }
}

if (import.meta.main) Deno.exit(main(Deno.args));
