/** What a program is told when a message of its own did not get what it was sent for. */
import { formatDuration } from "../config/units.ts";
import { TrunklineError } from "../core/errors.ts";
import { readErrorPayload, retryAfterOf } from "../wire/error_payload.ts";

/** The error that the hub, or the service, answered with; `null` for any other answer. */
export function answerError(topic: string, answer: Uint8Array): TrunklineError | null {
  const error = readErrorPayload(answer);
  if (error === null) return null;
  const { code, message } = error;
  const retryAfterMs = retryAfterOf(error);
  const isRefused = code === "FORBIDDEN" || code === "UNAUTHORIZED";
  return new TrunklineError(
    isRefused ? "refused" : code === "TIMEOUT" ? "timed_out" : "request_failed",
    `Cannot get an answer of ${topic}: it was ${code} (${message})`,
    { details: { code, ...(retryAfterMs === null ? {} : { retryAfterMs }) } },
  );
}

/** Nothing came in time. */
export function lateError(topic: string, waitedMs: number): TrunklineError {
  const after = formatDuration(waitedMs);
  return new TrunklineError("timed_out", `Cannot wait any longer for ${topic}: nothing came within ${after}`);
}

/** The connection ended on which something went that was to be answered. */
export function lostError(): TrunklineError {
  const message = "Cannot tell what came of it: the connection to the hub ended before the answer";
  return new TrunklineError("connection_lost", message);
}

/** There is no connection, so nothing was sent. */
export function offlineError(topic: string): TrunklineError {
  return new TrunklineError("connection_lost", `Cannot ask ${topic}: there is no connection to the hub now`);
}

/** There will be no connection any more. */
export function stoppedError(): TrunklineError {
  return new TrunklineError("connection_lost", "Cannot go on: the connection to the hub was stopped");
}
