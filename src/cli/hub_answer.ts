/** What a hub says in JSON: answers to requests and publishes, and reasons. Nothing of it is believed unread. */
import { TrunklineError } from "../core/errors.ts";
import { decodeUtf8, printable } from "./printable.ts";

const BRACE = 0x7b;

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What an error payload says, safe to print. */
export interface AnswerError {
  readonly code: string;
  readonly message: string;
}

/** What came of a message that the hub was to answer. */
export type Answer =
  | { readonly kind: "success"; readonly payload: JsonObject }
  | ({ readonly kind: "error" } & AnswerError)
  /** The connection ended, or the hub was silent for too long. */
  | { readonly kind: "none"; readonly error: TrunklineError };

/** Reads the payload of an answer of the hub itself. */
export function readAnswer(bytes: Uint8Array): Answer {
  const payload = readObject(bytes);
  if (payload !== null && !("error" in payload)) return { kind: "success", payload };
  return { kind: "error", ...errorOf(payload?.["error"]) };
}

/** The error that a payload is, the hub's or a service's; `null` for any other payload. */
export function readAnswerError(bytes: Uint8Array): AnswerError | null {
  if (bytes[0] !== BRACE) return null;
  const error = readObject(bytes)?.["error"];
  return isObject(error) && typeof error["code"] === "string" ? errorOf(error) : null;
}

function errorOf(error: unknown): AnswerError {
  const { code, message } = isObject(error) ? error : {};
  return {
    code: typeof code === "string" ? printable(code) : "INTERNAL_ERROR",
    message: typeof message === "string" ? printable(message) : "No reason was given",
  };
}

/** Gives what the hub said. Throws `refused` or `request_failed` where it did not do what it was asked for. */
export function expectSuccess(answer: Answer, what: string): JsonObject {
  if (answer.kind === "success") return answer.payload;
  throw answer.kind === "none" ? answer.error : answerError(answer, what);
}

/** The error that tells of a refusal; `what` goes on after "Cannot". */
export function answerError(
  { code, message }: AnswerError,
  what: string,
): TrunklineError {
  const isRefused = isRefusal(code);
  return new TrunklineError(
    isRefused ? "refused" : "request_failed",
    `Cannot ${what}: the hub answered ${code} (${message})${nextStepOf(code)}`,
    { details: { code } },
  );
}

/** What a person can do about a code, to be put behind a message; empty where there is nothing to say. */
export function nextStepOf(code: string): string {
  return code === "UNAUTHORIZED" ? "; give a valid token with --token or TRUNKLINE_TOKEN" : "";
}

/** Whether a code says that this client may not do what it asked for. */
export function isRefusal(code: string): boolean {
  return code === "FORBIDDEN" || code === "UNAUTHORIZED";
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

/** Whether a value of JSON is an object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
