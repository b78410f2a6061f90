/**
 * HTTP on the hub's port: health, upgrades to WebSocket and clear refusals for the rest. What an upgrade
 * leads to is its route's; what a request of health answers is asked from outside.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Socket } from "node:net";
import type { UpgradedSocket } from "../link/ws_types.d.ts";
import { encodeHttpRefusal } from "../wire/not_available.ts";
import { type AcceptedSocket, sayLastWords } from "./accepted_socket.ts";
import type { DoorStats, Refusal } from "./hub_stats.ts";
import type { OriginPolicy } from "./origin_policy.ts";
import type { UpgradeRoutes, UpgradeTarget } from "./upgrade.ts";
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
  readonly stats: DoorStats;
  /** Heads and whole requests have to be complete within these times. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

const MAX_HEAD_BYTES = 16 * 1024;
const CHECK_MS = 1000;

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
    handleProtocols: () => false,
    WebSocket: Handshake,
  });
  handshakes.on("wsClientError", (error, socket) => {
    const headers = { "Sec-WebSocket-Version": "13" };
    const status = /version/i.test(error.message) ? 426 : 400;
    refuse(options, socket, { reason: "bad_handshake", status, body: error.message, headers });
  });
  server.on("upgrade", (request, socket, head) => upgrade(options, { request, socket, head, handshakes }));
  return server;
}

function respond(options: HttpFrontOptions, request: IncomingMessage, response: ServerResponse): void {
  const accepted = options.accepted.get(request.socket);
  if (accepted !== undefined) {
    accepted.activeRequests++;
    response.once("close", () => accepted.activeRequests--);
  }
  const path = pathOf(request);
  const isRead = request.method === "GET" || request.method === "HEAD";
  const probed = isRead ? options.probe(path) : undefined;
  if (probed !== undefined) {
    reply(options, response, { status: probed.status, body: `${JSON.stringify(probed.body)}\n`, json: true });
  } else if (options.routes(path) !== undefined) {
    response.setHeader("Upgrade", "websocket");
    response.setHeader("Connection", "Upgrade");
    reply(options, response, { status: 426, body: "This path speaks WebSocket: send an upgrade request\n" });
  } else {
    reply(options, response, { status: 404, body: "Nothing is served at this path\n" });
  }
}

function reply(
  options: HttpFrontOptions,
  response: ServerResponse,
  { status, body, json = false }: { status: number; body: string; json?: boolean },
): void {
  options.stats.respond(status);
  response.statusCode = status;
  response.setHeader("Content-Type", json ? "application/json" : "text/plain; charset=utf-8");
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.end(body);
}

interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Uint8Array;
  readonly handshakes: WebSocketServer;
}

function upgrade(options: HttpFrontOptions, { request, socket, head, handshakes }: UpgradeRequest): void {
  const target = options.routes(pathOf(request));
  const accepted = options.accepted.get(socket);
  if (target === undefined || accepted === undefined) {
    refuse(options, socket, {
      reason: "unknown_path",
      status: 404,
      body: "No WebSocket is served at this path",
    });
    return;
  }
  const { origin, host } = request.headers;
  const verdict = options.origins.check({ origin, host, onLoopback: options.onLoopback });
  if (verdict !== "allowed") {
    const named = verdict === "origin" ? `origin ${origin}` : `host ${host}`;
    refuse(options, socket, {
      reason: verdict,
      status: 403,
      body: `The ${named} is not allowed: see hub.origins`,
    });
    return;
  }
  handshakes.handleUpgrade<Handshake>(
    request,
    socket,
    head,
    (done) => open(accepted, { target, head: done.head }),
  );
}

function open(accepted: AcceptedSocket, { target, head }: { target: UpgradeTarget; head: Uint8Array }): void {
  accepted.upgraded = true;
  target.accept({ link: accepted.link, peer: accepted.peer, head });
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  426: "Upgrade Required",
};

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
  const lastWords = encodeHttpRefusal(status, STATUS_TEXT[status] ?? "Error", { body, headers });
  if (socket instanceof Socket) sayLastWords(socket, lastWords);
  else socket.end(lastWords);
}

/** The path without its query, exactly as it was sent. */
function pathOf(request: IncomingMessage): string {
  const url = request.url ?? "/";
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
