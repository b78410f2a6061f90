/** What a hub says in JSON: answers to requests and publishes, and reasons. Nothing of it is believed unread. */
import { TrunklineError } from "../core/errors.ts";
import { isJsonObject, type JsonObject, readErrorPayload, readJsonObject } from "../wire/error_payload.ts";
import { printable } from "../core/printable.ts";

/** What an error payload says; code and message are safe to print. */
export interface AnswerError {
  readonly code: string;
  readonly message: string;
  /** What a person can do about it, where more is known than the code says. */
  readonly nextStep?: string;
  /** For programs, as it came. */
  readonly details?: JsonObject;
}

/** What came of a message that the hub was to answer. */
export type Answer =
  | { readonly kind: "success"; readonly payload: JsonObject }
  | ({ readonly kind: "error" } & AnswerError)
  /** The connection ended, or the hub was silent for too long. */
  | { readonly kind: "none"; readonly error: TrunklineError };

/** Reads the payload of an answer of the hub itself. */
export function readAnswer(bytes: Uint8Array): Answer {
  const payload = readJsonObject(bytes);
  if (payload !== null && !("error" in payload)) return { kind: "success", payload };
  return { kind: "error", ...errorOf(payload?.["error"]) };
}

/** The error that a payload is, the hub's or a service's; `null` for any other payload. */
export function readAnswerError(bytes: Uint8Array): AnswerError | null {
  const error = readErrorPayload(bytes);
  return error === null ? null : errorOf(error);
}

/** Each mistake that the hub names beside its message, safe to print. */
export function problemsOf({ details }: AnswerError): string[] {
  const problems = details?.["problems"];
  const texts = Array.isArray(problems) ? problems.filter((problem) => typeof problem === "string") : [];
  return texts.map(printable);
}

function errorOf(error: unknown): AnswerError {
  const { code, message, details } = isJsonObject(error) ? error : {};
  return {
    code: typeof code === "string" ? printable(code) : "INTERNAL_ERROR",
    message: typeof message === "string" ? printable(message) : "No reason was given",
    ...(isJsonObject(details) ? { details } : {}),
  };
}

/** Gives what the hub said. Throws `refused` or `request_failed` where it did not do what it was asked for. */
export function expectSuccess(answer: Answer, what: string): JsonObject {
  if (answer.kind === "success") return answer.payload;
  throw answer.kind === "none" ? answer.error : answerError(answer, what);
}

/** The error that tells of a refusal; `what` goes on after "Cannot". */
export function answerError(
  { code, message, nextStep = nextStepOf(code) }: AnswerError,
  what: string,
): TrunklineError {
  const isRefused = isRefusal(code);
  return new TrunklineError(
    isRefused ? "refused" : "request_failed",
    `Cannot ${what}: the hub answered ${code} (${message})${nextStep}`,
    { details: { code } },
  );
}

/** What a person can do about a code, to be put behind a message; empty where there is nothing to say. */
export function nextStepOf(code: string, { hasToken, hasCertificate }: Shown = SHOWN_ELSEWHERE): string {
  if (code !== "UNAUTHORIZED") return "";
  if (!hasCertificate) return "; give a valid token with --token or TRUNKLINE_TOKEN";
  return hasToken
    ? "; give a valid token, of the subject of the certificate where that logs in, or leave --cert out"
    : "; the hub does not accept the certificate of --cert as a login, or revoked it; give another one, or a token with --token";
}

/** What a command shows to log in. */
export interface Shown {
  readonly hasToken: boolean;
  readonly hasCertificate: boolean;
}

const SHOWN_ELSEWHERE: Shown = { hasToken: true, hasCertificate: false };

/** Whether a code says that this client may not do what it asked for. */
export function isRefusal(code: string): boolean {
  return code === "FORBIDDEN" || code === "UNAUTHORIZED";
}
