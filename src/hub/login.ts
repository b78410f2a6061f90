/**
 * The border to whoever decides who may come in: a token goes there, a login or a refusal comes back. Every transport
 * says a refusal in its own words.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { LoginVia } from "../core/security_event.ts";
import { ANONYMOUS, LOCAL_OPERATOR, type Principal } from "../core/principal.ts";

/** What somebody shows to be let in. */
export interface LoginRequest {
  readonly token: string;
  /** Where it comes from, as the door sees it. */
  readonly ip: string;
  readonly via: LoginVia;
  /** Of the connection; `null` while there is none. */
  readonly connectionId: string | null;
  /** The tenant that was named beside the token; `null` when none was. */
  readonly tenant: string | null;
  /** Who it has to be: the login is renewed. `null` for a first login. */
  readonly renews: Login | null;
  /** Whether nobody waits for the answer any more. */
  readonly isGone: () => boolean;
}

/** A login that was accepted. */
export interface Login {
  readonly principal: Principal;
  /** What it is under the rules of now. */
  reevaluate(): Reevaluation;
}

/** A login under other rules. */
export type Reevaluation =
  /** It is the same, or the same with other rights. */
  | { readonly kind: "holds"; readonly login: Login }
  | {
    readonly kind: "ended";
    /** For those who look after security, never for its peer. */
    readonly reason: string;
  };

/** Why somebody is not let in, as he may know it. */
export type LoginRefusalCode =
  | "invalid_token"
  | "tenant_required"
  | "invalid_tenant"
  /** Too many attempts from there. */
  | "rate_limited"
  /** It cannot be found out now. */
  | "unavailable"
  /** Too many log in at once. */
  | "overloaded";

/** Not let in. */
export interface LoginRefusal {
  readonly kind: "refused";
  readonly code: LoginRefusalCode;
  /** A sentence for people. It never tells whether a subject exists. */
  readonly message: string;
  readonly retryAfterMs: number | null;
}

/** What came of a login. */
export type LoginOutcome = { readonly kind: "accepted"; readonly login: Login } | LoginRefusal;

/** Decides who may come in. */
export interface LoginDesk {
  /** The promise does not reject. */
  login(request: LoginRequest): Promise<LoginOutcome>;
}

/** The status of HTTP that says a refusal (RFC 9110, section 15). */
export function statusOf(code: LoginRefusalCode): 401 | 429 | 503 {
  switch (code) {
    case "invalid_token":
    case "tenant_required":
    case "invalid_tenant":
      return 401;
    case "rate_limited":
      return 429;
    case "unavailable":
    case "overloaded":
      return 503;
  }
}

/** The close code that says a refusal. */
export function closeCodeOf(code: LoginRefusalCode): CloseCode {
  const status = statusOf(code);
  if (status === 401) return CloseCode.unauthorized;
  return status === 429 ? CloseCode.rateLimited : CloseCode.draining;
}

/** A login that nothing can end. */
class FreeLogin implements Login {
  readonly principal: Principal;

  constructor(principal: Principal) {
    this.principal = principal;
  }

  reevaluate(): Reevaluation {
    return { kind: "holds", login: this };
  }
}

/** Of those who need not log in. */
export const ANONYMOUS_LOGIN: Login = new FreeLogin(ANONYMOUS);
/** Of those who come from the hub's own machine to a hub without logins. */
export const LOCAL_LOGIN: Login = new FreeLogin(LOCAL_OPERATOR);

/** Of those who come to a hub without logins. */
export function freeLogin({ isLocal }: { readonly isLocal: boolean }): Login {
  return isLocal ? LOCAL_LOGIN : ANONYMOUS_LOGIN;
}
