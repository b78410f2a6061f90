/**
 * Reads the configuration again while the hub runs and takes over what needs no restart. One reading at a time; an
 * invalid configuration changes nothing, and what it says wrong is logged and told with its place.
 */
import type { ReloadOutcome } from "../broker/control_topics.ts";
import { type ConfigChanges, planChanges } from "../config/changes.ts";
import type { ConfigResult } from "../config/hub_config.ts";
import { formatProblem } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/ports.ts";
import type { SecurityEvents } from "../core/security_event.ts";

/** A part that takes over changes in two steps. */
export interface LivePart {
  /**
   * Looks whether it can work with the configuration, and changes nothing. What it gives takes it over and cannot fail.
   * Throws a `TrunklineError` where it cannot.
   */
  prepare(config: Config): () => void;
}

/** What takes over changes. */
export interface ReloadOptions {
  /** Reads everything that a configuration is made of. May throw a `TrunklineError`. */
  readonly readConfig: () => ConfigResult;
  readonly logger: Logger;
  readonly parts: readonly LivePart[];
  /**
   * Gets other rules of logins ready, which may take a while, and changes nothing. What it gives takes them over, and
   * gives how many logins they ended. Rejects when they cannot be used.
   */
  readonly prepareLogins: (config: Config) => Promise<() => Promise<number>>;
  readonly events: SecurityEvents;
}

/** Mistakes that have a line in the log each. */
const MAX_LOGGED = 20;

/** The configuration of one running hub. */
export class Reload {
  /** How often it was taken over, could not be, and was in part. */
  loaded = 0;
  refused = 0;
  partly = 0;
  readonly #options: ReloadOptions;
  /** What is in use: what needs a restart stays as it was at the start. */
  #running: Config;
  #last: Promise<unknown> = Promise.resolve();
  /** The next one, while another runs. */
  #waiting: Promise<ReloadOutcome> | null = null;

  constructor(config: Config, options: ReloadOptions) {
    this.#running = config;
    this.#options = options;
  }

  /** Reads and takes over; all who ask while one reading runs share the next. The promise does not reject. */
  run(): Promise<ReloadOutcome> {
    this.#waiting ??= this.#last.then(() => {
      this.#waiting = null;
      return this.#load();
    });
    this.#last = this.#waiting;
    return this.#waiting;
  }

  async #load(): Promise<ReloadOutcome> {
    try {
      const result = this.#options.readConfig();
      return result.ok
        ? await this.#takeOver(result.config)
        : this.#refuse(result.problems.map(formatProblem));
    } catch (error) {
      return this.#refuse([messageOf(error)]);
    }
  }

  async #takeOver(next: Config): Promise<ReloadOutcome> {
    const { logger, parts, prepareLogins } = this.#options;
    const plan = planChanges(this.#running, next);
    const { config, changed, needRestart } = plan;
    const takeOverParts = parts.map((part) => part.prepare(config));
    const takeOverLogins = await prepareLogins(config);
    this.#running = config;
    const { ended, problems } = await allOf(takeOverParts, takeOverLogins);
    this.#record(plan, ended);
    if (needRestart.length > 0) {
      logger.warning("Some settings that have changed need a restart", { settings: needRestart });
    }
    if (problems.length > 0) return this.#tellPart(problems);
    this.loaded++;
    logger.info("The configuration was loaded anew", { changed, ended });
    return { kind: "loaded", changed, needRestart, ended };
  }

  #record({ changed, needRestart }: ConfigChanges<Config>, ended: number): void {
    const origin = { address: "", connectionId: null, who: null };
    this.#options.events.record({ kind: "config_changed", ...origin, changed, needRestart, ended });
  }

  /** A mistake of the hub itself: what can be taken over cannot fail. */
  #tellPart(problems: readonly string[]): ReloadOutcome {
    this.partly++;
    const { logger } = this.#options;
    logger.error("Only a part of the configuration was loaded anew; load it again, or restart the hub");
    for (const problem of problems) logger.error(problem);
    return { kind: "partly", problems };
  }

  #refuse(problems: readonly string[]): ReloadOutcome {
    const { logger } = this.#options;
    this.refused++;
    logger.error("Cannot load the configuration anew; nothing has changed", { mistakes: problems.length });
    for (const problem of problems.slice(0, MAX_LOGGED)) logger.error(problem);
    return { kind: "invalid", problems };
  }
}

/** Takes every step, whatever comes of the others. Logins come last: who comes back finds the new doors. */
async function allOf(
  steps: readonly (() => void)[],
  logins: () => Promise<number>,
): Promise<{ readonly ended: number; readonly problems: readonly string[] }> {
  const problems: string[] = [];
  let ended = 0;
  for (const step of [...steps, async () => void (ended = await logins())]) {
    try {
      await step();
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  return { ended, problems };
}
