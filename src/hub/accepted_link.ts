/**
 * An accepted socket that speaks its transport from here on. It holds nothing of how it came to that (a request, a
 * handshake), so that an idle connection does not keep it alive.
 */
import type { ClientCertificate } from "../core/client_certificate.ts";
import type { PeerAddress } from "../core/transport.ts";
import type { GatedStream } from "../link/gated_socket.ts";
import type { Login } from "./login.ts";

/** A socket right before the first message of its transport. */
export interface AcceptedLink {
  readonly link: GatedStream;
  readonly peer: PeerAddress;
  /** Bytes that were read already and belong to the transport. */
  readonly head: Uint8Array;
  /** Whether it comes from a program on the hub's own machine, and not through a proxy or a web page. */
  readonly isLocal: boolean;
  /** What it was let in with when TLS began, verified; `null`: nothing. */
  readonly admittedBy: ClientCertificate | null;
  /** The same where it may log in by it. */
  readonly certificate: ClientCertificate | null;
  /** What it logged in with before its first message; `null`: nothing yet. */
  readonly login: Login | null;
  /** What its login calls the connection already. @default a new one */
  readonly connectionId?: string | undefined;
}
