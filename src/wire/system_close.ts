/**
 * The last message to a peer whose transport has no close frame of its own.
 */
import { encodeTextMessage } from "./text_message.ts";

/** What a peer is told before its connection ends. */
export interface SystemClose {
  readonly code: number;
  readonly reason: string;
  /** When to come back, in milliseconds; left out when nothing is said about it. */
  readonly retryAfterMs?: number | undefined;
}

/** Encodes `system.close` as a text message. */
export function encodeSystemClose(close: SystemClose, messageId: string): Uint8Array {
  const { code, reason, retryAfterMs } = close;
  const header = { action: "publish", topic: "system.close", requestId: messageId } as const;
  return encodeTextMessage(header, JSON.stringify({ code, reason, retryAfterMs }));
}
