/**
 * The gate of client certificates, right behind the TLS handshake: nobody gets past it whose certificate was not
 * verified on this very connection. Who verifies stands behind a port; the runtime's own word is not asked for.
 */
import type { X509Certificate } from "node:crypto";
import type { TLSSocket, TLSSocketOptions } from "node:tls";
import {
  type CertificateVerdict,
  type ClientCertificate,
  MAX_CERTIFICATES,
} from "../core/client_certificate.ts";

/** Decides whose certificate is believed. */
export interface ClientGate {
  /** Whether everybody has to show a certificate. */
  readonly required: boolean;
  /** Judges the certificate of a peer, and those that came with it behind it. */
  check(shown: readonly X509Certificate[]): CertificateVerdict;
}

/** How TLS is spoken with a connection. */
export interface ListenerTls {
  readonly options: TLSSocketOptions;
  /** `null`: no certificate is asked for. */
  readonly clients: ClientGate | null;
}

/** What comes of a connection at the gate; `null` for a certificate: it has none, and need not. */
export type GateOutcome =
  | { readonly kind: "accepted"; readonly certificate: ClientCertificate | null }
  | Extract<CertificateVerdict, { kind: "refused" }>;

const NONE = { kind: "accepted", certificate: null } as const;

/** Judges a connection after its handshake. A certificate that is no good is never taken for none. */
export function judgeClient({ required, check }: ClientGate, shown: readonly X509Certificate[]): GateOutcome {
  if (shown.length === 0) return required ? { kind: "refused", fault: "missing" } : NONE;
  return check(shown);
}

/** What a peer showed, of this session or of the one that it resumes; one more than anybody may show at most. */
export function certificatesOf(socket: TLSSocket): readonly X509Certificate[] {
  const shown: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next !== undefined && shown.length <= MAX_CERTIFICATES) {
    shown.push(next);
    const issuer: X509Certificate | undefined = next.issuerCertificate;
    next = issuer === undefined || issuer.raw.equals(next.raw) ? undefined : issuer;
  }
  return shown;
}
