/**
 * What answers the requests of a configured service: a command of the shell, which gets the payload and prints the
 * answer, or a URL, to which the payload is posted. Neither takes longer, nor gives more, than whoever asks waits for
 * and the hub takes; what goes wrong is an error with a code and a reason that tells nothing of the machine.
 */
import { formatDuration } from "../config/units.ts";
import { concat } from "../core/concat.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";
import { type CommandOutcome, runCommand } from "./command_run.ts";
import type { Asked, RequestHandler } from "./messages.ts";

/** How long a request may take that does not say, as in a hub that is not told otherwise. */
const DEFAULT_TIMEOUT_MS = 5000;
/** What is taken for the limit of a hub that has not said. */
const DEFAULT_PAYLOAD_BYTES = 65_536;

/** Answers by a command; `signal` ends those that run. */
export function answerByCommand(command: string, signal: AbortSignal): RequestHandler {
  return async (asked) => {
    const outcome = await runCommand({
      command,
      input: asked.payload,
      env: { TRUNKLINE_TOPIC: asked.topic, TRUNKLINE_REQUEST_ID: asked.id ?? "" },
      maxOutputBytes: maxBytesOf(asked),
      timeoutMs: timeoutOf(asked),
      signal,
    });
    return outputOf(outcome, asked);
  };
}

/** Answers by a URL; `signal` ends what is under way. */
export function answerByUrl(url: string, signal: AbortSignal): RequestHandler {
  return async (asked) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutOf(asked))]);
    try {
      const response = await fetch(url, {
        method: "POST",
        body: new Uint8Array(asked.payload),
        headers: {
          "content-type": "application/octet-stream",
          "trunkline-topic": asked.topic,
          ...(asked.id === null ? {} : { "trunkline-request-id": asked.id }),
        },
        // Where an answer leads elsewhere is for whoever configured the URL to say.
        redirect: "manual",
        signal: limit,
      });
      return await bodyOf(response, asked);
    } catch (error) {
      if (error instanceof TrunklineError) throw error;
      if (signal.aborted) throw failure("SERVICE_UNAVAILABLE", "The service stops");
      if (limit.aborted) throw late(asked);
      throw failure("SERVICE_UNAVAILABLE", "The service cannot be reached", error);
    }
  };
}

function timeoutOf({ timeoutMs }: Asked): number {
  return timeoutMs ?? DEFAULT_TIMEOUT_MS;
}

function maxBytesOf({ maxPayloadBytes }: Asked): number {
  return maxPayloadBytes ?? DEFAULT_PAYLOAD_BYTES;
}

function outputOf(outcome: CommandOutcome, asked: Asked): Uint8Array {
  switch (outcome.kind) {
    case "output":
      return outcome.output;
    case "failed":
      throw failure("INTERNAL_ERROR", `The command ended with ${outcome.reason}`);
    case "too_long":
      throw tooLong(asked);
    case "late":
      throw late(asked);
    case "stopped":
      throw failure("SERVICE_UNAVAILABLE", "The service stops");
  }
}

async function bodyOf(response: Response, asked: Asked): Promise<Uint8Array> {
  if (!response.ok) {
    await response.body?.cancel();
    throw failure("INTERNAL_ERROR", `The service answered with status ${response.status}`);
  }
  const most = maxBytesOf(asked);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    // Leaving the loop cancels the rest.
    if (length > most) throw tooLong(asked);
    parts.push(part);
  }
  return concat(parts);
}

function late(asked: Asked): TrunklineError {
  return failure("TIMEOUT", `The service gave no answer within ${formatDuration(timeoutOf(asked))}`);
}

function tooLong(asked: Asked): TrunklineError {
  return failure("INTERNAL_ERROR", `The service gave more than the ${maxBytesOf(asked)} bytes of an answer`);
}

function failure(code: string, message: string, cause?: unknown): TrunklineError {
  const details = cause === undefined ? { code } : { code, seen: messageOf(cause) };
  return new TrunklineError("request_failed", message, { details });
}
