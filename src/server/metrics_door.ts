/** Where metrics and health are served, and the lag of the event loop that they tell of. */
import { isLoopbackHost } from "../config/listener_checks.ts";
import type { Config } from "../config/schema.ts";
import type { Logger } from "../core/ports.ts";
import { type Exposition, startExposition } from "../metrics/exposition.ts";
import type { Health } from "../metrics/health.ts";
import type { LoopLag } from "../metrics/loop_lag.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** What is served. */
export interface MetricsDoorParts {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly loopLag: LoopLag;
  readonly logger: Logger;
}

/** The door. */
export class MetricsDoor {
  readonly #settings: Config["metrics"];
  readonly #parts: MetricsDoorParts;
  #exposition: Exposition | null = null;

  constructor(settings: Config["metrics"], parts: MetricsDoorParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Where it listens, with the real port; `null` while it does not. */
  get address(): Exposition["address"] | null {
    return this.#exposition?.address ?? null;
  }

  /** Throws a `TrunklineError` when it cannot listen. */
  start(): void {
    if (this.#settings.enabled) this.#listen();
    this.#parts.loopLag.start();
  }

  async stop(): Promise<void> {
    this.#parts.loopLag.stop();
    await this.#exposition?.stop();
    this.#exposition = null;
  }

  #listen(): void {
    const { listen, path } = this.#settings;
    const { metrics, health, logger } = this.#parts;
    if (!isLoopbackHost(listen.host)) {
      const setting = "metrics.listen";
      logger.warning("Metrics are served beyond loopback, where they have no login", { setting });
    }
    const onError = (error: unknown) => logger.error("Cannot render the metrics", { error });
    this.#exposition = startExposition({ listen, path, metrics, health, onError });
    health.set("metrics", true);
  }
}
