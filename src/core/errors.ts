/**
 * The one base of all errors that Trunkline throws. An error is recognised by its `code`, never by its text;
 * what a person needs to act on stands in the message, what a program needs stands in `details`.
 */

/** Every code that a {@link TrunklineError} may carry. */
export type ErrorCode =
  | "config_invalid"
  | "certificate_invalid"
  | "address_in_use"
  | "listen_failed"
  | "permission_missing"
  | "start_failed"
  | "usage"
  /** The hub cannot be reached, or nothing there speaks as a hub does. */
  | "unreachable"
  /** Something answers where the hub should, but frames do not get through to it. */
  | "not_frames"
  /** The connection to the hub ended although nobody here closed it. */
  | "connection_lost"
  /** The hub does not let this client in, or do this. */
  | "refused"
  /** The hub did not do what it was asked for. */
  | "request_failed"
  /** What was waited for did not come in time. */
  | "timed_out";

/** An error with a stable code and the data that belongs to it. */
export class TrunklineError extends Error {
  override readonly name = "TrunklineError";
  /** What kind of error this is. */
  readonly code: ErrorCode;
  /** Data about the error, for programs. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
