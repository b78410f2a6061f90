/**
 * What a client is told when the broker does not do what it asked for: a closed list of codes, and the payload
 * that carries one.
 */
import { encodeErrorPayload } from "../wire/error_payload.ts";

/** Every code of an error payload. */
export const BROKER_ERROR_CODES = [
  "MALFORMED_MESSAGE",
  "INVALID_REQUEST",
  "INVALID_REQUEST_ID",
  "VERSION_NOT_SUPPORTED",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "TOPIC_NOT_SUPPORTED",
  "NO_ROUTE_FOUND",
  "SERVICE_UNAVAILABLE",
  "TIMEOUT",
  "RATE_LIMITED",
  "LIMIT_REACHED",
  "PAYLOAD_TOO_LARGE",
  "INTERNAL_ERROR",
] as const;
/** A code of {@link BROKER_ERROR_CODES}. */
export type BrokerErrorCode = typeof BROKER_ERROR_CODES[number];

/** An error on its way to a client. */
export interface BrokerError {
  readonly code: BrokerErrorCode;
  /** A sentence for people. */
  readonly message: string;
  /** Data for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The payload that tells a client of an error. */
export function encodeError(error: BrokerError): string {
  return encodeErrorPayload(error);
}
