/**
 * HTTP on the hub's port: health, upgrades to WebSocket and clear refusals for the rest. What an upgrade
 * leads to is its route's; what a request of health answers is asked from outside.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Duplex } from "node:stream";
import { Socket } from "node:net";
import type { UpgradedSocket } from "../link/ws_types.d.ts";
import { encodeHttpRefusal } from "../wire/not_available.ts";
import { type AcceptedSocket, sayLastWords } from "./accepted_socket.ts";
import type { DoorStats, Refusal } from "./hub_stats.ts";
import type { OriginPolicy } from "./origin_policy.ts";
import { selectSubprotocol, type UpgradeRoutes, type UpgradeTarget } from "./upgrade.ts";
// @ts-types="../link/ws_types.d.ts"
import { WebSocketServer } from "ws";

/** A response of the hub itself, without a login. */
export interface ProbeResponse {
  readonly status: number;
  readonly body: unknown;
}

/** What the HTTP side needs. */
export interface HttpFrontOptions {
  readonly origins: OriginPolicy;
  readonly onLoopback: boolean;
  readonly routes: UpgradeRoutes;
  /** Answers of `/healthz` and `/readyz`; `undefined` for every other path. */
  readonly probe: (path: string) => ProbeResponse | undefined;
  readonly accepted: ReadonlyMap<unknown, AcceptedSocket>;
  /** Whether the hub stops: nobody new is taken. */
  readonly isDraining: () => boolean;
  readonly stats: DoorStats;
  /** Heads and whole requests have to be complete within these times. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

const MAX_HEAD_BYTES = 16 * 1024;
const CHECK_MS = 1000;
/** Requests of one connection that may wait for their answers; who sends more without reading is cut. */
const MAX_PIPELINED = 16;
/** The version of RFC 6455. */
const WEBSOCKET_VERSION = "13";

/** What `ws` makes at the end of a handshake: nothing but the bytes behind the head. */
class Handshake implements UpgradedSocket {
  head: Uint8Array = new Uint8Array(0);

  setSocket(_socket: Duplex, head: Uint8Array): void {
    this.head = head;
  }
}

/** Makes the HTTP server of one address; it does not listen yet. */
export function createHttpFront(options: HttpFrontOptions): Server {
  const server = createServer({
    headersTimeout: options.headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    connectionsCheckingInterval: CHECK_MS,
    maxHeaderSize: MAX_HEAD_BYTES,
  }, (request, response) => respond(options, request, response));
  const handshakes = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    handleProtocols: (offered, request) => selectProtocol(options, offered, request),
    WebSocket: Handshake,
  });
  handshakes.on("wsClientError", (error, socket) => {
    refuse(options, socket, { reason: "bad_handshake", status: 400, body: error.message });
  });
  server.on("upgrade", (request, socket, head) => upgrade(options, { request, socket, head, handshakes }));
  return server;
}

/** A client that offers subprotocols wants one of them back: `false` when none is spoken on its path. */
function selectProtocol(
  { routes }: HttpFrontOptions,
  offered: Set<string>,
  request: IncomingMessage,
): string | false {
  const target = routes(pathOf(request));
  return target === undefined ? false : selectSubprotocol(offered, target.subprotocols) ?? false;
}

function respond(options: HttpFrontOptions, request: IncomingMessage, response: ServerResponse): void {
  const accepted = options.accepted.get(request.socket);
  if (accepted !== undefined) {
    if (++accepted.activeRequests > MAX_PIPELINED) {
      cut(options, accepted);
      return;
    }
    response.once("close", () => accepted.activeRequests--);
  }
  const { status, body, headers } = answer(options, request);
  options.stats.respond(status);
  response.writeHead(status, { ...COMMON_HEADERS, ...headers });
  response.end(body);
}

/**
 * Ends a client that pipelines without reading. A destroyed TLS socket of this runtime still hands out what it has
 * decrypted, so the HTTP parser is taken off first.
 */
function cut({ stats }: HttpFrontOptions, accepted: AcceptedSocket): void {
  const { socket } = accepted.link;
  if (socket.destroyed) return;
  stats.refuse("pipelining");
  socket.removeAllListeners("data");
  accepted.destroy();
}

const COMMON_HEADERS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** What a request that is no upgrade gets. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

function answer(options: HttpFrontOptions, request: IncomingMessage): Answer {
  const path = pathOf(request);
  const text = { "Content-Type": "text/plain; charset=utf-8" };
  const probed = request.method === "GET" || request.method === "HEAD" ? options.probe(path) : undefined;
  if (probed !== undefined) {
    const headers = { "Content-Type": "application/json" };
    return { status: probed.status, body: `${JSON.stringify(probed.body)}\n`, headers };
  }
  if (options.routes(path) === undefined) {
    return { status: 404, body: "Nothing is served at this path\n", headers: text };
  }
  const headers = { ...text, "Upgrade": "websocket", "Connection": "Upgrade" };
  return { status: 426, body: "This path speaks WebSocket: send an upgrade request\n", headers };
}

interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Uint8Array;
  readonly handshakes: WebSocketServer;
}

function upgrade(options: HttpFrontOptions, { request, socket, head, handshakes }: UpgradeRequest): void {
  if (request.headers.upgrade?.toLowerCase() !== "websocket") {
    // An upgrade that is not known is ignored (RFC 9110, section 7.8): the request is answered as it stands.
    const { status, body, headers } = answer(options, request);
    options.stats.respond(status);
    sendAndClose(
      socket,
      encodeHttpRefusal(status, STATUS_CODES[status] ?? "", { body: body.trimEnd(), headers }),
    );
    return;
  }
  const target = options.routes(pathOf(request));
  const accepted = options.accepted.get(socket);
  if (target === undefined || accepted === undefined) {
    const body = "No WebSocket is served at this path";
    refuse(options, socket, { reason: "unknown_path", status: 404, body });
    return;
  }
  const refusal = refusalOf(options, request);
  if (refusal !== null) {
    refuse(options, socket, refusal);
    return;
  }
  const done = ({ head: rest }: Handshake) => open(accepted, { target, head: rest });
  handshakes.handleUpgrade<Handshake>(request, socket, head, done);
}

/** Why a WebSocket is not opened on a path that serves them; `null` when nothing speaks against it. */
function refusalOf(
  options: HttpFrontOptions,
  { headers, httpVersion }: IncomingMessage,
): RefusalAnswer | null {
  if (options.isDraining()) return { reason: "draining", status: 503, body: "The hub stops" };
  const { origin, host } = headers;
  const verdict = options.origins.check({ origin, host, onLoopback: options.onLoopback });
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

function open(accepted: AcceptedSocket, { target, head }: { target: UpgradeTarget; head: Uint8Array }): void {
  accepted.upgraded = true;
  target.accept({ link: accepted.link, peer: accepted.peer, head });
}

interface RefusalAnswer {
  readonly reason: Refusal;
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function refuse(
  { stats }: HttpFrontOptions,
  socket: Duplex,
  { reason, status, body, headers = {} }: RefusalAnswer,
): void {
  stats.refuse(reason);
  sendAndClose(socket, encodeHttpRefusal(status, STATUS_CODES[status] ?? "", { body, headers }));
}

function sendAndClose(socket: Duplex, lastWords: Uint8Array): void {
  if (socket instanceof Socket) sayLastWords(socket, lastWords);
  else socket.end(lastWords);
}

/** The path without its query, exactly as it was sent. */
function pathOf(request: IncomingMessage): string {
  const url = request.url ?? "/";
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
