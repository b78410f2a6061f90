/**
 * What a client proves with a certificate, and why one is refused. It is made by whoever verified the certificate
 * himself: what the runtime says of a peer is never believed.
 */

/** A client certificate that was verified. */
export interface ClientCertificate {
  /** What it may be known by: its URI names, its DNS names, its common name. */
  readonly names: readonly string[];
  /** SHA-256 of it, as 64 upper-case digits. */
  readonly fingerprint: string;
  /** By which it can be denied, in hex: serial numbers and fingerprints of it and of all that vouch for it. */
  readonly marks: readonly string[];
  /** Until when it and all that vouch for it are valid, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Why a client certificate is refused; a closed list, because it becomes a label. */
export const CERTIFICATE_FAULTS = [
  /** There is none, and there has to be. */
  "missing",
  /** It, or one that came with it, cannot be read. */
  "malformed",
  /** More came with it than anybody needs. */
  "chain_too_long",
  /** No authority that is believed stands behind it. */
  "untrusted",
  "expired",
  "not_yet_valid",
  /** It is not for clients. */
  "usage",
  /** It, or one that vouches for it, has a critical extension that is not understood, or a weak signature. */
  "unsupported",
  /** It, or one that vouches for it, is on the list of those that are refused. */
  "denied",
] as const;
/** A fault of {@link CERTIFICATE_FAULTS}. */
export type CertificateFault = typeof CERTIFICATE_FAULTS[number];

/** What comes of a certificate. */
export type CertificateVerdict =
  | { readonly kind: "accepted"; readonly certificate: ClientCertificate }
  | { readonly kind: "refused"; readonly fault: CertificateFault };

/** Certificates that a peer may send, its own and those of authorities; those that the runtime adds count too. */
export const MAX_CERTIFICATES = 8;
