/**
 * Turns the section `auth` of a configuration into what the login service works with.
 */
import type { Authenticator, Grant, Identity } from "../auth/authenticator.ts";
import { DenyList } from "../auth/deny_list.ts";
import { ListedCertificates } from "../auth/listed_certificates.ts";
import { hashToken } from "../auth/login.ts";
import type { LoginOptions } from "../auth/login_policy.ts";
import type { Config } from "../config/schema.ts";

type ListedLogin = Config["auth"]["tokens"][number];

/** The options of a login service that asks these authenticators. */
export function loginOptions(
  { tokens, certificates, permissions, revoked, multi_tenant, lockout }: Config["auth"],
  { authenticators, deny }: {
    readonly authenticators: readonly Authenticator[];
    /** Client certificates that are refused. */
    readonly deny: readonly string[];
  },
): LoginOptions {
  const identities = new Map(tokens.map((entry) => [hashToken(entry.token), tokenIdentity(entry)]));
  const listed = new ListedCertificates(certificates);
  const denied = new DenyList(deny);
  return {
    authenticators,
    roles: permissions satisfies Readonly<Record<string, Grant>>,
    revoked: { tokenIds: revoked.jti, subjects: revoked.subjects },
    isMultiTenant: multi_tenant,
    lockout: { threshold: lockout.threshold, durationMs: lockout.duration },
    findStaticToken: (tokenHash) => identities.get(tokenHash) ?? null,
    findCertificate: (certificate) => listed.find(certificate),
    isDenied: ({ marks }) => denied.hasAny(marks),
  };
}

/** Whom an entry of `auth.tokens` stands for. */
export function tokenIdentity(
  { subject, tenant, account, roles, permissions }: Omit<ListedLogin, "token">,
): Identity {
  return {
    method: "token",
    subject,
    tenant,
    account,
    roles,
    grant: permissions,
    expiresAtMs: null,
    tokenId: null,
  };
}
