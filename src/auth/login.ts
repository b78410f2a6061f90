/**
 * The one way in. Whatever the transport, a token goes in and a login or a refusal comes out: who guesses is locked
 * out first, then the authenticators are asked, then the rules of the configuration. It guarantees that the answer to
 * a token that is not good is the same whatever is wrong with it; the reason is told to the audit only.
 */
import { createHash } from "node:crypto";
import type { ClientCertificate } from "../core/client_certificate.ts";
import { messageOf } from "../core/errors.ts";
import { MAX_TOKEN_LENGTH } from "../core/login_limits.ts";
import { type Clock, type Logger, systemClock } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import type { EventSubject, LoginVia, SecurityEvents } from "../core/security_event.ts";
import type { Identity, Waiting } from "./authenticator.ts";
import type { Verdict } from "./authenticator_chain.ts";
import { type Attempt, Lockout } from "./lockout.ts";
import { LoginGate, type LoginGateLimits } from "./login_gate.ts";
import { type LoginOptions, LoginPolicy, type LoginReason } from "./login_policy.ts";

/** Somebody who wants in. */
export interface LoginRequest {
  readonly token: string;
  /** The address that the peer has, after any PROXY header was believed. */
  readonly address: string;
  /** For the audit; `null` while there is none. */
  readonly connectionId: string | null;
  /** The tenant that the handshake names beside the token. @default null */
  readonly claimedTenant?: string | null;
  readonly via: LoginVia;
  /** What the connection was let in with, verified, whether it may log in by it or not. @default none */
  readonly certificate?: ClientCertificate | null;
  /** Whether nobody waits for the outcome any more; then the token is not looked at. @default never */
  readonly isGone?: () => boolean;
}

/** Somebody who wants in by his certificate. */
export interface CertificateRequest extends Pick<LoginRequest, "address" | "connectionId" | "claimedTenant"> {
  /** It was verified. */
  readonly certificate: ClientCertificate;
}

/** What a peer that is not let in is told. */
export type RefusalCode =
  /** Unknown, wrong, expired, revoked: which one it is, is not told. */
  | "invalid_token"
  /** Too many failures; `rate_limit_exceeded` on JSON lines. */
  | "locked_out"
  /** The token is good and names no tenant, which it has to. */
  | "tenant_required"
  /** The token is good and its tenant is not the one that the handshake names. */
  | "invalid_tenant"
  /** The keys cannot be had now. */
  | "server_unavailable"
  /** Too many log in at once. */
  | "overloaded";

/** Nobody is let in. */
export interface LoginRefusal {
  readonly kind: "refused";
  readonly code: RefusalCode;
  /** When to try again; `null`: not with this token. */
  readonly retryAfterMs: number | null;
}

/** What comes of a login. */
export type LoginOutcome = { readonly kind: "accepted"; readonly login: Login } | LoginRefusal;

/** A login that was let in. The connection keeps it; only the service looks at the proof. */
export interface Login {
  readonly principal: Principal;
  readonly proof: LoginProof;
}

/** What a login was made of. It holds no token. */
interface LoginProof {
  readonly identity: Identity;
  /** The hash of its token, or its certificate. */
  readonly shown: string | ClientCertificate;
  readonly claimedTenant: string | null;
  /** What the connection was let in with: where that is denied, the login ends. */
  readonly certificate: ClientCertificate | null;
}

/** What a change of the configuration means for a login. */
export type Reevaluation =
  | { readonly kind: "unchanged" }
  /** It goes on with other rights or another account. */
  | { readonly kind: "changed"; readonly login: Login }
  | { readonly kind: "ended"; readonly reason: LoginReason };

/** What a service works with. */
export interface LoginServiceParts {
  readonly events: SecurityEvents;
  readonly logger: Logger;
  /** @default the process's monotonic clock */
  readonly clock?: Clock;
  /** Milliseconds since 1970. @default Date.now */
  readonly wallNow?: () => number;
  readonly gate?: LoginGateLimits;
  /** From 0 up to, but not, 1: spreads those who are to come back. @default Math.random */
  readonly random?: () => number;
}

/** These prove that a token was good once, or will be: whoever has it guessed nothing. */
const NO_GUESS: readonly LoginReason[] = [
  "expired",
  "not_yet_valid",
  "revoked",
  "certificate_denied",
  "tenant_required",
  "tenant_mismatch",
];
const UNAVAILABLE_RETRY_MS = 5000;
/** Those who are turned away come back within this time, spread over it. */
const OVERLOAD_SPREAD_MS = 10_000;

type Verification =
  | { readonly ok: true; readonly login: Login }
  | {
    readonly ok: false;
    readonly reason: LoginReason;
    readonly identity: Identity | null;
    /** Which key the token names that is not known yet. */
    readonly keyId?: string | undefined;
  };

/** What events tell of a request. */
type Shown = Pick<LoginRequest, "address" | "connectionId" | "via">;

/** How the failures of an attempt count. */
interface Counting {
  readonly attempt: Attempt;
  /** Whether guesses count for the address; else only for the credential. */
  readonly byAddress: boolean;
  /** Whose token it has to be; `null`: anybody's. */
  readonly expected: Principal | null;
}

