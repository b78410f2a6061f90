/**
 * The error line of the CloudBridge handshake: a closed list of codes, which its clients know.
 */
import { encodeJsonLine } from "./json_line.ts";

/** Every code of an error line. */
export const HANDSHAKE_ERROR_CODES = [
  "invalid_token",
  "rate_limit_exceeded",
  "connection_limit_reached",
  "server_unavailable",
  "invalid_tunnel_info",
  "unknown_message_type",
  "tenant_required",
  "invalid_tenant",
  "tenant_limit_reached",
  "overloaded",
] as const;
/** A code of {@link HANDSHAKE_ERROR_CODES}. Clients retry by themselves on `server_unavailable` and rate limits. */
export type HandshakeErrorCode = typeof HANDSHAKE_ERROR_CODES[number];

/** An error on its way to a client. */
export interface HandshakeError {
  readonly code: HandshakeErrorCode;
  /** A sentence for people. */
  readonly message: string;
  /** When to come back, in milliseconds; left out when nothing is said about it. */
  readonly retryAfterMs?: number | undefined;
}

/** Encodes `{ type: "error", code, message, retry_after_ms? }` as a line. */
export function encodeHandshakeError({ code, message, retryAfterMs }: HandshakeError): Uint8Array {
  return encodeJsonLine({ type: "error", code, message, retry_after_ms: retryAfterMs });
}
