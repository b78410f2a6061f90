/**
 * Reads the configuration again while the hub runs and takes over what needs no restart. One reading at a time; an
 * invalid configuration changes nothing, and what it says wrong is logged and told with its place.
 */
import type { ReloadOutcome } from "../broker/control_topics.ts";
import { planChanges } from "../config/changes.ts";
import type { ConfigResult } from "../config/hub_config.ts";
import { formatProblem } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import { messageOf } from "../core/errors.ts";
import type { LogControl, Logger } from "../core/ports.ts";
import type { AuditLog } from "./audit_log.ts";
import type { Logins } from "./logins.ts";

/** What takes over changes. */
export interface ReloadOptions {
  /** Reads everything that a configuration is made of. May throw a `TrunklineError`. */
  readonly readConfig: () => ConfigResult;
  readonly logger: Logger;
  /** `null`: there is no log to change. */
  readonly log: Pick<LogControl, "setLevel"> | null;
  /** Takes other rules of logins; gives how many logins they ended. Rejects when they cannot be used. */
  readonly changeLogins: (auth: Config["auth"]) => Promise<number>;
  /** Opens the audit log anew. */
  readonly reopenAudit: () => void;
}

/** The parts of a hub that changes concern. */
export interface ReloadParts {
  /** Left out: the configuration cannot be read again. */
  readonly readConfig?: ReloadOptions["readConfig"];
  readonly logger: Logger;
  readonly log?: LogControl;
  /** `null` on a hub that asks for no login. */
  readonly logins: Logins | null;
  readonly audit: AuditLog;
}

/** Makes what reloads the configuration of a hub; `null` when it cannot be read again. */
export function createReload(
  config: Config,
  { readConfig, logger, log, logins, audit }: ReloadParts,
): Reload | null {
  if (readConfig === undefined) return null;
  return new Reload(config, {
    readConfig,
    logger,
    log: log ?? null,
    changeLogins: async (auth) => await logins?.change(auth) ?? 0,
    reopenAudit: () => audit.reopen(),
  });
}

/** Mistakes that have a line in the log each. */
const MAX_LOGGED = 20;

/** The configuration of one running hub. */
export class Reload {
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
    const { logger, log, changeLogins, reopenAudit } = this.#options;
    const { config, changed, needRestart } = planChanges(this.#running, next);
    const ended = await changeLogins(config.auth);
    this.#running = config;
    reopenAudit();
    log?.setLevel(config.logging.level);
    logger.info("The configuration was loaded anew", { changed, ended });
    if (needRestart.length > 0) {
      logger.warning("Some settings that have changed need a restart", { settings: needRestart });
    }
    return { kind: "loaded", changed, needRestart, ended };
  }

  #refuse(problems: readonly string[]): ReloadOutcome {
    const { logger } = this.#options;
    logger.error("Cannot load the configuration anew; nothing has changed", { mistakes: problems.length });
    for (const problem of problems.slice(0, MAX_LOGGED)) logger.error(problem);
    return { kind: "invalid", problems };
  }
}
