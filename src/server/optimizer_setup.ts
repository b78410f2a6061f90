/** Builds the optimizer of a hub, and what it tunes, from a configuration. */
import type { Config } from "../config/schema.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { Admission } from "../hub/admission.ts";
import type { OutboxLedger } from "../link/outbox_ledger.ts";
import type { Turns } from "../link/turns.ts";
import type { Health } from "../metrics/health.ts";
import { findCollector } from "./garbage.ts";
import { Knobs } from "./knobs.ts";
import { MemoryMeter, readMemoryLimits } from "./memory_limit.ts";
import type { MemoryUse } from "./memory_stage.ts";
import { outboxSettings } from "./outbox_setup.ts";
import { PerformanceOptimizer } from "./performance_optimizer.ts";
import { AT_START, tuningFor } from "./tuning.ts";

/** What it gets from the rest of the hub. */
export interface OptimizedParts {
  readonly ledger: OutboxLedger;
  readonly turns: Turns;
  readonly admission: Admission;
  readonly health: Health;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Measures the memory of the process. @default the runtime is asked */
  readonly readMemory?: (() => MemoryUse) | undefined;
}

/** Makes what is tuned. */
export function createKnobs(
  config: Config,
  { ledger, turns }: Pick<OptimizedParts, "ledger" | "turns">,
): Knobs {
  const tuning = tuningFor(config, AT_START);
  return new Knobs(tuning, { outbox: outboxSettings(config, { ledger, tuning }), turns });
}

/** Makes what tunes it. */
export function createOptimizer(
  config: Config,
  { knobs, ledger, admission, health, clock, logger, readMemory }: OptimizedParts & {
    readonly knobs: Knobs;
  },
): PerformanceOptimizer {
  const meter = new MemoryMeter();
  return new PerformanceOptimizer(config, {
    clock,
    logger,
    knobs,
    ledger,
    admission,
    readLimits: (setBytes) => readMemoryLimits(setBytes, logger),
    readMemory: readMemory ?? (() => meter.read()),
    collect: findCollector(logger),
    onMemory: (isEnough) => health.set("memory", isEnough),
  });
}
