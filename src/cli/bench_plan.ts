/** What a load test does, and whether that can be done: every mistake is told before anything is dialled. */
import { TrunklineError } from "../core/errors.ts";
import { isTopic } from "../core/topic.ts";
import { formatDuration } from "../config/units.ts";
import { STAMP_BYTES } from "./bench_stamp.ts";
import { TOPIC_RULE } from "./topic_rules.ts";

/** What can be tested: fan-out, requests, or both at once. */
export const BENCH_MODES = ["pub", "request", "mixed"] as const;
/** One of {@link BENCH_MODES}. */
export type BenchMode = typeof BENCH_MODES[number];

/** What a person may say about it; what is left out has a default. */
export interface BenchArguments {
  readonly mode?: BenchMode | undefined;
  readonly publishers?: number | undefined;
  readonly subscribers?: number | undefined;
  readonly clients?: number | undefined;
  readonly services?: number | undefined;
  readonly sizeBytes: number;
  readonly messages?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly ratePerSecond: number;
  readonly inFlight?: number | undefined;
  readonly topic?: string | undefined;
  readonly timeoutMs: number;
}

/** What both kinds of load have in common. */
export interface LoadPlan {
  readonly topic: string;
  readonly sizeBytes: number;
  /** How many messages are sent in all; `null` for as many as the time allows. */
  readonly messages: number | null;
  /** In all, 0 for as fast as possible. */
  readonly ratePerSecond: number;
  /** Messages of each who sends that may be on their way; 0 for as many as the sockets take. */
  readonly inFlight: number;
  /** How long an answer may take, or the next of the messages that are on their way, in milliseconds. */
  readonly timeoutMs: number;
}

/** A fan-out. */
export interface PublishPlan extends LoadPlan {
  readonly publishers: number;
  readonly subscribers: number;
}

/** Requests. */
export interface RequestPlan extends LoadPlan {
  readonly clients: number;
  /** Who answers; 0 when somebody else does. */
  readonly services: number;
}

/** A whole test. */
export interface BenchPlan {
  readonly mode: BenchMode;
  readonly publish: PublishPlan | null;
  readonly request: RequestPlan | null;
  /** After which nothing more is sent, in milliseconds; `null` when messages are counted. */
  readonly durationMs: number | null;
  readonly timeoutMs: number;
}

/** The most that may be asked for. */
export const BENCH_LIMITS = {
  publishers: 256,
  subscribers: 4096,
  clients: 1000,
  services: 1000,
  sizeBytes: 15 * 2 ** 20,
  messages: 1_000_000_000,
  durationMs: 24 * 3_600_000,
  ratePerSecond: 10_000_000,
  inFlight: 10_000,
  timeoutMs: 600_000,
} as const;

const DEFAULT_DURATION_MS = 5000;
const DEFAULTS = { publishers: 1, subscribers: 10, clients: 10, services: 1 } as const;
const DEFAULT_IN_FLIGHT = { publish: 64, request: 8 } as const;
/** Which options belong to which half. */
const OPTIONS = { publish: ["publishers", "subscribers"], request: ["clients", "services"] } as const;

/** Makes a plan. Throws `usage`. */
export function planBench(options: BenchArguments): BenchPlan {
  const { mode = "pub", timeoutMs } = options;
  checkMode(mode, options);
  checkNumbers(options);
  const { topic = `bench.r${crypto.randomUUID().slice(0, 8)}` } = options;
  if (!isTopic(topic)) throw usage(`Cannot use the topic ${JSON.stringify(topic)}: a topic is ${TOPIC_RULE}`);
  const { publishers, subscribers, clients, services } = { ...DEFAULTS, ...definedOf(options) };
  const common = {
    topic,
    sizeBytes: options.sizeBytes,
    messages: options.messages ?? null,
    ratePerSecond: options.ratePerSecond,
    timeoutMs,
  };
  const inFlightOf = (half: keyof typeof DEFAULT_IN_FLIGHT) => options.inFlight ?? DEFAULT_IN_FLIGHT[half];
  return {
    mode,
    timeoutMs,
    durationMs: options.durationMs ?? (options.messages === undefined ? DEFAULT_DURATION_MS : null),
    publish: mode === "request"
      ? null
      : { ...common, inFlight: inFlightOf("publish"), publishers, subscribers },
    request: mode === "pub" ? null : { ...common, inFlight: inFlightOf("request"), clients, services },
  };
}

function definedOf(
  { publishers, subscribers, clients, services }: BenchArguments,
): Partial<Record<keyof typeof DEFAULTS, number>> {
  return {
    ...(publishers === undefined ? {} : { publishers }),
    ...(subscribers === undefined ? {} : { subscribers }),
    ...(clients === undefined ? {} : { clients }),
    ...(services === undefined ? {} : { services }),
  };
}

/** Options that would silently do nothing are a mistake. */
function checkMode(mode: BenchMode, options: BenchArguments): void {
  const unused = mode === "pub" ? OPTIONS.request : mode === "request" ? OPTIONS.publish : [];
  for (const name of unused) {
    if (options[name] !== undefined) {
      throw usage(`Cannot use --${name} with ${mode}: ${otherMode(mode)} and mixed have them; leave it out`);
    }
  }
  if (options.services === 0 && (options.topic === undefined || mode === "mixed")) {
    throw usage(
      "Cannot ask without a service: give --topic with --services 0, and the mode request, to ask one that is there",
    );
  }
  if (options.inFlight === 0 && mode !== "pub") {
    throw usage(`Cannot use --in-flight 0 with ${mode}: requests wait for their answers; give at least 1`);
  }
}

function otherMode(mode: BenchMode): BenchMode {
  return mode === "pub" ? "request" : "pub";
}

/** What the command line cannot tell by itself. */
function checkNumbers({ mode, sizeBytes, durationMs, timeoutMs }: BenchArguments): void {
  if (mode !== "request" && sizeBytes < STAMP_BYTES) {
    throw usage(
      `Cannot publish ${sizeBytes} bytes: at least ${STAMP_BYTES} are needed to recognise a message; raise --size`,
    );
  }
  for (
    const [option, given, most] of [
      ["--duration", durationMs ?? 0, BENCH_LIMITS.durationMs],
      ["--timeout", timeoutMs, BENCH_LIMITS.timeoutMs],
    ] as const
  ) {
    if (given > most) throw usage(`Cannot use ${option}: ${formatDuration(most)} is the most`);
  }
}

function usage(message: string): TrunklineError {
  return new TrunklineError("usage", message);
}
