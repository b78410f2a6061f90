/**
 * One accepted TCP connection on its way to a transport: where it comes from, what is counted for it and how
 * it ends. The PROXY header, TLS and the first byte are read here, one after the other, within one deadline.
 */
import type { Socket } from "node:net";
import type { TLSSocketOptions } from "node:tls";
import type { ClientCertificate } from "../core/client_certificate.ts";
import { concat } from "../core/concat.ts";
import { isLoopback } from "../core/ip_range.ts";
import type { PeerAddress } from "../core/transport.ts";
import { type GatedSocket, PlainSocket, TlsGate } from "../link/gated_socket.ts";
import { decodeProxyHeader, MAX_PROXY_HEADER_BYTES } from "../wire/proxy_header.ts";
import { certificatesOf } from "./client_gate.ts";

/** How long a peer gets to read our last words before its socket is destroyed. */
const LINGER_MS = 2000;

/** What came of a TLS handshake. */
export type TlsOutcome = "secured" | "no_certificate" | "failed";

/** Of the error when a peer shows no certificate and has to. */
const NO_CERTIFICATE = "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE";

/** What a PROXY header said. */
export type ProxyOutcome = "ok" | "invalid" | "gone";

/** An accepted connection. */
export class AcceptedSocket {
  /** The socket that bytes are read from: raw at first, TLS later. */
  link: GatedSocket;
  peer: PeerAddress;
  /** What it showed when TLS began, once it was verified. */
  certificate: ClientCertificate | null = null;
  /** Requests over HTTP that are being answered. */
  activeRequests = 0;
  /** Whether a connection of the hub owns it. */
  upgraded = false;
  readonly #raw: Socket;
  #isProxied = false;

  constructor(raw: Socket) {
    this.#raw = raw;
    this.link = new PlainSocket(raw);
    this.peer = { ip: raw.remoteAddress ?? "", port: raw.remotePort ?? 0 };
  }

  /** Whether it comes from the hub's own machine. What a proxy sends on does not, whatever address it names. */
  get isLocal(): boolean {
    return !this.#isProxied && isLoopback(this.peer.ip);
  }

  /** Takes the address of the peer from the PROXY header that the socket has to start with. */
  async readProxyHeader(): Promise<ProxyOutcome> {
    this.#isProxied = true;
    let bytes: Uint8Array = new Uint8Array(0);
    for (;;) {
      const chunk = await this.readChunk();
      if (chunk === null) return "gone";
      bytes = concat([bytes, chunk]);
      const result = decodeProxyHeader(bytes);
      if (result.kind === "invalid") return "invalid";
      if (result.kind === "header") {
        if (result.source !== null) this.peer = result.source;
        this.putBack(bytes.subarray(result.bytes));
        return "ok";
      }
      if (bytes.length >= MAX_PROXY_HEADER_BYTES) return "invalid";
    }
  }

  /** Does the TLS handshake as the server. The socket is destroyed when it failed. */
  startTls(options: TLSSocketOptions): Promise<TlsOutcome> {
    const gate = TlsGate.server(this.#raw, options);
    this.link = gate;
    const { promise, resolve } = Promise.withResolvers<TlsOutcome>();
    gate.socket.once("secure", () => resolve("secured"));
    gate.socket.on("error", (error: Error & { code?: string }) => {
      this.destroy();
      resolve(error.code === NO_CERTIFICATE ? "no_certificate" : "failed");
    });
    gate.socket.once("close", () => resolve("failed"));
    // Who ends in the middle of the handshake; on this runtime the raw socket below does not tell.
    gate.socket.once("end", () => resolve("failed"));
    this.#raw.once("close", () => resolve("failed"));
    this.#raw.once("end", () => resolve("failed"));
    if (this.#raw.readableEnded) resolve("failed");
    return promise;
  }

  /** The certificates that the peer showed when TLS began: its own first, and not verified. */
  get shownCertificates(): readonly Uint8Array[] {
    return this.link instanceof TlsGate ? certificatesOf(this.link.socket) : [];
  }

  /** The next bytes, with the socket paused behind them; `null` when there are none to come. */
  readChunk(): Promise<Uint8Array | null> {
    const { socket } = this.link;
    const { promise, resolve } = Promise.withResolvers<Uint8Array | null>();
    const settle = (chunk: Uint8Array | null) => {
      socket.off("data", onData).off("end", onEnd).off("close", onEnd);
      socket.pause();
      resolve(chunk);
    };
    const onData = (chunk: Uint8Array) => settle(chunk);
    const onEnd = () => settle(null);
    socket.on("data", onData).on("end", onEnd).on("close", onEnd);
    if (socket.destroyed || socket.readableEnded) onEnd();
    else socket.resume();
    return promise;
  }

  /** Gives back bytes that belong to whoever reads next. */
  putBack(bytes: Uint8Array): void {
    if (bytes.length > 0) this.link.socket.unshift(bytes);
  }

  /** Sends last words and closes; what the peer still sends is thrown away for a moment, so that it can read them. */
  endWith(lastWords: Uint8Array): void {
    sayLastWords(this.link.socket, lastWords);
  }

  destroy(): void {
    this.link.socket.destroy();
    this.#raw.destroy();
  }
}

/** Writes last words to a socket, ends it and destroys it soon. */
export function sayLastWords(socket: Socket, lastWords: Uint8Array): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
  socket.once("end", () => socket.destroy());
  socket.on("data", discard);
  socket.end(lastWords);
  socket.resume();
}

function discard(): void {}
