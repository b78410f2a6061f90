/**
 * The lanes of an outbox: which there are, what share of the wire each gets, and what happens to a lane of
 * publishes that is full.
 */
import type { Encoded } from "../core/transport.ts";

/** The lanes, in the order in which they are looked at. */
export const LANES = ["control", "request", "publish", "data"] as const;
/** A lane of an outbox. */
export type Lane = typeof LANES[number];

/** The lanes that share what control leaves, with the bytes that each may send in a round. */
export const QUANTUM_BYTES: Readonly<Record<Exclude<Lane, "control">, number>> = {
  request: 32 * 1024,
  publish: 16 * 1024,
  data: 4 * 1024,
};

/** What one lane may hold. An empty lane takes one message of any size. */
export interface LaneBounds {
  readonly maxBytes: number;
  /** What a queued message takes beside its bytes: tiny messages must not take more memory than they are counted. */
  readonly messageOverheadBytes: number;
}

/**
 * What happens when the publish lane of a slow consumer is full: `close` ends its connection; `drop_oldest` drops
 * the oldest messages of the same channel, else the new one; `latest` lets all queued messages of the channel
 * give way to the new one, else drops it.
 */
export type SlowConsumerPolicy = "close" | "drop_oldest" | "latest";

/** A topic or room that messages are published to. Compared by identity: one object for each. */
export interface Channel {
  readonly name: string;
  readonly slowConsumer: SlowConsumerPolicy;
  /** How a receiver is told that it lost `dropped` messages; `null` where its protocol has no word for it. */
  readonly gapNotice: ((dropped: number) => Encoded) | null;
}
