/**
 * The part of the table of metrics that is about what the hub changes of itself, and why.
 */
import { defineMetrics } from "./metric_definition.ts";

/** Why the tuning was changed. */
export const TUNING_REASONS = [
  "lag",
  "calm",
  "outboxes_full",
  "outboxes_empty",
  "memory_short",
  "memory_ample",
  "reload",
] as const;
/** A reason of {@link TUNING_REASONS}. */
export type TuningReason = typeof TUNING_REASONS[number];

/** What is done about memory, in the order in which it comes. */
export const MEMORY_STAGES = ["ample", "read_less", "shed", "refuse"] as const;
/** What memory is measured by: resident memory of the process, or the JavaScript heap. */
export const MEMORY_BOUNDS = ["resident", "heap"] as const;

/** Metrics by name. */
export const tuningMetrics = defineMetrics({
  trunkline_tuning_join_window_seconds: {
    type: "gauge",
    help: "How long a publish waits for others before it is written; 0: until the end of the turn",
  },
  trunkline_tuning_join_bytes: {
    type: "gauge",
    help: "Size up to which small pieces are joined before a write",
  },
  trunkline_tuning_read_budget_bytes: {
    type: "gauge",
    help: "Most bytes that are read from a connection in a turn",
  },
  trunkline_tuning_read_budget_messages: {
    type: "gauge",
    help: "Most messages that are read from a connection in a turn",
  },
  trunkline_tuning_changes_total: {
    type: "counter",
    help: "Changes of the tuning by what they were made for",
    labels: { reason: TUNING_REASONS },
  },
  trunkline_memory_limit_bytes: {
    type: "gauge",
    help: "Resident memory that the process is to stay below; missing where it is not known",
  },
  process_heap_limit_bytes: {
    type: "gauge",
    help: "Size that the JavaScript heap may have",
  },
  trunkline_memory_pressure_ratio: {
    type: "gauge",
    help:
      "How much is in use of what there was to the nearer bound of memory at the start; what the allocator keeps for later counts half",
  },
  trunkline_memory_stage: {
    type: "gauge",
    help: "What is done about memory now (1): nothing, read less, close the slowest too, refuse new ones too",
    labels: { stage: MEMORY_STAGES },
  },
  trunkline_memory_stage_changes_total: {
    type: "counter",
    help: "How often a stage of memory was entered, from above or from below, by what was nearer its bound",
    labels: { stage: MEMORY_STAGES, bound: MEMORY_BOUNDS },
  },
  trunkline_outbox_limit_bytes: {
    type: "gauge",
    help: "What all outboxes together may hold now: `hub.outbox.total`, or less where memory is short",
  },
  trunkline_garbage_collections_total: {
    type: "counter",
    help: "Collections that the hub asked for because memory was short",
  },
});
