/**
 * Whom a hub believes by certificate. Every certificate that a peer shows is verified here, on each connection: the
 * chain of signatures up to an authority of the configuration, validity, what it is for, and that nothing in the
 * chain is denied. What the runtime found out is not asked: a resumed session skips its check (platform: tickets).
 * The work is bounded: only what an authority vouches for is gone on with, and a peer sends few certificates.
 */
import { X509Certificate } from "node:crypto";
import {
  type CertificateFault,
  type CertificateVerdict,
  type ClientCertificate,
  MAX_CERTIFICATES,
} from "../core/client_certificate.ts";
import { DenyList } from "./deny_list.ts";
import { type CertificateFields, Purpose, readCertificate } from "./certificate_fields.ts";
import { fingerprintsOf } from "./fingerprints.ts";

/** What is believed. */
export interface ClientTrustOptions {
  /** They are believed whoever signed them. */
  readonly authorities: readonly X509Certificate[];
  /** Whether a peer without a certificate is refused. */
  readonly required: boolean;
  /** SHA-256 fingerprints and serial numbers, in hex with or without colons, of certificates that are refused. */
  readonly deny: readonly string[];
}

/** A certificate with its fields. */
interface Known {
  readonly x509: X509Certificate;
  readonly fields: CertificateFields;
  /** By which it can be denied: its serial number, its fingerprints. */
  readonly marks: readonly string[];
}

/** One that may vouch for others. */
interface Issuer extends Known {
  /** How many authorities may stand below it. */
  readonly below: number;
  /** Until when it and those above it are valid. */
  readonly untilMs: number;
  /** Those of it and of those above it. */
  readonly marksOfAll: readonly string[];
}

const CANNOT_VERIFY =
  "its signature cannot be verified; use a key of ECDSA P-256 or P-384, Ed25519, or RSA with PKCS #1";

type Judged<T> = { readonly ok: true; readonly value: T } | {
  readonly ok: false;
  readonly fault: CertificateFault;
};

/** The authorities of one configuration. */
export class ClientTrust {
  readonly required: boolean;
  readonly #authorities: readonly Known[];
  readonly #deny: DenyList;

  /** Throws a `TypeError` for an authority that cannot vouch for anybody. */
  constructor({ authorities, required, deny }: ClientTrustOptions) {
    this.required = required;
    this.#authorities = authorities.map(knownAuthority);
    this.#deny = new DenyList(deny);
  }

  /** Judges what a peer shows, in DER: its certificate first, then those that vouch for it, in any order. */
  check(shown: readonly Uint8Array[], nowMs: number): CertificateVerdict {
    if (shown.length > MAX_CERTIFICATES) return { kind: "refused", fault: "chain_too_long" };
    const known = shown.map(readKnown).filter((one) => one !== null);
    const [own, ...others] = known;
    if (known.length < shown.length) return { kind: "refused", fault: "malformed" };
    if (own === undefined) return { kind: "refused", fault: "missing" };
    const verdict = this.#judge(own, others, nowMs);
    if (!verdict.ok) return { kind: "refused", fault: verdict.fault };
    const { x509: { fingerprint256 }, fields: { names } } = own;
    const fingerprint = fingerprint256.replaceAll(":", "");
    return { kind: "accepted", certificate: { names, fingerprint, ...verdict.value } };
  }

