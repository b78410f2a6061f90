/**
 * Tunes a running hub: reads less and joins more while the event loop is late (`performance.mode: auto`), and, in every
 * mode, keeps the process below its bounds of memory by collecting garbage, reading less, closing the slowest consumers
 * and at last refusing new connections, in this order. Each change is logged and counted with its reason.
 */
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/schema.ts";
import type { MetricSample } from "../metrics/metric_table.ts";
import { TUNING_REASONS, type TuningReason } from "../metrics/tuning_metric_table.ts";
import { BacklogWatch } from "./backlog_watch.ts";
import type { Knobs } from "./knobs.ts";
import { LoadWatch } from "./load_watch.ts";
import { MemoryGuard, type MemoryPorts } from "./memory_guard.ts";
import { AT_START, type TunedConfig, tuningFor, type TuningSituation } from "./tuning.ts";

/** What it works with. */
export interface OptimizerOptions extends MemoryPorts {
  readonly knobs: Knobs;
}

/** The optimizer of one hub. It is asked for its decisions by {@link observe}, ten times a second. */
export class PerformanceOptimizer {
  readonly #options: OptimizerOptions;
  readonly #load: LoadWatch;
  readonly #backlog: BacklogWatch;
  readonly #memory: MemoryGuard;
  readonly #changes = new Map<TuningReason, number>();
  #config: TunedConfig;
  #situation: TuningSituation = AT_START;
  #isResting = true;

  constructor(config: Config, options: OptimizerOptions) {
    this.#config = config;
    this.#options = options;
    this.#load = new LoadWatch(options.clock);
    this.#backlog = new BacklogWatch(options.clock);
    this.#memory = new MemoryGuard(config, options);
  }

  /** Begins to change things. */
  start(): void {
    this.#isResting = false;
  }

  /** Changes nothing more, and has nothing wait for more any longer. */
  rest(): void {
    this.#isResting = true;
    const { knobs } = this.#options;
    knobs.apply({ ...knobs.tuning, joinWindowMs: 0, turnMs: 0 });
  }

  /** Works by another configuration from now on. */
  change(config: Config): void {
    this.#config = config;
    this.#memory.change(config);
    const { tuning } = this.#options.knobs;
    if (isDeepStrictEqual(tuningFor(config, this.#situation), tuning)) return;
    this.#take(this.#situation, "reload");
  }

  /** Takes how late the event loop is, looks at everything else, and does what is to be done. */
  observe(lagSeconds: number): void {
    if (this.#isResting) return;
    this.#followMemory();
    if (this.#config.performance.mode !== "auto") return;
    this.#followLoad(lagSeconds * 1000);
    this.#followBacklog();
  }

  /** What holds now, and why it was changed how often. */
  *samples(): Iterable<MetricSample> {
    const { joinWindowMs, joinBytes, readLimits } = this.#options.knobs.tuning;
    yield { name: "trunkline_tuning_join_window_seconds", value: joinWindowMs / 1000 };
    yield { name: "trunkline_tuning_join_bytes", value: joinBytes };
    yield { name: "trunkline_tuning_read_budget_bytes", value: readLimits.bytes };
    yield { name: "trunkline_tuning_read_budget_messages", value: readLimits.messages };
    for (const reason of TUNING_REASONS) {
      const value = this.#changes.get(reason) ?? 0;
      yield { name: "trunkline_tuning_changes_total", labels: { reason }, value };
    }
    yield* this.#memory.samples();
  }

  #followMemory(): void {
    if (!this.#memory.observe()) return;
    const { isShort } = this.#memory;
    if (isShort === this.#situation.isShortOfMemory) return;
    this.#take({ ...this.#situation, isShortOfMemory: isShort }, isShort ? "memory_short" : "memory_ample");
  }

  #followLoad(lagMs: number): void {
    const before = this.#load.load;
    if (!this.#load.observe(lagMs)) return;
    const { load } = this.#load;
    this.#take({ ...this.#situation, load }, load === "saturated" || before === "calm" ? "lag" : "calm");
  }

  #followBacklog(): void {
    const { ledger } = this.#options;
    if (!this.#backlog.observe(ledger.heldBytes / ledger.maxBytes)) return;
    const { isBacklogged } = this.#backlog;
    this.#take({ ...this.#situation, isBacklogged }, isBacklogged ? "outboxes_full" : "outboxes_empty");
  }

  #take(situation: TuningSituation, reason: TuningReason): void {
    this.#situation = situation;
    const { knobs, logger } = this.#options;
    const tuning = tuningFor(this.#config, situation);
    knobs.apply(tuning);
    this.#changes.set(reason, (this.#changes.get(reason) ?? 0) + 1);
    const { joinWindowMs, joinBytes, readLimits: { messages, bytes } } = tuning;
    logger.info("The tuning has changed", { reason, joinWindowMs, joinBytes, messages, bytes });
  }
}
