/** The narrow port between messages and the connection that carries them, whatever that is. */

/** Which messages share a bound: what others wait for, and what is published. */
export type SendLane = "request" | "publish";

/** How a message is sent. */
export interface SendOptions {
  readonly lane: SendLane;
  /** Whether its payload is known to be UTF-8. */
  readonly isText: boolean;
}

/** A connection that carries messages. */
export interface MessageSender {
  /** The longest payload that the hub takes, in bytes; `null` while it did not say. */
  readonly maxPayloadBytes: number | null;
  /**
   * Queues a message; `false` when there is no room for it now, or the connection is over. The bytes must not change
   * any more. Whoever was told no is told when it is worth to try again.
   */
  send(message: Uint8Array, options: SendOptions): boolean;
  /** Too much waits for the hub to take it: ends the connection. */
  overflow(): void;
}
