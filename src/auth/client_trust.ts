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
  MAX_CERTIFICATES,
} from "../core/client_certificate.ts";
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
}

/** One that may vouch for others. */
interface Issuer extends Known {
  /** How many authorities may stand below it. */
  readonly below: number;
  /** Until when it and those above it are valid. */
  readonly untilMs: number;
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
  readonly #deny: ReadonlySet<string>;

  /** Throws a `TypeError` for an authority that cannot vouch for anybody. */
  constructor({ authorities, required, deny }: ClientTrustOptions) {
    this.required = required;
    this.#authorities = authorities.map(knownAuthority);
    this.#deny = new Set(deny.map(plainHex));
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
    return { kind: "accepted", certificate: { names, fingerprint, expiresAtMs: verdict.value } };
  }

  /** Gives until when it holds. */
  #judge(own: Known, others: readonly Known[], nowMs: number): Judged<number> {
    const issuer = this.#issuerOf(own, others, nowMs);
    if (!issuer.ok) return issuer;
    const fault = this.#faultOf(own, nowMs) ?? faultOfSignature(own) ?? faultOfClient(own.fields);
    if (fault !== null) return { ok: false, fault };
    return { ok: true, value: Math.min(own.x509.validToDate.getTime(), issuer.value.untilMs) };
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
  #faultOf({ x509, fields }: Known, nowMs: number): CertificateFault | null {
    if (this.#isDenied(x509)) return "denied";
    // Dates that cannot be read are no times, and no comparison with them is true.
    if (!(nowMs >= x509.validFromDate.getTime())) return "not_yet_valid";
    if (!(nowMs < x509.validToDate.getTime())) return "expired";
    return fields.isSupported ? null : "unsupported";
  }

  #isDenied({ raw, serialNumber }: X509Certificate): boolean {
    if (this.#deny.size === 0) return false;
    return [serialNumber, ...fingerprintsOf(raw)].some((name) => this.#deny.has(plainHex(name)));
  }
}

function faultOfSignature({ fields }: Known): CertificateFault | null {
  return fields.isSignatureWeak ? "unsupported" : null;
}

function issuerBelow(above: Issuer | null, { x509, fields }: Known): Issuer {
  const allowed = above === null ? Infinity : above.below - 1;
  return {
    x509,
    fields,
    below: Math.min(allowed, fields.pathLength ?? Infinity),
    untilMs: Math.min(above?.untilMs ?? Infinity, x509.validToDate.getTime()),
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
    return { x509: new X509Certificate(der), fields };
  } catch {
    return null;
  }
}

function knownAuthority(x509: X509Certificate): Known {
  const fields = readCertificate(x509.raw);
  if (fields === null) throw new TypeError("it cannot be read");
  if (!fields.isAuthority || !fields.maySignCertificates) {
    throw new TypeError("it is not one of an authority");
  }
  // What it signed itself tells whether its kind of key can be verified with.
  if (x509.checkIssued(x509) && !hasSigned({ x509, fields }, { x509, fields })) {
    throw new TypeError(CANNOT_VERIFY);
  }
  return { x509, fields };
}

/** Upper-case digits without colons and without zeros before them, so that equal numbers are equal texts. */
function plainHex(hex: string): string {
  return hex.replaceAll(":", "").toUpperCase().replace(/^0+(?=.)/, "");
}
