/**
 * Ordered start and stop. Steps start one after the other and stop in reverse; when step N fails to start,
 * steps N-1 to 1 are stopped before the failure is reported, so that nothing is left running.
 */
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/ports.ts";

/** One named step. */
export interface LifecycleStep {
  readonly name: string;
  start(): Promise<void> | void;
  /** Called only after a start that succeeded. */
  stop(): Promise<void> | void;
}

/** Runs steps forth and back. */
export class Lifecycle {
  readonly #steps: readonly LifecycleStep[];
  readonly #logger: Logger;
  readonly #started: LifecycleStep[] = [];

  constructor(steps: readonly LifecycleStep[], logger: Logger) {
    this.#steps = steps;
    this.#logger = logger;
  }

  /** Starts every step; throws what the failing step threw, after the earlier ones were stopped. */
  async start(): Promise<void> {
    for (const step of this.#steps) {
      this.#logger.debug("Starting", { step: step.name });
      try {
        await step.start();
      } catch (error) {
        await this.stop();
        throw error;
      }
      this.#started.push(step);
    }
  }

  /** Stops what was started, last first. A step that fails to stop is logged and does not keep the others. */
  async stop(): Promise<void> {
    for (let step = this.#started.pop(); step !== undefined; step = this.#started.pop()) {
      this.#logger.debug("Stopping", { step: step.name });
      try {
        await step.stop();
      } catch (error) {
        this.#logger.error("A part failed to stop", { step: step.name, error: messageOf(error) });
      }
    }
  }
}