/** The logins of one hub. */
export class LoginService {
  readonly #events: SecurityEvents;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #wallNow: () => number;
  readonly #random: () => number;
  readonly #gate: LoginGate;
  readonly #lockout: Lockout;
  #policy: LoginPolicy;

  constructor(options: LoginOptions, parts: LoginServiceParts) {
    this.#events = parts.events;
    this.#logger = parts.logger;
    this.#clock = parts.clock ?? systemClock;
    this.#wallNow = parts.wallNow ?? Date.now;
    this.#random = parts.random ?? Math.random;
    this.#gate = new LoginGate(parts.gate);
    this.#lockout = new Lockout(options.lockout);
    this.#policy = new LoginPolicy(options);
  }

  /** Other rules from now on. Whoever is locked out stays so; live logins are to be {@link reevaluate}d. */
  setOptions(options: LoginOptions): void {
    this.#policy = new LoginPolicy(options, this.#policy);
    this.#lockout.setLimits(options.lockout);
  }

  /** Lets somebody in, or not. Does not reject. */
  login(request: LoginRequest): Promise<LoginOutcome> {
    // What is longer is no token, and is not to cost more than one.
    const credential = hashToken(request.token.slice(0, MAX_TOKEN_LENGTH + 1));
    const attempt = { address: request.address, credential };
    return this.#enter(request, { attempt, byAddress: true, expected: null });
  }

  /**
   * Lets somebody in by the certificate that the connection was made with; `null`: it stands for nobody. It needs no
   * lockout: nobody guesses a certificate.
   */
  loginByCertificate({ certificate, ...rest }: CertificateRequest): LoginOutcome | null {
    const request = { ...rest, via: "certificate" } as const;
    const identity = this.#policy.findCertificate(certificate);
    if (identity === null) return null;
    const { claimedTenant = null } = rest;
    const verification = this.#admit(identity, { shown: certificate, claimedTenant, certificate });
    if (!verification.ok) return this.#refuse(request, verification);
    return this.#accept(request, verification.login);
  }

  /**
   * Lets somebody who is logged in go on with another token, of the same subject and tenant. What fails here counts
   * for this subject at this address only, so that nobody who shares the address can end its login.
   */
  refresh(login: Login, request: LoginRequest): Promise<LoginOutcome> {
    const { subject, tenant } = login.principal;
    const attempt = { address: request.address, credential: `subject\n${tenant}\n${subject}` };
    return this.#enter(request, { attempt, byAddress: false, expected: login.principal });
  }

  /** Whether a login was revoked since. */
  isRevoked({ proof }: Login): boolean {
    return this.#policy.isRevoked(proof.identity);
  }

  /**
   * What the rules say of a live login now. A static token and a certificate are looked up again; of others the proof
   * stays good until it expires, because the token itself is not kept. Each ends where the
   * certificate of its connection is denied.
   */
  reevaluate({ principal, proof }: Login): Reevaluation {
    const identity = this.#identityNow(proof);
    if (identity === null) return { kind: "ended", reason: "unknown" };
    const admission = this.#policy.admit(identity, { ...proof, wallMs: this.#wallNow() });
    if (!admission.ok) return { kind: "ended", reason: admission.reason };
    const { principal: now, rights } = admission;
    if (!isSamePerson(now, principal)) return { kind: "ended", reason: "other_subject" };
    const isSame = now.account === principal.account && rights.equals(principal.rights) &&
      now.expiresAtMs === principal.expiresAtMs;
    return isSame
      ? { kind: "unchanged" }
      : { kind: "changed", login: { principal: now, proof: { ...proof, identity } } };
  }

