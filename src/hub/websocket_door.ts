/**
 * The door of WebSockets: decides whether a request for one is let in, by its path, its origin and its login, and
 * does the handshake. Who is not let in gets a status of HTTP; a browser, which cannot see one, gets a close code
 * where the reason is its login.
 */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ClientCertificate } from "../core/client_certificate.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import { LOGIN_REFUSALS } from "../core/login_refusal.ts";
import type { UpgradedSocket } from "../link/ws_types.d.ts";
import { encodeHttpRefusal } from "../wire/not_available.ts";
import { encodeWsClose } from "../wire/ws_frame.ts";
import { type AcceptedSocket, sayLastWords } from "./accepted_socket.ts";
import { type Credentials, readCredentials } from "./credentials.ts";
import type { DoorStats, Refusal } from "./hub_stats.ts";
import {
  ANONYMOUS_LOGIN,
  type Login,
  type LoginDesk,
  type LoginOutcome,
  type LoginRefusal,
} from "./login.ts";
import type { OriginPolicy } from "./origin_policy.ts";
import { selectSubprotocol, type UpgradeRoutes, type UpgradeTarget } from "./upgrade.ts";
// @ts-types="../link/ws_types.d.ts"
import { WebSocketServer } from "ws";

/** What the door needs. */
export interface WebSocketDoorOptions {
  readonly origins: OriginPolicy;
  readonly onLoopback: boolean;
  readonly routes: UpgradeRoutes;
  readonly accepted: ReadonlyMap<unknown, AcceptedSocket>;
  /** Whether the hub stops: nobody new is taken. */
  readonly isDraining: () => boolean;
  readonly stats: DoorStats;
  /** Decides who may come in; `null`: everybody may. */
  readonly logins: LoginDesk | null;
  /** Whether a token is taken from the query. */
  readonly queryToken: boolean;
  /** How long a login may take before its request is refused. */
  readonly loginTimeoutMs: number;
  /** Told of credentials that cannot be a login: whoever decides never sees them. */
  readonly events: SecurityEvents;
}

/** A request for a WebSocket. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came behind the head of the request. */
  readonly head: Uint8Array;
}

/** A request on a path that serves WebSockets. */
interface Knock extends UpgradeRequest {
  readonly target: UpgradeTarget;
  readonly accepted: AcceptedSocket;
}

interface RefusalAnswer {
  readonly reason: Refusal;
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The version of RFC 6455. */
const WEBSOCKET_VERSION = "13";
const DEFAULT_RETRY_MS = 5000;
/** Fields of requests that a web page makes or a proxy sends on. */
const FOREIGN_FIELDS = ["origin", "forwarded", "via", "x-forwarded-for", "x-real-ip"] as const;

/** What `ws` makes at the end of a handshake: nothing but the bytes behind the head. */
class Handshake implements UpgradedSocket {
  head: Uint8Array = new Uint8Array(0);

