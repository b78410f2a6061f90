/** Opens the address of metrics and health, as the configuration says. */
import { isLoopbackHost } from "../config/listener_checks.ts";
import type { Config } from "../config/schema.ts";
import type { Logger } from "../core/ports.ts";
import { type Exposition, startExposition } from "../metrics/exposition.ts";
import type { Health } from "../metrics/health.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** What is shown there. */
export interface Exposed {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly logger: Logger;
}

/** Opens it; `null` while it is switched off. Throws a `TrunklineError`. */
export function openExposition(
  { enabled, listen, path }: Config["metrics"],
  { metrics, health, logger }: Exposed,
): Exposition | null {
  if (!enabled) return null;
  if (!isLoopbackHost(listen.host)) {
    logger.warning("Metrics are served beyond loopback, where they have no login", {
      setting: "metrics.listen",
    });
  }
  const onError = (error: unknown) => logger.error("Cannot render the metrics", { error });
  const exposition = startExposition({ listen, path, metrics, health, onError });
  health.set("metrics", true);
  return exposition;
}
