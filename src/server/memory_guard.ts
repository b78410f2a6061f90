/**
 * Keeps a process below its bounds of memory: collects garbage first, then says that less is to be read, then has the
 * slowest consumers closed, and at last lets nobody new in. It also sets what all outboxes together may hold, so that
 * `hub.outbox.total` never means more than the process has.
 */
import type { Config } from "../config/schema.ts";
import { formatSize } from "../config/units.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { Admission } from "../hub/admission.ts";
import type { OutboxLedger } from "../link/outbox_ledger.ts";
import type { MetricSample } from "../metrics/metric_table.ts";
import { MEMORY_BOUNDS, MEMORY_STAGES } from "../metrics/tuning_metric_table.ts";
import type { Collect } from "./garbage.ts";
import {
  type MemoryLimits,
  type MemoryPressure,
  type MemoryStage,
  MemoryStages,
  type MemoryUse,
  pressureOf,
} from "./memory_stage.ts";

/** What it works with. */
export interface MemoryPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ledger: OutboxLedger;
  readonly admission: Pick<Admission, "isOverloaded">;
  /** The bounds of memory; `setBytes`: what the configuration says. */
  readonly readLimits: (setBytes: number | null) => MemoryLimits;
  readonly readMemory: () => MemoryUse;
  readonly collect: Collect;
  /** Told whether there is memory for new connections. */
  readonly onMemory: (isEnough: boolean) => void;
}

/** What outboxes may hold together of either bound. */
const OUTBOX_SHARE = 0.25;
/** The least that they may hold. */
const LEAST_OUTBOX_BYTES = 1024 * 1024;
/** With less between what the process has at its start and its bound it serves nobody well. */
const LEAST_ROOM_BYTES = 64 * 1024 * 1024;
/** Time between two collections: the first that something is done about, and once that was not enough. */
const COLLECT_MS = 5000;
const COLLECT_URGENT_MS = 2000;
/** Time between two rounds of closing consumers; each is to halve what they hold. */
const SHED_MS = 500;

/** The memory of one process. */
export class MemoryGuard {
  readonly #options: MemoryPorts;
  readonly #stages = new MemoryStages();
  /** How often a stage was entered, by `stage` and `bound`. */
  readonly #changes = new Map<string, number>();
  #config: Pick<Config, "hub" | "performance">;
  #limits: MemoryLimits;
  #pressure: MemoryPressure = { share: 0, bound: "heap" };
  #collections = 0;
  #collectedMs = -Infinity;
  #shedMs = -Infinity;

