/**
 * One address of the hub: accepts, counts, reads PROXY header, TLS and the first byte, and hands the socket
 * to its transport. The HTTP server is the one that listens (its time-outs work only then); its own connection
 * listener is taken off and called for the sockets that turn out to speak HTTP.
 */
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { CertificateFault } from "../core/client_certificate.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";
import { type Logger, systemClock } from "../core/ports.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import { LinePace } from "../limits/line_pace.ts";
import { classifyFirstByte, type FirstByteKind } from "../wire/first_byte.ts";
import { encodeNotAvailable } from "../wire/not_available.ts";
import type { AcceptedLink } from "./accepted_link.ts";
import { AcceptedSocket } from "./accepted_socket.ts";
import type { Admission } from "./admission.ts";
import { judgeClient, type ListenerTls } from "./client_gate.ts";
import { Deadline } from "./deadline.ts";
import type { DoorStats } from "./hub_stats.ts";
import type { Login, LoginDesk } from "./login.ts";
import { type NoPlace, Refusals } from "./refusals.ts";

/** What one address needs. */
export interface ListenerOptions {
  readonly address: { readonly host: string; readonly port: number };
  /** Certificates and versions, and whose are believed; `null` for plain text. Asked at each connection. */
  readonly tls: (() => ListenerTls) | null;
  /** What is spoken there. Where that is nothing but text, nobody has to speak first. */
  readonly transports: readonly FirstByteKind[];
  /** A server that does not listen yet; its requests and upgrades are its owner's. */
  readonly http: Server;
  /** Accepted sockets by the socket that HTTP sees, for the owner of `http`. */
  readonly accepted: Map<unknown, AcceptedSocket>;
  /** Takes the sockets that speak text messages; `null` where nobody does. */
  readonly openText: ((accepted: AcceptedLink) => void) | null;
  /** Takes the sockets that speak frames; `null` where nobody does. */
  readonly openFrames: ((accepted: AcceptedLink) => void) | null;
  /** Takes the sockets that speak JSON lines; `null` where nobody does. */
  readonly openJson: ((accepted: AcceptedLink) => void) | null;
  readonly admission: Admission;
  readonly stats: DoorStats;
  /** Logs in who is known by a certificate, where nobody sends a token first; `null`: everybody may come in. */
  readonly logins: LoginDesk | null;
  /** Told of certificates that are refused. */
  readonly events: SecurityEvents;
  readonly logger: Logger;
  /** From accept to the first byte, TLS and PROXY header included. */
  readonly firstByteTimeoutMs: number;
  readonly keepAliveMs: number;
}

const NOTHING = new Uint8Array(0);

