/**
 * `trunkline config`: prints the effective configuration, where each key comes from, and no secrets.
 */
import { printConfigJson, printConfigYaml } from "../config/hub_config.ts";
import { printProblems } from "./check.ts";
import { type ConfigArguments, loadFromSystem } from "./config_source.ts";
import { ExitCode, type Io } from "./io.ts";

/** What `config` takes. */
export interface ConfigOptions extends ConfigArguments {
  readonly json: boolean;
}

/** Runs the command. */
export function runConfig(options: ConfigOptions, io: Io): ExitCode {
  const result = loadFromSystem(options);
  if (!result.ok) {
    printProblems(result.problems, io);
    return ExitCode.usage;
  }
  io.out((options.json ? printConfigJson(result) : printConfigYaml(result)).trimEnd());
  return ExitCode.done;
}