  #identityNow({ identity, shown }: LoginProof): Identity | null {
    if (typeof shown !== "string") return this.#policy.findCertificate(shown);
    return identity.method === "token" ? this.#policy.findStaticToken(shown) : identity;
  }

  async #enter(request: LoginRequest, counting: Counting): Promise<LoginOutcome> {
    const locked = this.#refuseLocked(request, counting);
    if (locked !== null) return locked;
    const running = this.#gate.run((wait) => this.#attempt(request, { counting, wait }));
    if (running !== null) return await running;
    return this.#refuse(request, { ok: false, reason: "overloaded", identity: null });
  }

  async #attempt(
    request: LoginRequest,
    { counting, wait }: { counting: Counting; wait: Waiting },
  ): Promise<LoginOutcome> {
    if (request.isGone?.() === true) {
      return { kind: "refused", code: "server_unavailable", retryAfterMs: null };
    }
    // Those that waited with this one may have been guesses too.
    const locked = this.#refuseLocked(request, counting);
    if (locked !== null) return locked;
    const policy = this.#policy;
    const verified = await this.#verify(request, { expected: counting.expected, wait });
    const verification = policy === this.#policy ? verified : this.#verifyAgain(verified);
    if (!verification.ok) return this.#fail(request, { verification, counting });
    return this.#accept(request, verification.login);
  }

  #accept(request: Shown, login: Login): LoginOutcome {
    const { identity: { method } } = login.proof;
    const { via } = request;
    this.#events.record({
      kind: "login_accepted",
      ...origin(request, login.principal),
      method,
      via,
    });
    return { kind: "accepted", login };
  }

  async #verify(
    request: LoginRequest,
    { expected, wait }: { expected: Principal | null; wait: Waiting },
  ): Promise<Verification> {
    const answer = await this.#authenticate(request.token, wait);
    if (answer.kind === "refused") {
      return { ok: false, reason: answer.reason, identity: null, keyId: answer.keyId };
    }
    const { identity } = answer;
    const { claimedTenant = null, certificate = null } = request;
    const verification = this.#admit(identity, {
      shown: hashToken(request.token),
      claimedTenant,
      certificate,
    });
    if (!verification.ok || expected === null || isSamePerson(verification.login.principal, expected)) {
      return verification;
    }
    return { ok: false, reason: "other_subject", identity };
  }

  #admit(identity: Identity, shown: Omit<LoginProof, "identity">): Verification {
    const admission = this.#policy.admit(identity, { ...shown, wallMs: this.#wallNow() });
    if (!admission.ok) return { ok: false, reason: admission.reason, identity };
    const { principal } = admission;
    return { ok: true, login: { principal, proof: { identity, ...shown } } };
  }

  /** What the rules that came while a token was looked at say: nobody else asks about this login. */
  #verifyAgain(verified: Verification): Verification {
    if (!verified.ok) return verified;
    const result = this.reevaluate(verified.login);
    if (result.kind === "ended") {
      return { ok: false, reason: result.reason, identity: verified.login.proof.identity };
    }
    return result.kind === "changed" ? { ...verified, login: result.login } : verified;
  }

  async #authenticate(token: string, wait: Waiting): Promise<Verdict> {
    try {
      return await this.#policy.authenticators.authenticate(token, wait);
    } catch (error) {
      this.#logger.error("A kind of login failed", { error: messageOf(error) });
      return { kind: "refused", reason: "keys_unavailable" };
    }
  }

  #refuseLocked(request: LoginRequest, { attempt, byAddress }: Counting): LoginRefusal | null {
    const nowMs = this.#clock.now();
    const waitMs = byAddress
      ? this.#lockout.lockedForMs(attempt, nowMs)
      : this.#lockout.credentialLockedForMs(attempt, nowMs);
    if (waitMs <= 0) return null;
    const retryAfterMs = Math.ceil(waitMs);
    this.#events.record({ kind: "locked_out", ...origin(request, null), retryAfterMs, via: request.via });
    return { kind: "refused", code: "locked_out", retryAfterMs };
  }

  #fail(
    request: LoginRequest,
    { verification, counting }: { verification: Verification & { ok: false }; counting: Counting },
  ): LoginRefusal {
    const { reason, keyId = "" } = verification;
    const { attempt, byAddress } = counting;
    const nowMs = this.#clock.now();
    if (reason === "key_unknown_yet") {
      const credential = hashToken(`key\n${keyId}`);
      if (byAddress) this.#lockout.failKey({ address: attempt.address, credential }, nowMs);
    } else if (reason !== "keys_unavailable") {
      this.#lockout.fail(attempt, { isGuess: byAddress && !NO_GUESS.includes(reason), nowMs });
    }
    return this.#refuse(request, verification);
  }

  #refuse(request: Shown, { reason, identity }: Verification & { ok: false }): LoginRefusal {
    const who = identity === null ? null : claimedWho(identity);
    this.#events.record({ kind: "login_refused", ...origin(request, who), reason, via: request.via });
    return { kind: "refused", ...this.#answer(reason) };
  }

  #answer(reason: LoginReason): Pick<LoginRefusal, "code" | "retryAfterMs"> {
    switch (reason) {
      case "keys_unavailable":
      case "key_unknown_yet":
        return { code: "server_unavailable", retryAfterMs: UNAVAILABLE_RETRY_MS };
      case "overloaded":
        return { code: "overloaded", retryAfterMs: 1000 + Math.floor(this.#random() * OVERLOAD_SPREAD_MS) };
      case "tenant_required":
        return { code: "tenant_required", retryAfterMs: null };
      case "tenant_mismatch":
        return { code: "invalid_tenant", retryAfterMs: null };
      default:
        return { code: "invalid_token", retryAfterMs: null };
    }
  }
}

/** Whether somebody is in by a certificate, and not by a token. */
export function isByCertificate({ proof }: Login): boolean {
  return typeof proof.shown !== "string";
}

/** What stands for a token where it must not be kept. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

function isSamePerson(a: Principal, b: Principal): boolean {
  return a.subject === b.subject && a.tenant === b.tenant;
}

function origin({ address, connectionId }: Shown, who: EventSubject | null) {
  const told = who === null ? null : { subject: who.subject, tenant: who.tenant, account: who.account };
  return { address, connectionId, who: told };
}

/** Whom a token that is refused names. */
function claimedWho({ subject, tenant, account }: Identity): EventSubject {
  const cut = (name: string) => name.slice(0, 255);
  return {
    subject: cut(subject),
    tenant: tenant === null ? null : cut(tenant),
    account: account === null ? null : cut(account),
  };
}