/** A bound address. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #toHttp: (socket: Socket) => void;
  readonly #sockets = new Set<AcceptedSocket>();
  readonly #refusals = new Refusals();
  readonly #refusalLines = new LinePace(systemClock);

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { http } = options;
    const own = http.listeners("connection");
    http.removeAllListeners("connection");
    this.#toHttp = (socket) => own.forEach((listen) => Reflect.apply(listen, http, [socket]));
    http.on("connection", (socket: Socket) => this.#accept(socket));
  }

  /** Binds the address. Throws `address_in_use` or `listen_failed`. */
  async listen(): Promise<void> {
    const { http, address, logger } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (error: Error & { code?: string }) => reject(listenError(error, address));
    http.once("error", fail);
    http.listen({ host: address.host, port: address.port }, resolve);
    await promise;
    http.off("error", fail);
    http.on("error", (error) => logger.error("The listener failed", { error: messageOf(error) }));
  }

  /** Where it listens, with the real port. */
  get address(): { readonly host: string; readonly port: number; readonly encrypted: boolean } {
    const bound = this.#options.http.address();
    const info: AddressInfo | null = typeof bound === "object" ? bound : null;
    return {
      host: info?.address ?? this.#options.address.host,
      port: info?.port ?? this.#options.address.port,
      encrypted: this.#options.tls !== null,
    };
  }

  /** Accepts nothing more, and ends what is neither a connection of the hub nor a request being answered. */
  stopAccepting(): void {
    this.#options.http.close();
    for (const socket of this.#sockets) {
      if (!socket.upgraded && socket.activeRequests === 0) socket.destroy();
    }
  }

  /** Ends every socket that is left. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(raw: Socket): void {
    const { admission, stats, keepAliveMs } = this.#options;
    const accepted = new AcceptedSocket(raw);
    raw.on("error", ignoreSocketError);
    stats.accepted++;
    stats.sockets++;
    this.#sockets.add(accepted);
    raw.once("close", () => {
      stats.sockets--;
      this.#sockets.delete(accepted);
    });
    if (!admission.enter()) {
      if (!this.#refuse(accepted, admission.refusal)) accepted.destroy();
      return;
    }
    raw.once("close", () => admission.leave());
    raw.setNoDelay(true);
    raw.setKeepAlive(true, keepAliveMs);
    this.#welcome(accepted, raw).catch((error) => {
      this.#options.logger.error("Cannot take a connection", { error: messageOf(error) });
      accepted.destroy();
    });
  }

  /** Takes a socket as far as its transport; who does not get that far within the time is gone. */
  async #welcome(accepted: AcceptedSocket, raw: Socket): Promise<void> {
    const deadline = new Deadline(this.#options.firstByteTimeoutMs, () => {
      this.#options.stats.refuse("first_byte_timeout");
      accepted.destroy();
    });
    try {
      if (!await this.#handOn(accepted, raw)) accepted.destroy();
    } finally {
      deadline.clear();
    }
  }

  /** Whether somebody looks after the socket from here on. */
  async #handOn(accepted: AcceptedSocket, raw: Socket): Promise<boolean> {
    if (!await this.#believeProxy(accepted)) return false;
    if (!this.#enterIp(accepted, raw)) return this.#refuse(accepted, "max_connections_per_ip");
    if (!await this.#encrypt(accepted)) return false;
    return (this.#isTextAlone && this.#handOver("text", accepted, NOTHING)) || await this.#dispatch(accepted);
  }

  async #believeProxy(accepted: AcceptedSocket): Promise<boolean> {
    const source = accepted.peer.ip;
    if (!this.#options.admission.isProxy(source)) return true;
    const outcome = await accepted.readProxyHeader();
    if (outcome === "invalid") {
      this.#options.stats.refuse("proxy_header");
      this.#options.logger.debug("Refused a connection without a valid PROXY header", { source });
    }
    return outcome === "ok";
  }

  /** Counts the connection for its address, now that the address is known. */
  #enterIp(accepted: AcceptedSocket, raw: Socket): boolean {
    const { admission } = this.#options;
    const { ip } = accepted.peer;
    if (!admission.enterIp(ip)) return false;
    if (raw.destroyed) admission.leaveIp(ip);
    else raw.once("close", () => admission.leaveIp(ip));
    return true;
  }

  async #encrypt(accepted: AcceptedSocket): Promise<boolean> {
    const { tls, stats } = this.#options;
    if (tls === null) return true;
    const { options, clients } = tls();
    const outcome = await accepted.startTls(options);
    if (outcome === "failed") stats.tlsHandshakeErrors++;
    if (outcome === "no_certificate") this.#turnAway(accepted, "missing");
    if (outcome !== "secured" || clients === null) return outcome === "secured";
    const verdict = judgeClient(clients, accepted.shownCertificates);
    if (verdict.kind === "accepted") accepted.certificate = verdict.certificate;
    else this.#turnAway(accepted, verdict.fault);
    return verdict.kind === "accepted";
  }

  /** Counts and tells that a certificate, or the lack of one, ends a connection. */
  #turnAway({ peer: { ip: address } }: AcceptedSocket, fault: CertificateFault): void {
    const { stats, events } = this.#options;
    stats.refuseCertificate(fault);
    const origin = { address, connectionId: null, who: null };
    this.#refusalLines.tell((before) =>
      this.#options.logger.info("Turned a client away for its certificate", {
        ip: address,
        reason: fault,
        before,
      })
    );
    events.record({ kind: "login_refused", ...origin, reason: `certificate_${fault}`, via: "certificate" });
  }

  async #dispatch(accepted: AcceptedSocket): Promise<boolean> {
    const { stats, transports, logger } = this.#options;
    const chunk = await accepted.readChunk();
    const first = chunk?.[0];
    if (chunk === null || first === undefined) return false;
    const kind = classifyFirstByte(first);
    stats.firstBytes[kind]++;
    if (kind === "http" && transports.includes("http")) {
      this.#handToHttp(accepted, chunk);
      return true;
    }
    if (kind !== "http" && kind !== "unknown" && this.#handOver(kind, accepted, chunk)) return true;
    stats.refuse(kind === "unknown" ? "unknown_transport" : "transport_not_available");
    logger.debug("Refused a connection by its first byte", { ip: accepted.peer.ip, first, kind });
    const lastWords = encodeNotAvailable(kind, crypto.randomUUID());
    if (lastWords !== null) accepted.endWith(lastWords);
    return lastWords !== null;
  }

  /** Whether the transport is spoken here, and the socket is with those who do. */
  #handOver(kind: "text" | "frames" | "json", accepted: AcceptedSocket, head: Uint8Array): boolean {
    const { transports, openText, openFrames, openJson } = this.#options;
    const open = { text: openText, frames: openFrames, json: openJson }[kind];
    if (open === null || !transports.includes(kind)) return false;
    accepted.upgraded = true;
    const { link, peer, isLocal, certificate } = accepted;
    const connectionId = crypto.randomUUID();
    // Frames and JSON lines have a message of their own in which a client logs in, or shows a token instead.
    const login = kind === "text" ? this.#loginOf(accepted, connectionId) : null;
    open({ link, peer, isLocal, head, admittedBy: certificate, certificate, login, connectionId });
    return true;
  }

  #loginOf({ certificate, peer: { ip } }: AcceptedSocket, connectionId: string): Login | null {
    const { logins } = this.#options;
    const outcome = logins?.loginByCertificate({ certificate, ip, connectionId, tenant: null });
    return outcome?.kind === "accepted" ? outcome.login : null;
  }

  #handToHttp(accepted: AcceptedSocket, chunk: Uint8Array): void {
    const { socket } = accepted.link;
    this.#options.accepted.set(socket, accepted);
    socket.once("close", () => this.#options.accepted.delete(socket));
    accepted.putBack(chunk);
    this.#toHttp(socket);
    accepted.link.resume();
  }

  /**
   * Tells a client why, as long as not too many are told; whether this one is. Over TLS only the lack of memory is told,
   * which ends by itself: a handshake costs more than everything else.
   */
  #refuse(accepted: AcceptedSocket, reason: NoPlace): boolean {
    const { stats, tls, transports } = this.#options;
    stats.refuse(reason);
    const kind = this.#isTextAlone ? transports[0] ?? null : null;
    if (reason !== "memory") return tls === null && this.#refusals.tell(accepted, { reason, kind });
    const prepare = async () => await this.#believeProxy(accepted) && await secure(accepted, tls);
    return this.#refusals.tell(accepted, { reason, kind, prepare });
  }

  /** Whether nothing but text is spoken here, so that nobody has to speak first. */
  get #isTextAlone(): boolean {
    const { transports } = this.#options;
    return transports.length === 1 && transports[0] === "text";
  }
}

/** Does the TLS handshake where there is one to do, whoever the client is. */
async function secure(accepted: AcceptedSocket, tls: (() => ListenerTls) | null): Promise<boolean> {
  return tls === null || await accepted.startTls(tls().options) === "secured";
}

function listenError(
  error: Error & { code?: string },
  { host, port }: { host: string; port: number },
): TrunklineError {
  if (error.code === "EADDRINUSE") {
    const message =
      `Cannot listen on ${host}:${port}: the port is already in use; stop the other program or ` +
      `change hub.listen`;
    return new TrunklineError("address_in_use", message, { cause: error });
  }
  const message = `Cannot listen on ${host}:${port}: ${error.message}; check hub.listen`;
  return new TrunklineError("listen_failed", message, { cause: error });
}

/** Errors of a socket are followed by its close, which is what counts. */
function ignoreSocketError(): void {}
