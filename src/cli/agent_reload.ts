/**
 * Reads an agent's configuration again while it runs and takes over what needs no restart. A configuration that is
 * wrong changes nothing, and everything that is wrong with it is in the log.
 */
import type { AgentConfig, AgentConfigResult } from "../config/mod.ts";
import { planAgentChanges } from "../config/changes.ts";
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/ports.ts";

/** What takes over changes. */
export interface AgentReloadOptions {
  /** Reads everything that a configuration is made of. May throw a `TrunklineError`. */
  readonly readConfig: () => AgentConfigResult;
  /**
   * Looks whether what needs no restart can be taken over, and changes nothing. What it gives takes it over. May throw
   * a `TrunklineError`.
   */
  readonly prepare: (config: AgentConfig) => () => void;
  readonly logger: Logger;
}

/** Mistakes that have a line in the log each. */
const MAX_LOGGED = 20;

/** The configuration of one running agent. */
export class AgentReload {
  readonly #options: AgentReloadOptions;
  /** What is in use: what needs a restart stays as it was at the start. */
  #running: AgentConfig;

  constructor(config: AgentConfig, options: AgentReloadOptions) {
    this.#running = config;
    this.#options = options;
  }

  /** Reads and takes over. */
  run(): void {
    const { readConfig, logger } = this.#options;
    try {
      const result = readConfig();
      if (result.ok) this.#takeOver(result.config);
      else this.#refuse(result.problems);
    } catch (error) {
      logger.error("Cannot read the configuration again; going on as before", { cause: messageOf(error) });
    }
  }

  #takeOver(next: AgentConfig): void {
    const { prepare, logger } = this.#options;
    const { config, changed, needRestart } = planAgentChanges(this.#running, next);
    const takeOver = prepare(config);
    try {
      takeOver();
    } catch (error) {
      return logger.error("The configuration was taken over in part", { changed, cause: messageOf(error) });
    }
    this.#running = config;
    logger.info("The configuration was read again", { changed });
    if (needRestart.length > 0) {
      logger.warning("Settings changed that need a restart of the agent", { settings: needRestart });
    }
  }

  #refuse(problems: readonly ConfigProblem[]): void {
    const { logger } = this.#options;
    for (const problem of problems.slice(0, MAX_LOGGED)) {
      logger.error("A mistake in the configuration", { problem: formatProblem(problem) });
    }
    logger.error("Cannot use the changed configuration; going on as before", { mistakes: problems.length });
  }
}
