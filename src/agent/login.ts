/**
 * The login on a connection of frames: what the agent says of itself, what it remembers from one login to the next,
 * and what a refusal of the hub means for the next attempt.
 */
import { messageOf, TrunklineError } from "../core/errors.ts";
import type { AuthRequest, AuthResponse, ErrorPayload } from "../wire/frame_payloads.ts";
import { isRefusal, type SessionEnd } from "./link_failure.ts";
import { FILE_NAMES, type SettingNames } from "./setting_names.ts";

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

/** What an error of a login speaks of. */
export interface LoginWords {
  /** @default the keys of agent.yaml */
  readonly names?: SettingNames;
  /** Whether connections are made with a client certificate. @default false */
  readonly hasCertificate?: boolean;
}

const SESSION_BYTES = 16;
/** What a connection can do, as the hub is told. */
const FEATURES = ["messages", "streams", "refs"];
/** Refusals that go away by themselves; after all others somebody has to change something. */
const PASSING: ReadonlySet<string> = new Set(["server_unavailable", "overloaded"]);

/** What one process says of itself at every login. */
export class LoginMemory {
  #identity: AgentIdentity;
  /** Tells this process from another one with the same name. */
  readonly #words: Required<LoginWords>;
  readonly #session = crypto.getRandomValues(new Uint8Array(SESSION_BYTES)).toHex();
  /**
   * Shows that the name is its own; each login gives a new one. Where connections of a pool log in at the same time it
   * may be one that is void already: the hub lets the same session join without it.
   */
  #resume: string | null = null;

  /** `names`: what texts call the settings. `hasCertificate`: whether a connection is made with one. */
  constructor(identity: AgentIdentity, { names = FILE_NAMES, hasCertificate = false }: LoginWords = {}) {
    this.#identity = identity;
    this.#words = { names, hasCertificate };
  }

  /** Logs in with this token from the next time on; whether it is another one. */
  changeToken(token: string | null): boolean {
    const isOther = token !== this.#identity.token;
    this.#identity = { ...this.#identity, token };
    return isOther;
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

  /** The error for a login that the hub refused. */
  refused({ code, message, retryAfterMs }: Exclude<AuthResponse, { ok: true }>): TrunklineError {
    const isPassing = PASSING.has(code);
    return new TrunklineError(
      isPassing ? "unreachable" : "refused",
      `Cannot log in at the hub: it answered ${code} (${message})${this.#nextStep(code)}`,
      { details: { reason: code, ...wish(retryAfterMs) } },
    );
  }

  #nextStep(code: string): string {
    const { names: { token, cert, key, agentId }, hasCertificate } = this.#words;
    if (code === "name_taken") return `; another agent has this name, see ${agentId}`;
    if (code !== "invalid_token") return "";
    if (this.#identity.token !== null) return `; see that ${token} is valid`;
    return hasCertificate
      ? `; the hub does not let in who shows the certificate in ${cert}`
      : `; give a token with ${token}, or a certificate that the hub knows with ${cert} and ${key}`;
  }
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
