/**
 * Payloads of JSON: objects, and the one that tells of an error. Whatever a peer sends is read without a throw.
 */

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What an error payload says. */
export interface ErrorContent {
  /** For programs. */
  readonly code: string;
  /** A sentence for people. */
  readonly message: string;
  /** Data for programs. */
  readonly details?: JsonObject;
}

const BRACE = 0x7b;
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The payload that tells of an error. */
export function encodeErrorPayload({ code, message, details }: ErrorContent): string {
  const timestamp = new Date().toISOString();
  return JSON.stringify({
    error: { code, message, timestamp, ...(details === undefined ? {} : { details }) },
  });
}

/** The error that a payload tells of; `null` for any other payload. */
export function readErrorPayload(bytes: Uint8Array): ErrorContent | null {
  if (bytes[0] !== BRACE) return null;
  const error = readJsonObject(bytes)?.["error"];
  if (!isJsonObject(error) || typeof error["code"] !== "string") return null;
  const { code, message, details } = error;
  return {
    code,
    message: typeof message === "string" ? message : "No reason was given",
    ...(isJsonObject(details) ? { details } : {}),
  };
}

/** When to ask again, in milliseconds, where an error says so. */
export function retryAfterOf({ details }: { readonly details?: JsonObject }): number | null {
  const retryAfterMs = details?.["retryAfterMs"];
  return typeof retryAfterMs === "number" ? retryAfterMs : null;
}

/** The object of JSON that the bytes hold; `null` when they hold something else. */
export function readJsonObject(bytes: Uint8Array): JsonObject | null {
  try {
    const value: unknown = JSON.parse(strictDecoder.decode(bytes));
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Whether a value of JSON is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
