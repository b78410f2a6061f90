/**
 * What happens at the door of a hub, as plain numbers that the metrics read when they are collected.
 */
import type { CertificateFault } from "../core/client_certificate.ts";
import type { FirstByteKind } from "../wire/first_byte.ts";

/** Why a connection was turned away; a closed list, because it becomes a label. */
export const REFUSALS = [
  "max_connections",
  "max_connections_per_ip",
  "proxy_header",
  "first_byte_timeout",
  "unknown_transport",
  "transport_not_available",
  "origin",
  "host",
  "unknown_path",
  "bad_handshake",
  "client_certificate",
  "login",
  "pipelining",
  "request_timeout",
  "draining",
] as const;
/** A reason of {@link REFUSALS}. */
export type Refusal = typeof REFUSALS[number];

/** Counters of one hub's listeners. */
export class DoorStats {
  /** Sockets that are there now, whatever they speak. */
  sockets = 0;
  /** Sockets that were ever accepted by the kernel for us. */
  accepted = 0;
  tlsHandshakeErrors = 0;
  readonly firstBytes: Record<FirstByteKind, number> = { http: 0, text: 0, frames: 0, json: 0, unknown: 0 };
  readonly refused = new Map<Refusal, number>();
  /** Clients whose certificate, or the lack of one, ended their connection. */
  readonly certificates = new Map<CertificateFault, number>();
  /** Answers to HTTP requests that were no upgrade, by status. */
  readonly httpResponses = new Map<number, number>();

  refuse(reason: Refusal): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  refuseCertificate(fault: CertificateFault): void {
    this.refuse("client_certificate");
    this.certificates.set(fault, (this.certificates.get(fault) ?? 0) + 1);
  }

  respond(status: number): void {
    this.httpResponses.set(status, (this.httpResponses.get(status) ?? 0) + 1);
  }
}
