/**
 * The border between those who exchange text messages with a hub and the transports that carry them.
 */
import type { TextHeader } from "../wire/text_message.ts";

/** How a connection ended. */
export interface LinkEnd {
  /** The close code that the hub gave; `null` when it gave none. */
  readonly code: number | null;
  /** What the hub, or the system, said about it; may be empty. */
  readonly reason: string;
}

/** One open connection to a hub. */
export interface MessageLink {
  /** Resolves once the connection is over, whoever ended it. */
  readonly closed: Promise<LinkEnd>;
  /** Hands on every message from now on, those that came before first. Called once. */
  start(onMessage: (bytes: Uint8Array) => void): void;
  /** Queues one message; nothing happens once the connection is over. */
  send(header: TextHeader, payload: Uint8Array): void;
  /** Ends the connection once everything queued is written; cuts it when the hub does not follow. */
  close(): Promise<void>;
}

/** How long a hub may take to follow a close. */
export const CLOSE_TIMEOUT_MS = 1000;
