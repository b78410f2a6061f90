/** What a hub says in JSON: answers to requests and publishes, and reasons. Nothing of it is believed unread. */
import { TrunklineError } from "../core/errors.ts";
import { decodeUtf8, printable } from "./printable.ts";

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What came of a message that the hub was to answer. */
export type Answer =
  | { readonly kind: "success"; readonly payload: JsonObject }
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  /** The connection ended, or the hub was silent for too long. */
  | { readonly kind: "none"; readonly error: TrunklineError };

/** Reads the payload of an answer. */
export function readAnswer(bytes: Uint8Array): Answer {
  const payload = readObject(bytes);
  if (payload !== null && !("error" in payload)) return { kind: "success", payload };
  const error = isObject(payload?.["error"]) ? payload["error"] : {};
  const { code, message } = error;
  return {
    kind: "error",
    code: typeof code === "string" ? printable(code) : "INTERNAL_ERROR",
    message: typeof message === "string" ? printable(message) : "The hub gave no reason",
  };
}

/** Gives what the hub said. Throws `refused` or `request_failed` where it did not do what it was asked for. */
export function expectSuccess(answer: Answer, what: string): JsonObject {
  if (answer.kind === "success") return answer.payload;
  throw answer.kind === "none" ? answer.error : answerError(answer, what);
}

/** The error that tells of a refusal; `what` goes on after "Cannot". */
export function answerError(
  { code, message }: Extract<Answer, { kind: "error" }>,
  what: string,
): TrunklineError {
  const isRefused = code === "FORBIDDEN" || code === "UNAUTHORIZED";
  const next = code === "UNAUTHORIZED" ? "; give a valid token with --token or TRUNKLINE_TOKEN" : "";
  return new TrunklineError(
    isRefused ? "refused" : "request_failed",
    `Cannot ${what}: the hub answered ${code} (${message})${next}`,
    { details: { code } },
  );
}

/** The object of JSON that the bytes hold; `null` when they hold something else. */
export function readObject(bytes: Uint8Array): JsonObject | null {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? "");
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
