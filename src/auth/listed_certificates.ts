/**
 * Login by client certificate: whom the names of a certificate that was verified stand for. The entries are asked in
 * their order, and each has to be the whole of a name, letter by letter.
 */
import type { ClientCertificate } from "../core/client_certificate.ts";
import type { Grant, Identity } from "./authenticator.ts";

/** A name that certificates have, and who has such a certificate. */
export interface ListedCertificate {
  /** The common name, or a URI or DNS name. */
  readonly match: string;
  readonly subject: string;
  readonly account: string | null;
  readonly tenant: string | null;
  readonly roles: readonly string[];
  readonly permissions: Grant | null;
}

interface Found {
  readonly at: number;
  readonly entry: ListedCertificate;
}

/** Knows some certificates by their names. */
export class ListedCertificates {
  readonly #entries: ReadonlyMap<string, Found>;

  /** Of entries with equal names the first counts. */
  constructor(entries: readonly ListedCertificate[]) {
    const numbered = entries.map((entry, at) => [entry.match, { at, entry }] as const);
    this.#entries = new Map(numbered.reverse());
  }

  /** Whom a certificate stands for; `null`: nobody. */
  find({ names, expiresAtMs }: ClientCertificate): Identity | null {
    const found = names.map((name) => this.#entries.get(name)).filter((one) => one !== undefined)
      .reduce<Found | null>((first, one) => first === null || one.at < first.at ? one : first, null);
    return found === null ? null : identityOf(found.entry, expiresAtMs);
  }
}

function identityOf(
  { subject, account, tenant, roles, permissions }: ListedCertificate,
  expiresAtMs: number,
): Identity {
  const names = { subject, account, tenant, roles, grant: permissions };
  return { method: "certificate", ...names, expiresAtMs, tokenId: null };
}
