/**
 * Whom a proven identity is let in as. It changes nothing and looks at no token: the same identity gets the same answer
 * at login, at refresh and when the configuration changed.
 */
import type { ClientCertificate } from "../core/client_certificate.ts";
import { isLoginName, isSubject } from "../core/login_names.ts";
import { DEFAULT_TENANT, type Principal } from "../core/principal.ts";
import type { Authenticator, Grant, Identity, RefusalReason } from "./authenticator.ts";
import { AuthenticatorChain } from "./authenticator_chain.ts";
import type { LockoutLimits } from "./failure_table.ts";
import type { PermissionSet } from "./permission_set.ts";
import { Roles } from "./roles.ts";

/** What the configuration says about logins. */
export interface LoginOptions {
  /** Asked one after the other, until one says that a token is its own. */
  readonly authenticators: readonly Authenticator[];
  /** Grants by the name of the role. */
  readonly roles: Readonly<Record<string, Grant>>;
  readonly revoked: {
    /** Ids of tokens (`jti`). */
    readonly tokenIds: readonly string[];
    /** In whatever tenant. */
    readonly subjects: readonly string[];
  };
  /** Whether tenants are kept apart; then every identity has to name its own. */
  readonly isMultiTenant: boolean;
  readonly lockout: LockoutLimits;
  /**
   * Whom a static token stands for now, by its {@link hashToken}; `null` when it is gone. Asked about logins by static
   * tokens when the options changed.
   */
  readonly findStaticToken: (tokenHash: string) => Identity | null;
  /** Whom a client certificate stands for now; `null`: nobody. */
  readonly findCertificate: (certificate: ClientCertificate) => Identity | null;
  /** Whether a client certificate, or one that vouches for it, is refused now. */
  readonly isDenied: (certificate: ClientCertificate) => boolean;
}

/** Why nobody is let in; for logs and metrics. */
export type LoginReason =
  | RefusalReason
  | "revoked"
  /** The certificate of its connection is refused since. */
  | "certificate_denied"
  | "tenant_required"
  | "tenant_mismatch"
  /** A refresh by a token of somebody else. */
  | "other_subject"
  /** So many logins wait that this one was not looked at. */
  | "overloaded";

/** What comes of an identity. */
export type Admission =
  | { readonly ok: true; readonly principal: Principal; readonly rights: PermissionSet }
  | { readonly ok: false; readonly reason: LoginReason };

/** What an identity is held against. */
export interface AdmissionContext {
  /** The tenant that the handshake names beside the token; `null` when it names none. */
  readonly claimedTenant: string | null;
  /** What its connection was let in with; `null`: nothing. */
  readonly certificate: ClientCertificate | null;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
}

/** The rules of one configuration. */
export class LoginPolicy {
  readonly authenticators: AuthenticatorChain;
  readonly findStaticToken: LoginOptions["findStaticToken"];
  readonly findCertificate: LoginOptions["findCertificate"];
  readonly #isDenied: LoginOptions["isDenied"];
  readonly #roles: Roles;
  readonly #revokedIds: ReadonlySet<string>;
  readonly #revokedSubjects: ReadonlySet<string>;
  readonly #isMultiTenant: boolean;

  /** `previous`: the rules before, of which rights that stay the same are taken over. */
  constructor(
    { authenticators, roles, revoked, isMultiTenant, findStaticToken, findCertificate, isDenied }:
      LoginOptions,
    previous: LoginPolicy | null = null,
  ) {
    this.authenticators = new AuthenticatorChain(authenticators);
    this.findStaticToken = findStaticToken;
    this.findCertificate = findCertificate;
    this.#isDenied = isDenied;
    this.#roles = new Roles(roles, { previous: previous === null ? null : previous.#roles });
    this.#revokedIds = new Set(revoked.tokenIds);
    this.#revokedSubjects = new Set(revoked.subjects);
    this.#isMultiTenant = isMultiTenant;
  }

  /** Lets an identity in, or says why not. */
  admit(identity: Identity, { claimedTenant, certificate, wallMs }: AdmissionContext): Admission {
    const { subject, tenant, account, expiresAtMs } = identity;
    if (!isSubject(subject) || !isNameOrNull(tenant) || !isNameOrNull(account)) {
      return { ok: false, reason: "claim" };
    }
    if (expiresAtMs !== null && expiresAtMs <= wallMs) return { ok: false, reason: "expired" };
    if (this.isRevoked(identity)) return { ok: false, reason: "revoked" };
    if (certificate !== null && this.#isDenied(certificate)) {
      return { ok: false, reason: "certificate_denied" };
    }
    if (this.#isMultiTenant && tenant === null) return { ok: false, reason: "tenant_required" };
    if (!this.#isTenantRight(tenant, claimedTenant)) return { ok: false, reason: "tenant_mismatch" };
    const rights = this.#roles.resolve(identity);
    const principal = {
      subject,
      tenant: this.#isMultiTenant && tenant !== null ? tenant : DEFAULT_TENANT,
      account: account ?? (this.#isMultiTenant && tenant !== null ? tenant : subject),
      rights,
      expiresAtMs,
    };
    return { ok: true, principal, rights };
  }

  /** Whether a login is refused although it is valid otherwise. */
  isRevoked({ tokenId, subject }: Pick<Identity, "tokenId" | "subject">): boolean {
    return (tokenId !== null && this.#revokedIds.has(tokenId)) || this.#revokedSubjects.has(subject);
  }

  /**
   * A peer that names a tenant relies on being in it. Without multi-tenancy all are in the default one, whatever their
   * tokens name (an issuer may put tenants into all of its tokens), so a name that neither is that nor stands in the
   * token is refused.
   */
  #isTenantRight(tenant: string | null, claimed: string | null): boolean {
    return claimed === null || claimed === tenant || (!this.#isMultiTenant && claimed === DEFAULT_TENANT);
  }
}

function isNameOrNull(name: string | null): boolean {
  return name === null || isLoginName(name);
}
