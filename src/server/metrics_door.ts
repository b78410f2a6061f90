/** Where metrics are read from outside: the listener for scrapers, while it is switched on. */
import { isLoopbackHost } from "../config/listener_checks.ts";
import type { Config } from "../config/schema.ts";
import type { Logger } from "../core/ports.ts";
import { type Exposition, startExposition } from "../metrics/exposition.ts";
import type { Health } from "../metrics/health.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ListeningAddress } from "./listening_address.ts";

/** What the listener serves. */
export interface MetricsDoorOptions {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly logger: Logger;
}

/** The listener for scrapers. */
export class MetricsDoor {
  readonly #config: Config["metrics"];
  readonly #options: MetricsDoorOptions;
  #exposition: Exposition | null = null;

  constructor(config: Config["metrics"], options: MetricsDoorOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** Where it listens, if it does. */
  addresses(): readonly ListeningAddress[] {
    if (this.#exposition === null) return [];
    return [{ name: "metrics", ...this.#exposition.address, encrypted: false }];
  }

  start(): void {
    const { enabled, listen, path } = this.#config;
    if (!enabled) return;
    const { metrics, health, logger } = this.#options;
    if (!isLoopbackHost(listen.host)) {
      logger.warning("Metrics are served beyond loopback, where they have no login", {
        setting: "metrics.listen",
      });
    }
    const onError = (error: unknown) => logger.error("Cannot render the metrics", { error });
    this.#exposition = startExposition({ listen, path, metrics, health, onError });
    health.set("metrics", true);
  }

  async stop(): Promise<void> {
    await this.#exposition?.stop();
    this.#exposition = null;
  }
}
