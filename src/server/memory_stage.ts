/**
 * What has to be done about memory, in one order: read less, close the slowest consumers, refuse new connections.
 * Going up happens at once, going down one step at a time, below a lower threshold and not before a step has lasted.
 * It only computes.
 */
import { type MEMORY_BOUNDS, MEMORY_STAGES } from "../metrics/tuning_metric_table.ts";

/** What is done: nothing, or one thing more than at the stage before. */
export type MemoryStage = typeof MEMORY_STAGES[number];

/** Which of two bounds is nearer: of the resident memory of the process, or of the JavaScript heap. */
export type MemoryBound = typeof MEMORY_BOUNDS[number];

/** Share of what there is to the nearer bound at which a stage begins, and below which it ends. */
export const BEGINS: Readonly<Record<MemoryStage, number>> = {
  ample: 0,
  read_less: 0.6,
  shed: 0.7,
  refuse: 0.8,
};
export const ENDS: Readonly<Record<MemoryStage, number>> = {
  ample: 0,
  read_less: 0.5,
  shed: 0.6,
  refuse: 0.7,
};
/** A stage lasts so long at least, unless a higher one follows. */
export const MIN_STAGE_MS = 2000;
/** From here on what the allocator keeps counts whole: there is nothing left to be wrong about. */
const NEARLY_ALL = 0.85;

/** What a process takes, in bytes. */
export interface MemoryUse {
  readonly residentBytes: number;
  /** What was resident when the program began: code, and what never changes. It counts neither way. */
  readonly baseBytes: number;
  /** What the program holds, garbage that was not collected included. The rest is kept by the allocator for later. */
  readonly heldBytes: number;
  /** The JavaScript heap that is in use. */
  readonly heapBytes: number;
}

/** What it may take, in bytes; `null`: not known. */
export interface MemoryLimits {
  readonly residentBytes: number | null;
  readonly heapBytes: number;
}

/** How near the bounds are. */
export interface MemoryPressure {
  /** Share of what there was to the nearer bound at the start; over 1 it is passed. */
  readonly share: number;
  readonly bound: MemoryBound;
}

/**
 * How near a process is to its bounds. Memory that the allocator keeps counts half: it serves what comes next, but not
 * all of it, and it may never be given back to the system.
 */
export function pressureOf(use: MemoryUse, limits: MemoryLimits): MemoryPressure {
  const heap = use.heapBytes / limits.heapBytes;
  if (limits.residentBytes === null) return { share: heap, bound: "heap" };
  const roomBytes = limits.residentBytes - use.baseBytes;
  const usedBytes = Math.max(0, use.residentBytes - use.baseBytes);
  const keptBytes = Math.max(0, use.residentBytes - use.heldBytes);
  const whole = roomBytes > 0 ? usedBytes / roomBytes : Infinity;
  const resident = whole >= NEARLY_ALL ? whole : (usedBytes - keptBytes / 2) / roomBytes;
  return resident >= heap ? { share: resident, bound: "resident" } : { share: heap, bound: "heap" };
}

/** The stage of one process. */
export class MemoryStages {
  #level = 0;
  #sinceMs = -Infinity;

  /** The stage now. */
  get stage(): MemoryStage {
    return MEMORY_STAGES[this.#level] ?? "ample";
  }

  /** Whether the stage is this one or a later one. */
  isAtLeast(stage: MemoryStage): boolean {
    return this.#level >= MEMORY_STAGES.indexOf(stage);
  }

  /** Whether a measurement would begin a later stage. */
  wouldRise(share: number): boolean {
    return wantedLevel(share) > this.#level;
  }

  /** Takes a measurement; whether the stage is another one now. */
  observe(share: number, nowMs: number): boolean {
    const wanted = wantedLevel(share);
    if (wanted > this.#level) return this.#enter(wanted, nowMs);
    const mayFall = share < ENDS[this.stage] && nowMs - this.#sinceMs >= MIN_STAGE_MS;
    return mayFall && this.#enter(this.#level - 1, nowMs);
  }

  #enter(level: number, nowMs: number): boolean {
    this.#level = level;
    this.#sinceMs = nowMs;
    return true;
  }
}

function wantedLevel(share: number): number {
  return MEMORY_STAGES.findLastIndex((stage) => share >= BEGINS[stage]);
}
