/** How a listener of the hub speaks TLS, from what was loaded for it. */
import type { ListenerTls } from "../hub/client_gate.ts";
import type { TlsMaterial } from "./tls_files.ts";

/** The TLS of one connection. */
export function listenerTls({ context, minVersion, clients }: TlsMaterial): ListenerTls {
  const options = { secureContext: context, minVersion };
  if (clients === null) return { options, clients };
  const { required } = clients;
  // The runtime only asks for a certificate, tells a client that shows none, and makes sure that the key is there.
  return {
    options: { ...options, requestCert: true, rejectUnauthorized: required },
    clients: { required, check: (shown) => clients.check(shown, Date.now()) },
  };
}
