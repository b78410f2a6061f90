/**
 * HTTP on the hub's port: health, and clear refusals for all that is no upgrade to WebSocket; those have a door of
 * their own. What a request of health answers is asked from outside.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Duplex } from "node:stream";
import { encodeHttpRefusal } from "../wire/not_available.ts";
import type { AcceptedSocket } from "./accepted_socket.ts";
import { pathOf, sendAndClose, WebSocketDoor, type WebSocketDoorOptions } from "./websocket_door.ts";

/** A response of the hub itself, without a login. */
export interface ProbeResponse {
  readonly status: number;
  readonly body: unknown;
}

/** What the HTTP side needs. */
export interface HttpFrontOptions extends WebSocketDoorOptions {
  /** Answers of `/healthz` and `/readyz`; `undefined` for every other path. */
  readonly probe: (path: string) => ProbeResponse | undefined;
  /** Heads and whole requests have to be complete within these times. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

const MAX_HEAD_BYTES = 16 * 1024;
/** Statuses of the runtime's errors; others are a 400. */
const BROKEN_REQUESTS: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};
const CHECK_MS = 1000;
/** Requests of one connection that may wait for their answers; who sends more without reading is cut. */
const MAX_PIPELINED = 16;

/** Makes the HTTP server of one address; it does not listen yet. */
export function createHttpFront(options: HttpFrontOptions): Server {
  const server = createServer({
    headersTimeout: options.headersTimeoutMs,
    // The runtime refuses a head that may take longer than its request.
    requestTimeout: Math.max(options.requestTimeoutMs, options.headersTimeoutMs),
    connectionsCheckingInterval: CHECK_MS,
    maxHeaderSize: MAX_HEAD_BYTES,
  }, (request, response) => respond(options, request, response));
  const door = new WebSocketDoor(options);
  server.on("upgrade", (request, socket, head) => {
    if (isWebSocket(request)) door.enter({ request, socket, head });
    else ignoreUpgrade(options, request, socket);
  });
  server.on("clientError", (error, socket) => refuseBroken(options, error, socket));
  return server;
}

/** What came is no request, or not in time: answered once, counted, and nothing after it is read. */
function refuseBroken(
  { stats }: HttpFrontOptions,
  { code }: Error & { readonly code?: string },
  socket: Duplex,
): void {
  if (socket.destroyed || !socket.writable || code === "ECONNRESET") return void socket.destroy();
  const status = BROKEN_REQUESTS[code ?? ""] ?? 400;
  if (status === 408) stats.refuse("request_timeout");
  stats.respond(status);
  sendAndClose(socket, encodeHttpRefusal(status, STATUS_CODES[status] ?? "", { body: "", headers: {} }));
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/** An upgrade that is not known is ignored (RFC 9110, section 7.8): the request is answered as it stands. */
function ignoreUpgrade(options: HttpFrontOptions, request: IncomingMessage, socket: Duplex): void {
  const { status, body, headers } = answer(options, request);
  options.stats.respond(status);
  const statusText = STATUS_CODES[status] ?? "";
  sendAndClose(socket, encodeHttpRefusal(status, statusText, { body: body.trimEnd(), headers }));
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
