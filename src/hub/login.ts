/**
 * The border to whoever decides who may come in: a token goes there, a login or a refusal comes back. Every transport
 * says a refusal in its own words.
 */
import type { ClientCertificate } from "../core/client_certificate.ts";
import type { LoginRefusalCode } from "../core/login_refusal.ts";
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
  /** What the connection was let in with, verified, whether it may log in by it or not; `null`: nothing. */
  readonly certificate: ClientCertificate | null;
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

/** A certificate that a connection was made with, to be let in by it. */
export interface CertificateRequest extends Pick<LoginRequest, "ip" | "connectionId" | "tenant"> {
  /** `null`: the connection was made without, or its peer may not log in by it. */
  readonly certificate: ClientCertificate | null;
}

/** Decides who may come in. */
export interface LoginDesk {
  /** The promise does not reject. */
  login(request: LoginRequest): Promise<LoginOutcome>;
  /** For a first login without a token; `null`: there is no certificate that stands for somebody here. */
  loginByCertificate(request: CertificateRequest): LoginOutcome | null;
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

/** Whether a login is of somebody who need not log in. */
export function isFree(login: Login): boolean {
  return login instanceof FreeLogin;
}

/** Of those who come to a hub without logins. */
export function freeLogin({ isLocal }: { readonly isLocal: boolean }): Login {
  return isLocal ? LOCAL_LOGIN : ANONYMOUS_LOGIN;
}
