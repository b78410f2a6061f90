/** Why an agent has no connection to its hub: what a person reads, and how soon to try again. */
import { CloseCode } from "../core/close_codes.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";
import type { BackoffCause } from "../limits/backoff.ts";

/** How a session ended. */
export interface SessionEnd {
  /** The close code that the hub gave (wire.md, section 7); `null` when it gave none. */
  readonly code: number | null;
  /** What the hub, or the system, said about it; may be empty. */
  readonly reason: string;
  /** When the hub wants to be asked again, in milliseconds; `null` when it did not say. */
  readonly retryAfterMs: number | null;
}

/** Why an attempt failed, or a session ended. */
export interface LinkFailure {
  readonly cause: BackoffCause;
  /** For a person, in one line. */
  readonly text: string;
  /** What the hub asked for, in milliseconds; 0 when it did not. */
  readonly askedMs: number;
  /** Whether a connection was made on which frames do not get through. */
  readonly isBlocked: boolean;
}

/**
 * The codes that no new attempt soon would change. The others of 4400 to 4449 are about one connection and not about
 * who has it: one that lost its peer, or was too slow for a while, has to be back within seconds.
 */
const REFUSALS: ReadonlySet<number> = new Set([
  CloseCode.unauthorized,
  CloseCode.forbidden,
  CloseCode.replaced,
  CloseCode.rateLimited,
]);

/** Whether a close code says that the hub does not want this client. */
export function isRefusal(code: number | null): boolean {
  return code !== null && REFUSALS.has(code);
}

/** What it means that dialling or the login threw. `details.retryAfterMs` is what the hub asked for. */
export function failureOf(thrown: unknown): LinkFailure {
  const error = thrown instanceof TrunklineError ? thrown : null;
  const asked = error?.details["retryAfterMs"];
  return {
    cause: error?.code === "refused" ? "refused" : "transient",
    text: messageOf(thrown),
    askedMs: typeof asked === "number" ? asked : 0,
    isBlocked: error?.code === "not_frames",
  };
}

/** What it means that a session ended. */
export function failureOfEnd({ code, reason, retryAfterMs }: SessionEnd): LinkFailure {
  const said = [code === null ? "" : `code ${code}`, reason].filter((part) => part !== "").join(", ");
  return {
    cause: isRefusal(code) ? "refused" : "transient",
    text: said === "" ? "The connection ended" : `The connection ended (${said})`,
    askedMs: retryAfterMs ?? 0,
    isBlocked: false,
  };
}
