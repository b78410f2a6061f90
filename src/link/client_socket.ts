/**
 * Sockets that are dialled: connected over TCP, without Nagle and with probes for a peer that vanished, and secured
 * by TLS through the gate that really pauses it. Errors are told by whoever waits; later ones by the close.
 */
import { connect, isIP, type Socket } from "node:net";
import type { ClientTls } from "./client_tls.ts";
import { TlsGate } from "./gated_socket.ts";
import { ignoreSocketError } from "./socket_transport.ts";

/** Probes find out about a peer that vanished without a word. */
const KEEP_ALIVE_MS = 30_000;

/** Where to dial. */
export interface SocketPlace {
  /** An IP address without brackets, or a name. */
  readonly host: string;
  readonly port: number;
}

/** Begins to connect; {@link established} waits for it. `allowHalfOpen`: the end of the peer is not that of the socket. */
export function openSocket(
  { host, port }: SocketPlace,
  { allowHalfOpen = false }: { readonly allowHalfOpen?: boolean } = {},
): Socket {
  const socket = connect({
    host,
    port,
    allowHalfOpen,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  socket.on("error", ignoreSocketError);
  return socket;
}

/** Begins TLS with a host over a connected socket; `alpn` is the protocol to agree on. {@link established} waits for it. */
export function secureSocket(
  raw: Socket,
  { host, tls, alpn }: { host: string; tls: ClientTls; alpn?: string },
): TlsGate {
  const gate = TlsGate.client(raw, {
    host,
    rejectUnauthorized: tls.verify,
    minVersion: tls.minVersion === "1.3" ? "TLSv1.3" : "TLSv1.2",
    // Addresses have no place in the server name (RFC 6066, section 3); they are checked all the same.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
    ...tls.client,
  });
  gate.socket.on("error", ignoreSocketError);
  return gate;
}

/** Resolves once the socket is connected, or secured; rejects with its error, or when it closes before. */
export function established(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once(event, resolve);
  socket.once("error", reject);
  socket.once("close", () => reject(closedError()));
  return promise;
}

/** What it means that a socket closed without an error: the same as a reset. */
export function closedError(): Error {
  return Object.assign(new Error("the socket was closed"), { code: "ECONNRESET" });
}

/** What an error of a socket that was dialled is about. */
export type SocketFault =
  | "refused"
  | "no_address"
  | "cut_off"
  | "not_tls"
  | "wrong_host"
  | "system"
  | "other";

/** Tells by its code what an error is about; `other` is mostly TLS, or what was read. */
export function socketFaultOf(cause: unknown): SocketFault {
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
  switch (code) {
    case "ECONNREFUSED":
      return "refused";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "no_address";
    case "ECONNRESET":
    // The hub says so before it cuts off whoever shows no certificate.
    case "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED":
      return "cut_off";
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return "not_tls";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "wrong_host";
  }
  return SYSTEM_ERROR.test(code) ? "system" : "other";
}

/** Errors of the operating system are not about TLS. */
const SYSTEM_ERROR = /^E(HOST|NET|CONN|ADDR|ACCES|PERM|PIPE|TIMEDOUT)/;
