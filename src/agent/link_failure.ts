/** Why an agent has no connection to its hub: what a person reads, and how soon to try again. */
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

/** Codes that say: not with the same credentials or behaviour. */
const FIRST_REFUSAL = 4400;
const LAST_REFUSAL = 4449;

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
  const isRefusal = code !== null && code >= FIRST_REFUSAL && code <= LAST_REFUSAL;
  const said = [code === null ? "" : `code ${code}`, reason].filter((part) => part !== "").join(", ");
  return {
    cause: isRefusal ? "refused" : "transient",
    text: said === "" ? "The connection ended" : `The connection ended (${said})`,
    askedMs: retryAfterMs ?? 0,
    isBlocked: false,
  };
}
