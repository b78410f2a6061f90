/** The border between a load test and its kinds of load, and what every kind has to tell. */
import type { TrunklineError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import type { ErrorTally } from "./bench_error_tally.ts";
import type { LatencyHistogram } from "./bench_histogram.ts";
import type { HubTarget } from "./hub_target.ts";

/** What a load gets. */
export interface LoadContext {
  readonly target: HubTarget;
  readonly clock: Clock;
  /** Of every payload. */
  readonly sizeBytes: number;
  /** Tells a person something beside the result. */
  readonly warn: (line: string) => void;
  /** What makes everything else useless. */
  readonly onFatal: (error: TrunklineError) => void;
  /** Called whenever it may be over. */
  readonly onSettled: () => void;
}

/** A load on a hub. */
export interface Load {
  /** Connects everybody. Throws what keeps it from that. */
  open(): Promise<void>;
  /** Begins to send. */
  start(): void;
  /** Sends nothing any more; what is on its way may still come. */
  stop(): void;
  /** Whether it is not done with sending. */
  readonly isSending: boolean;
  /** How much of it is done. */
  readonly state: LoadState;
  /** What came of it. */
  figures(): LoadFigures;
  close(): Promise<void>;
}

/** How far a load is. */
export interface LoadState {
  readonly sent: number;
  readonly received: number;
  /** How many messages or answers are on their way. */
  readonly outstanding: number;
}

/** What came of a load. */
export interface LoadFigures {
  readonly kind: "publish" | "request";
  /** Who took part, for people. */
  readonly parties: string;
  readonly sizeBytes: number;
  readonly inFlight: number;
  readonly ratePerSecond: number;
  /** From the beginning to the last that was sent or came. */
  readonly elapsedMs: number;
  readonly sent: number;
  /** How many messages or answers should have come. `received`, `dropped`, `failed` and `missing` are all of them. */
  readonly expected: number;
  readonly received: number;
  readonly receivedBytes: number;
  /** Lost, and the hub said so. */
  readonly dropped: number;
  /** Answered with an error. */
  readonly failed: number;
  readonly missing: number;
  readonly outOfOrder: number;
  readonly twice: number;
  /** Subscribers that the hub closed with 4413. */
  readonly closedAsTooSlow: number;
  readonly latency: LatencyHistogram;
  readonly errors: ErrorTally;
}

/** Whether anything went wrong. */
export function hasFailed(figures: LoadFigures): boolean {
  return figures.received !== figures.expected || figures.outOfOrder > 0 || figures.twice > 0 ||
    figures.closedAsTooSlow > 0 || figures.errors.count > 0;
}