  setSocket(_socket: Duplex, head: Uint8Array): void {
    this.head = head;
  }
}

/** The door of one address. */
export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  readonly #handshakes: WebSocketServer;

  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
    this.#handshakes = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      handleProtocols: (offered, request) => this.#selectProtocol(offered, request),
      WebSocket: Handshake,
    });
    this.#handshakes.on("wsClientError", (error, socket) => {
      this.#refuse(socket, { reason: "bad_handshake", status: 400, body: error.message });
    });
  }

  /** Lets a request in, at once or after its login, or refuses it. */
  enter(upgrade: UpgradeRequest): void {
    const { request, socket } = upgrade;
    const target = this.#options.routes(pathOf(request));
    const accepted = this.#options.accepted.get(socket);
    if (target === undefined || accepted === undefined) {
      const body = "No WebSocket is served at this path";
      this.#refuse(socket, { reason: "unknown_path", status: 404, body });
      return;
    }
    const refusal = this.#refusalOf(request, target);
    if (refusal !== null) this.#refuse(socket, refusal);
    else this.#identify({ ...upgrade, target, accepted });
  }

  /** A client that offers subprotocols wants one of them back: `false` when none is spoken on its path. */
  #selectProtocol(offered: Set<string>, request: IncomingMessage): string | false {
    const target = this.#options.routes(pathOf(request));
    return target === undefined ? false : selectSubprotocol(offered, target.subprotocols) ?? false;
  }

  /** Why a WebSocket is not opened on a path that serves them, whoever asks; `null`: nothing speaks against it. */
  #refusalOf({ headers, httpVersion }: IncomingMessage, target: UpgradeTarget): RefusalAnswer | null {
    const { isDraining, origins, onLoopback } = this.#options;
    if (isDraining()) return { reason: "draining", status: 503, body: "The hub stops" };
    const { origin, host } = headers;
    const isOut = target.origins === "listed" && !origins.isListed(origin);
    const verdict = isOut ? "origin" : origins.check({ origin, host, onLoopback });
    if (verdict !== "allowed") {
      const named = verdict === "origin" ? `origin ${origin}` : `host ${host}`;
      return { reason: verdict, status: 403, body: `The ${named} is not allowed: see hub.origins` };
    }
    if (headers["sec-websocket-version"] === WEBSOCKET_VERSION && httpVersion !== "1.0") return null;
    return {
      reason: "bad_handshake",
      status: 426,
      body: `Only version ${WEBSOCKET_VERSION} of WebSocket over HTTP/1.1 is spoken`,
      headers: { "Sec-WebSocket-Version": WEBSOCKET_VERSION, "Upgrade": "websocket" },
    };
  }

  #identify(knock: Knock): void {
    const { logins, queryToken } = this.#options;
    const { request, target } = knock;
    if (logins === null) return this.#open(knock, null);
    if (target.login === "none") return this.#open(knock, ANONYMOUS_LOGIN);
    const head = { url: request.url ?? "/", rawHeaders: request.rawHeaders };
    const credentials = readCredentials(head, { query: queryToken });
    switch (credentials.kind) {
      case "none":
        return target.login === "frame" ? this.#open(knock, null) : this.#loginByCertificate(knock, logins);
      case "invalid":
        this.#record(knock, credentials);
        return this.#turnAway(knock, invalid(credentials.message));
      case "token":
        this.#login(knock, logins, credentials);
    }
  }

  #record(
    { accepted: { peer: { ip: address } } }: Knock,
    { reason, via }: Credentials & { kind: "invalid" },
  ) {
    this.#options.events.record({
      kind: "login_refused",
      address,
      connectionId: null,
      who: null,
      reason,
      via,
    });
  }

  /** Without a token the certificate of the connection counts, if there is one that stands for somebody. */
  #loginByCertificate(knock: Knock, logins: LoginDesk): void {
    const { accepted: { peer: { ip } }, target } = knock;
    const certificate = this.#certificateOf(knock);
    const connectionId = crypto.randomUUID();
    const outcome = logins.loginByCertificate({ certificate, ip, connectionId, tenant: null });
    if (outcome?.kind === "accepted") this.#open(knock, outcome.login, connectionId);
    else if (target.login === "message") this.#open(knock, null, connectionId);
    else this.#turnAway(knock, outcome ?? invalid("A login is needed here: send a token"));
  }

  /** A browser shows a certificate for whatever page asks, so only pages that are listed by name come in by it. */
  #certificateOf({ request, accepted }: Pick<Knock, "request" | "accepted">): ClientCertificate | null {
    return this.#options.origins.isNamed(request.headers.origin) ? accepted.certificate : null;
  }

  /** Nothing is read meanwhile, so that what the client sends behind its request waits for the answer. */
  #login(knock: Knock, logins: LoginDesk, { token, via }: Credentials & { kind: "token" }): void {
    const { accepted, socket } = knock;
    const connectionId = crypto.randomUUID();
    accepted.link.pause();
    let isOver = false;
    const end = () => {
      isOver = true;
      clearTimeout(timer);
      socket.off("close", end);
    };
    const finish = (outcome: LoginOutcome) => {
      if (isOver) return;
      end();
      if (socket.destroyed) return;
      if (outcome.kind === "refused") this.#turnAway(knock, outcome);
      else if (this.#options.isDraining()) {
        this.#refuse(socket, { reason: "draining", status: 503, body: "The hub stops" });
      } else this.#open(knock, outcome.login, connectionId);
    };
    const timer = setTimeout(() => finish(LATE), this.#options.loginTimeoutMs);
    socket.once("close", end);
    const isGone = () => isOver || socket.destroyed;
    const { peer: { ip }, certificate } = accepted;
    const shown = { token, ip, via, connectionId, tenant: null, certificate };
    logins.login({ ...shown, renews: null, isGone }).then(finish);
  }

  #turnAway(knock: Knock, refusal: LoginRefusal): void {
    this.#options.stats.refuse("login");
    if (knock.request.headers.origin !== undefined) return this.#closeAfterHandshake(knock, refusal);
    const { status } = LOGIN_REFUSALS[refusal.code];
    const headers = status === 401 ? { "WWW-Authenticate": 'Bearer realm="trunkline"' } : retryAfter(refusal);
    sendAndClose(knock.socket, encodeRefusal({ status, body: refusal.message, headers }));
  }

  /** A browser tells its page the close code, but no status. */
  #closeAfterHandshake(knock: Knock, { code, message, retryAfterMs }: LoginRefusal): void {
    const { request, socket, head, accepted } = knock;
    this.#handshakes.handleUpgrade<Handshake>(request, socket, head, () => {
      const retry = retryAfterMs === null ? "" : ` retry=${retryAfterMs}`;
      const { parts: [frame] } = encodeWsClose(LOGIN_REFUSALS[code].closeCode, `${message}${retry}`);
      if (frame !== undefined) accepted.endWith(frame);
    });
  }

  /** `connectionId`: what its login calls the connection already. */
  #open(
    { request, socket, head, target, accepted }: Knock,
    login: Login | null,
    connectionId?: string,
  ): void {
    const { link, peer } = accepted;
    const certificate = this.#certificateOf({ request, accepted });
    const isLocal = accepted.isLocal && isFromProgram(request);
    this.#handshakes.handleUpgrade<Handshake>(request, socket, head, ({ head: rest }) => {
      accepted.upgraded = true;
      const { certificate: admittedBy } = accepted;
      target.accept({ link, peer, isLocal, head: rest, admittedBy, certificate, login, connectionId });
    });
  }

  #refuse(socket: Duplex, { reason, ...answer }: RefusalAnswer): void {
    this.#options.stats.refuse(reason);
    sendAndClose(socket, encodeRefusal(answer));
  }
}

