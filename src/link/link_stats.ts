/**
 * What passed over the connections of one kind of transport, as plain numbers: hot paths count with one
 * addition, and the metrics read the sums when they are collected.
 */

/**
 * Why a message never reached a socket: its receiver was closed as a slow consumer, a policy dropped it (two
 * reasons), or the receiver's connection ended.
 */
export const DROP_REASONS = ["slow_consumer", "drop_oldest", "latest", "closed"] as const;
/** A reason of {@link DROP_REASONS}. */
export type DropReason = typeof DROP_REASONS[number];

/** Counters of all connections of one kind. */
export class LinkStats {
  /** Connections that are there now. */
  connections = 0;
  /** Connections that were ever opened. */
  accepted = 0;
  messagesReceived = 0;
  messagesSent = 0;
  /** Bytes read from sockets, framing included, encryption not. */
  bytesReceived = 0;
  /** Bytes handed to sockets or queued for them, framing included, encryption not. */
  bytesSent = 0;
  /** Messages that never reached a socket, by the reason. */
  readonly dropped: Record<DropReason, number> = { slow_consumer: 0, drop_oldest: 0, latest: 0, closed: 0 };
  /** Connections that ended, by close code. */
  readonly closed = new Map<number, number>();
}
