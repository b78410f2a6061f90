/**
 * How much the hub reads, joins and hands on at a time: what each `performance.mode` begins with, and within which
 * bounds that may change while the hub runs. What an operator has set stays as it was set. It only computes.
 */
import type { Config } from "../config/schema.ts";
import type { ReadLimits } from "../link/read_budget.ts";

/** Everything that is tuned. */
export interface Tuning {
  readonly readLimits: ReadLimits;
  /** How long a publish waits for others before it is written. */
  readonly joinWindowMs: number;
  /** Small pieces are joined up to this size. */
  readonly joinBytes: number;
  /** How many bytes are handed to a socket at a time. */
  readonly socketBytes: number;
  /** How long a turn of reading lasts at least; 0: as long as it takes. */
  readonly turnMs: number;
}

/** How much the event loop has to do: enough time, late, or late by so much that only what is done at once counts. */
export const LOADS = ["calm", "busy", "saturated"] as const;
/** A load of {@link LOADS}. */
export type Load = typeof LOADS[number];

const KIB = 1024;

/** What each mode begins with; `auto` also comes back to it. */
export const MODE_TUNINGS: Readonly<Record<Config["performance"]["mode"], Tuning>> = {
  auto: {
    readLimits: { messages: 64, bytes: 64 * KIB, deliveries: 4096 },
    joinWindowMs: 0,
    joinBytes: 64 * KIB,
    socketBytes: 128 * KIB,
    turnMs: 0,
  },
  latency: {
    readLimits: { messages: 32, bytes: 32 * KIB, deliveries: 2048 },
    joinWindowMs: 0,
    joinBytes: 64 * KIB,
    socketBytes: 64 * KIB,
    turnMs: 0,
  },
  throughput: {
    readLimits: { messages: 256, bytes: 256 * KIB, deliveries: 16_384 },
    joinWindowMs: 2,
    joinBytes: 256 * KIB,
    socketBytes: 256 * KIB,
    turnMs: 0,
  },
};

/** What a load makes of a mode that follows it. Budgets are divided: shorter turns are fairer ones. */
const LOAD_CHANGES: Readonly<Record<Load, { windowMs: number; joinBytes: number; divisor: number }>> = {
  calm: { windowMs: 0, joinBytes: 64 * KIB, divisor: 1 },
  busy: { windowMs: 1, joinBytes: 128 * KIB, divisor: 2 },
  saturated: { windowMs: 4, joinBytes: 256 * KIB, divisor: 4 },
};

/** What reading is divided by while memory is short, and how long a turn of it lasts then. */
const SHORT_OF_MEMORY = { divisor: 4, turnMs: 5 };
/** No budget becomes smaller than this by itself. */
const LEAST: ReadLimits = { messages: 16, bytes: 16 * KIB, deliveries: 1024 };

/** What the tuning depends on. */
export interface TuningSituation {
  readonly load: Load;
  /** Consumers hold so much that publishers are read more slowly. */
  readonly isBacklogged: boolean;
  readonly isShortOfMemory: boolean;
}

/** Where every hub begins. */
export const AT_START: TuningSituation = { load: "calm", isBacklogged: false, isShortOfMemory: false };

/** The part of a configuration that says what is tuned. */
export type TunedConfig = Pick<Config, "hub" | "performance">;

/** What holds in a situation. */
export function tuningFor({ hub, performance }: TunedConfig, situation: TuningSituation): Tuning {
  const base = MODE_TUNINGS[performance.mode];
  const isAuto = performance.mode === "auto";
  const change = LOAD_CHANGES[isAuto ? situation.load : "calm"];
  const divisor = Math.max(
    change.divisor,
    isAuto && situation.isBacklogged ? LOAD_CHANGES.busy.divisor : 1,
    situation.isShortOfMemory ? SHORT_OF_MEMORY.divisor : 1,
  );
  const { join, socket } = performance.buffers;
  return {
    readLimits: readLimits(hub.read_budget, base.readLimits, divisor),
    joinWindowMs: isAuto ? change.windowMs : base.joinWindowMs,
    joinBytes: join ?? (isAuto ? change.joinBytes : base.joinBytes),
    socketBytes: socket ?? base.socketBytes,
    turnMs: situation.isShortOfMemory ? SHORT_OF_MEMORY.turnMs : base.turnMs,
  };
}

function readLimits(set: Config["hub"]["read_budget"], base: ReadLimits, divisor: number): ReadLimits {
  const share = (key: keyof ReadLimits) =>
    set[key] ?? Math.min(base[key], Math.max(LEAST[key], Math.floor(base[key] / divisor)));
  return { messages: share("messages"), bytes: share("bytes"), deliveries: share("deliveries") };
}
