/**
 * The login on a connection of frames: what the agent says of itself, what it remembers from one login to the next,
 * and what a refusal of the hub means for the next attempt.
 */
import { messageOf, TrunklineError } from "../core/errors.ts";
import type { AuthRequest, AuthResponse, ErrorPayload } from "../wire/frame_payloads.ts";
import { isRefusal, type SessionEnd } from "./link_failure.ts";

/** Who logs in. */
export interface AgentIdentity {
  /** Unique in its account. */
  readonly agentId: string;
  /** What it logs in with; `null` for none. A secret. */
  readonly token: string | null;
  /** The tenant that it wants; `null` for the one of its token. */
  readonly tenant: string | null;
}

/** A login that succeeded. */
export type LoginAnswer = Extract<AuthResponse, { ok: true }>;

const SESSION_BYTES = 16;
/** What a connection can do, as the hub is told. */
const FEATURES = ["messages", "streams", "refs"];
/** Refusals that go away by themselves; after all others somebody has to change something. */
const PASSING: ReadonlySet<string> = new Set(["server_unavailable", "overloaded"]);

/** What one process says of itself at every login. */
export class LoginMemory {
  readonly #identity: AgentIdentity;
  /** Tells this process from another one with the same name. */
  readonly #session = crypto.getRandomValues(new Uint8Array(SESSION_BYTES)).toHex();
  /**
   * Shows that the name is its own; each login gives a new one. Where connections of a pool log in at the same time it
   * may be one that is void already: the hub lets the same session join without it.
   */
  #resume: string | null = null;

  constructor(identity: AgentIdentity) {
    this.#identity = identity;
  }

  /** What to log in with next. */
  request(): AuthRequest {
    const { agentId, token, tenant } = this.#identity;
    return {
      ...(token === null ? {} : { token }),
      agentId,
      session: this.#session,
      ...(tenant === null ? {} : { tenant }),
      ...(this.#resume === null ? {} : { resume: this.#resume }),
      features: FEATURES,
    };
  }

  /** A login succeeded. */
  loggedIn({ resume }: LoginAnswer): void {
    this.#resume = resume;
  }
}

/** The error for a login that the hub refused. */
export function refusedLogin(
  { code, message, retryAfterMs }: Exclude<AuthResponse, { ok: true }>,
): TrunklineError {
  const isPassing = PASSING.has(code);
  const next = code === "invalid_token"
    ? "; see that hub.token is valid, or that the hub knows the certificate in hub.cert"
    : code === "name_taken"
    ? "; another agent has this name, see agent.id"
    : "";
  return new TrunklineError(
    isPassing ? "unreachable" : "refused",
    `Cannot log in at the hub: it answered ${code} (${message})${next}`,
    { details: { reason: code, ...wish(retryAfterMs) } },
  );
}

/** The error for a hub that ended the connection instead of answering, and said why. */
export function endedLogin({ code, message, closeCode, retryAfterMs }: ErrorPayload): TrunklineError {
  return new TrunklineError(
    isRefusal(closeCode ?? null) ? "refused" : "unreachable",
    `Cannot log in at the hub: it ended the connection (${closeCode ?? code}, ${message})`,
    { details: { reason: code, ...wish(retryAfterMs) } },
  );
}

/** The error for something that took the connection and is no hub. */
export function noFrames(seen: string): TrunklineError {
  return new TrunklineError("not_frames", `Cannot log in at the hub: ${seen}`);
}

/** Why a login was called off. */
export function calledOff(reason: unknown): TrunklineError {
  return reason instanceof TrunklineError
    ? reason
    : new TrunklineError("connection_lost", `Cannot go on logging in: ${messageOf(reason)}`);
}

function wish(retryAfterMs: number | undefined): { retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

/** The error of a login that was never answered. */
export function wordlessLogin({ code, reason, retryAfterMs }: SessionEnd): TrunklineError {
  if (code === null) return noFrames("the connection was closed before it answered");
  return endedLogin({
    code: "closed",
    closeCode: code,
    message: reason,
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
}
