/** How a listener of the hub speaks TLS, from what was loaded for it. */
import type { TLSSocketOptions } from "node:tls";
import type { ClientTrust } from "../auth/client_trust.ts";
import type { ListenerTls } from "../hub/client_gate.ts";

/** The TLS of one connection. `clients`: whose certificates are believed; `null`: none are asked for. */
export function listenerTls(options: TLSSocketOptions, clients: ClientTrust | null): ListenerTls {
  if (clients === null) return { options, clients };
  const { required } = clients;
  // The runtime only asks for a certificate, tells a client that shows none, and makes sure that the key is there.
  return {
    options: { ...options, requestCert: true, rejectUnauthorized: required },
    clients: { required, check: (shown) => clients.check(shown, Date.now()) },
  };
}