const LATE: LoginRefusal = {
  kind: "refused",
  code: "unavailable",
  message: "The login takes too long; try again",
  retryAfterMs: DEFAULT_RETRY_MS,
};

function invalid(message: string): LoginRefusal {
  return { kind: "refused", code: "invalid_token", message, retryAfterMs: null };
}

function retryAfter({ retryAfterMs }: LoginRefusal): Record<string, string> {
  return { "Retry-After": String(Math.ceil((retryAfterMs ?? DEFAULT_RETRY_MS) / 1000)) };
}

function encodeRefusal({ status, body, headers = {} }: Omit<RefusalAnswer, "reason">): Uint8Array {
  return encodeHttpRefusal(status, STATUS_CODES[status] ?? "", { body, headers });
}

/** Whether a program sent a request to the hub itself: browsers name an origin, proxies whom they speak for. */
function isFromProgram({ headers }: IncomingMessage): boolean {
  return FOREIGN_FIELDS.every((name) => headers[name] === undefined);
}

/** Writes the last bytes of a request's connection. */
export function sendAndClose(socket: Duplex, lastWords: Uint8Array): void {
  if (socket instanceof Socket) sayLastWords(socket, lastWords);
  else socket.end(lastWords);
}

/** The path of a request without its query, exactly as it was sent. */
export function pathOf(request: IncomingMessage): string {
  const url = request.url ?? "/";
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