  constructor(config: Config, options: MemoryPorts) {
    this.#options = options;
    this.#config = config;
    this.#limits = options.readLimits(config.performance.memory);
    options.ledger.change(this.#outboxBytes(), false);
    this.#warnOfTightBound();
  }

  /** Whether less is to be read. */
  get isShort(): boolean {
    return this.#stages.isAtLeast("read_less");
  }

  /** Works by another configuration from now on. */
  change(config: Config): void {
    this.#config = config;
    this.#limits = this.#options.readLimits(config.performance.memory);
    if (!this.#stages.isAtLeast("shed")) this.#options.ledger.change(this.#outboxBytes(), false);
  }

  /** Looks at the memory and does what is to be done; whether the stage is another one now. */
  observe(): boolean {
    const nowMs = this.#options.clock.now();
    this.#measure();
    if (this.#mayCollect(nowMs)) this.#collect(nowMs);
    const before = this.#stages.stage;
    const isNew = this.#stages.observe(this.#pressure.share, nowMs);
    if (isNew) this.#entered(this.#stages.stage, before);
    if (this.#stages.isAtLeast("shed")) this.#shed(nowMs);
    return isNew;
  }

  /** The bounds, how near they are and what was done about it. */
  *samples(): Iterable<MetricSample> {
    const { residentBytes, heapBytes } = this.#limits;
    if (residentBytes !== null) yield { name: "trunkline_memory_limit_bytes", value: residentBytes };
    yield { name: "process_heap_limit_bytes", value: heapBytes };
    yield { name: "trunkline_memory_pressure_ratio", value: this.#pressure.share };
    yield { name: "trunkline_outbox_limit_bytes", value: this.#options.ledger.maxBytes };
    yield { name: "trunkline_garbage_collections_total", value: this.#collections };
    for (const stage of MEMORY_STAGES) {
      const value = this.#stages.stage === stage ? 1 : 0;
      yield { name: "trunkline_memory_stage", labels: { stage }, value };
      for (const bound of MEMORY_BOUNDS) {
        const changes = this.#changes.get(`${stage} ${bound}`) ?? 0;
        yield { name: "trunkline_memory_stage_changes_total", labels: { stage, bound }, value: changes };
      }
    }
  }

  #measure(): void {
    this.#pressure = pressureOf(this.#options.readMemory(), this.#limits);
  }

  /** Before anything else is done, and again while it is not over. */
  #mayCollect(nowMs: number): boolean {
    if (!this.isShort && !this.#stages.wouldRise(this.#pressure.share)) return false;
    const pauseMs = this.#stages.isAtLeast("shed") ? COLLECT_URGENT_MS : COLLECT_MS;
    return nowMs - this.#collectedMs >= pauseMs;
  }

  #collect(nowMs: number): void {
    this.#options.collect();
    this.#collections++;
    this.#collectedMs = nowMs;
    this.#measure();
  }

  #entered(stage: MemoryStage, before: MemoryStage): void {
    const { ledger, admission, onMemory, logger } = this.#options;
    const { share, bound } = this.#pressure;
    const key = `${stage} ${bound}`;
    this.#changes.set(key, (this.#changes.get(key) ?? 0) + 1);
    if (!this.#stages.isAtLeast("shed")) ledger.change(this.#outboxBytes(), false);
    const isEnough = !this.#stages.isAtLeast("refuse");
    if (admission.isOverloaded === isEnough) {
      admission.isOverloaded = !isEnough;
      onMemory(isEnough);
    }
    const isWorse = MEMORY_STAGES.indexOf(stage) > MEMORY_STAGES.indexOf(before);
    const fields = { stage, before, bound, percent: Math.round(100 * share) };
    if (isWorse) logger.warning("Memory is getting short", fields);
    else logger.info("Memory is less short", fields);
  }

  /** Has the slowest closed: those who took nothing lately, the largest first, until half is left. */
  #shed(nowMs: number): void {
    if (nowMs - this.#shedMs < SHED_MS) return;
    this.#shedMs = nowMs;
    const { ledger } = this.#options;
    const half = Math.floor(ledger.heldBytes / 2);
    ledger.change(Math.max(LEAST_OUTBOX_BYTES, Math.min(this.#outboxBytes(), half)), true);
  }

  /** What all outboxes together may hold while nothing is short. */
  #outboxBytes(): number {
    const { residentBytes, heapBytes } = this.#limits;
    const bound = Math.min(residentBytes ?? Infinity, heapBytes);
    return Math.min(this.#config.hub.outbox.total, Math.floor(OUTBOX_SHARE * bound));
  }

  /** Who begins near the bound has no room to serve anybody. */
  #warnOfTightBound(): void {
    const limitBytes = this.#limits.residentBytes ?? Infinity;
    const { baseBytes } = this.#options.readMemory();
    if (baseBytes + LEAST_ROOM_BYTES <= limitBytes) return;
    const { logger } = this.#options;
    const fields = {
      setting: "performance.memory",
      limit: formatSize(limitBytes),
      taken: formatSize(baseBytes),
      next: "raise performance.memory",
    };
    if (baseBytes < limitBytes) {
      logger.warning("The process takes most of the memory that it may take before it begins", fields);
    } else {
      const message = "Nobody will be let in: the process takes more memory than it may before it begins";
      logger.error(message, fields);
    }
  }
}
