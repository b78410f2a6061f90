/**
 * The lanes of an outbox: which there are, what share of the wire each gets, and what each may hold.
 */

/** The lanes, in the order in which they are looked at. */
export const LANES = ["control", "request", "publish", "data"] as const;
/** A lane of an outbox. */
export type Lane = typeof LANES[number];

/** The lanes that hold queued messages without a policy; the data lane is filled by streams. */
export type QueueLane = "control" | "request";

/** The lanes that share what control leaves, with the bytes that each may send in a round. */
export const QUANTUM_BYTES: Readonly<Record<Exclude<Lane, "control">, number>> = {
  request: 32 * 1024,
  publish: 16 * 1024,
  data: 4 * 1024,
};

/** What one lane of messages may hold. An empty lane takes one message of any size. */
export interface LaneBounds {
  readonly maxBytes: number;
  /** What a queued message takes beside its bytes: tiny messages must not take more memory than they are counted. */
  readonly messageOverheadBytes: number;
}

/** What every outbox of a hub lets its lanes hold. Streams bound what they hold themselves. */
export type LaneSettings = Readonly<Record<Exclude<Lane, "data">, LaneBounds>>;
