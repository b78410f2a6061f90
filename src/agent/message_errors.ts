/** What a program is told when a message of its own did not get what it was sent for. */
import { formatDuration } from "../config/units.ts";
import { TrunklineError } from "../core/errors.ts";
import type { ErrorContent } from "../wire/error_payload.ts";

/** The hub, or the service, answered with an error. */
export function answerError(topic: string, { code, message }: ErrorContent): TrunklineError {
  const isRefused = code === "FORBIDDEN" || code === "UNAUTHORIZED";
  return new TrunklineError(
    isRefused ? "refused" : code === "TIMEOUT" ? "timed_out" : "request_failed",
    `Cannot get an answer of ${topic}: it was ${code} (${message})`,
    { details: { code } },
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