  /** Gives until when it holds, and by what it can be denied later. */
  #judge(
    own: Known,
    others: readonly Known[],
    nowMs: number,
  ): Judged<Pick<ClientCertificate, "expiresAtMs" | "marks">> {
    const issuer = this.#issuerOf(own, others, nowMs);
    if (!issuer.ok) return issuer;
    const fault = this.#faultOf(own, nowMs) ?? faultOfSignature(own) ?? faultOfClient(own.fields);
    if (fault !== null) return { ok: false, fault };
    const { untilMs, marksOfAll } = issuer.value;
    const expiresAtMs = Math.min(own.x509.validToDate.getTime(), untilMs);
    return { ok: true, value: { expiresAtMs, marks: [...own.marks, ...marksOfAll] } };
  }

  /** Finds who vouches for a certificate: from the authorities down, so that nothing unsigned costs a signature. */
  #issuerOf(own: Known, others: readonly Known[], nowMs: number): Judged<Issuer> {
    let fault: CertificateFault = "untrusted";
    const judge = (known: Known, above: Issuer | null): Issuer | null => {
      // What an authority of the configuration signed of itself proves nothing, so how does not matter.
      const found = this.#faultOf(known, nowMs) ?? (above === null ? null : faultOfSignature(known)) ??
        faultOfAuthority(known.fields);
      if (found !== null) fault = found;
      return found === null ? issuerBelow(above, known) : null;
    };
    const rest = new Set(others);
    // Grows while it is gone through: what one of them vouches for may vouch for others.
    const issuers: Issuer[] = this.#authorities.map((known) => judge(known, null)).filter((one) =>
      one !== null
    );
    for (const issuer of issuers) {
      if (hasSigned(issuer, own)) return { ok: true, value: issuer };
      for (const other of rest) {
        if (issuer.below === 0 || !hasSigned(issuer, other)) continue;
        rest.delete(other);
        const next = judge(other, issuer);
        if (next !== null) issuers.push(next);
      }
    }
    return { ok: false, fault };
  }

  /** What speaks against any certificate of a chain. */
  #faultOf({ x509, fields, marks }: Known, nowMs: number): CertificateFault | null {
    if (this.#deny.hasAny(marks)) return "denied";
    // Dates that cannot be read are no times, and no comparison with them is true.
    if (!(nowMs >= x509.validFromDate.getTime())) return "not_yet_valid";
    if (!(nowMs < x509.validToDate.getTime())) return "expired";
    return fields.isSupported ? null : "unsupported";
  }
}

function faultOfSignature({ fields }: Known): CertificateFault | null {
  return fields.isSignatureWeak ? "unsupported" : null;
}

function issuerBelow(above: Issuer | null, known: Known): Issuer {
  const allowed = above === null ? Infinity : above.below - 1;
  return {
    ...known,
    below: Math.min(allowed, known.fields.pathLength ?? Infinity),
    untilMs: Math.min(above?.untilMs ?? Infinity, known.x509.validToDate.getTime()),
    marksOfAll: [...known.marks, ...above?.marksOfAll ?? []],
  };
}

function faultOfAuthority(
  { isAuthority, maySignCertificates, purposes }: CertificateFields,
): CertificateFault | null {
  if (!isAuthority || !maySignCertificates) return "untrusted";
  const isForClients = purposes === null || purposes.includes(Purpose.client) ||
    purposes.includes(Purpose.any);
  return isForClients ? null : "usage";
}

/** Whoever is to log in by certificate has one that says so: one that says nothing may be a server's. */
function faultOfClient({ maySign, purposes }: CertificateFields): CertificateFault | null {
  return maySign && purposes?.includes(Purpose.client) === true ? null : "usage";
}

function hasSigned({ x509: issuer }: Known, { x509 }: Known): boolean {
  try {
    return x509.checkIssued(issuer) && x509.verify(issuer.publicKey);
  } catch {
    // A kind of key that the runtime cannot verify with.
    return false;
  }
}

function readKnown(der: Uint8Array): Known | null {
  const fields = readCertificate(der);
  if (fields === null) return null;
  try {
    return knownOf(new X509Certificate(der), fields);
  } catch {
    return null;
  }
}

function knownOf(x509: X509Certificate, fields: CertificateFields): Known {
  return { x509, fields, marks: [x509.serialNumber, ...fingerprintsOf(x509.raw)] };
}

function knownAuthority(x509: X509Certificate): Known {
  const fields = readCertificate(x509.raw);
  if (fields === null) throw new TypeError("it cannot be read");
  if (!fields.isAuthority || !fields.maySignCertificates) {
    throw new TypeError("it is not one of an authority");
  }
  const known = knownOf(x509, fields);
  // What it signed itself tells whether its kind of key can be verified with.
  if (x509.checkIssued(x509) && !hasSigned(known, known)) {
    throw new TypeError(CANNOT_VERIFY);
  }
  return known;
}
