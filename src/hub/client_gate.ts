/**
 * The gate of client certificates, right behind the TLS handshake: nobody gets past it whose certificate was not
 * verified on this very connection. Who verifies stands behind a port; the runtime's own word is not asked for.
 */
import type { DetailedPeerCertificate, TLSSocket, TLSSocketOptions } from "node:tls";
import {
  type CertificateVerdict,
  type ClientCertificate,
  MAX_CERTIFICATES,
} from "../core/client_certificate.ts";

/** Decides whose certificate is believed. */
export interface ClientGate {
  /** Whether everybody has to show a certificate. */
  readonly required: boolean;
  /** Judges the certificate of a peer and those that came with it behind it, in DER. */
  check(shown: readonly Uint8Array[]): CertificateVerdict;
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
export function judgeClient({ required, check }: ClientGate, shown: readonly Uint8Array[]): GateOutcome {
  if (shown.length === 0) return required ? { kind: "refused", fault: "missing" } : NONE;
  return check(shown);
}

/**
 * What a peer showed, of this session or of the one that it resumes, in DER; one more than anybody may show at most.
 * The runtime adds the authority where it knows it.
 */
export function certificatesOf(socket: TLSSocket): readonly Uint8Array[] {
  const shown: Uint8Array[] = [];
  // An empty object stands for none, whatever its type says.
  let next: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && shown.length <= MAX_CERTIFICATES) {
    shown.push(next.raw);
    const issuer: Partial<DetailedPeerCertificate> | undefined = next.issuerCertificate;
    // Who signed itself stands behind itself for ever.
    next = issuer === next ? undefined : issuer;
  }
  return shown;
}
