/** Text messages over a WebSocket, one in each of its messages. */
import { Buffer, isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { CloseCode } from "../core/close_codes.ts";
import { MAX_PREFIXED_BYTES } from "../wire/length_prefix.ts";
import { encodeTextMessage, type TextHeader } from "../wire/text_message.ts";
import { CLOSE_TIMEOUT_MS, type LinkEnd, type MessageLink } from "./message_link.ts";
// @ts-types="./ws_client_types.d.ts"
import { WebSocket } from "ws";

/** The subprotocol of text messages. */
export const TEXT_PROTOCOL = "trunkline.text.v1";

/** Where to shake hands, over a socket that is connected already. */
export interface Handshake {
  readonly socket: Socket;
  /** Names host and path; nothing is dialled. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What else an answer says that is no WebSocket. */
export interface RefusalWords {
  /** The first line of its text, not safe to print; empty where there is none. */
  readonly reason: string;
  /** When to try again, in milliseconds, if it says. */
  readonly retryAfterMs: number | null;
}

/** Thrown where a server answers the handshake with something else than a WebSocket. */
export class HandshakeRefused extends Error {
  override readonly name = "HandshakeRefused";
  /** The HTTP status of the answer. */
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | null;

  constructor(status: number, { reason, retryAfterMs }: RefusalWords = { reason: "", retryAfterMs: null }) {
    super(`The server answered with HTTP ${status}`);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** How much of the text of an answer is read. */
const MAX_REASON_BYTES = 200;

/** A link over a WebSocket. */
export class WebSocketLink implements MessageLink {
  readonly closed: Promise<LinkEnd>;
  readonly #socket: WebSocket;
  #early: Uint8Array[] = [];
  #onMessage = (bytes: Uint8Array): void => void this.#early.push(bytes);

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    this.closed = promise;
    let failure = "";
    socket.on("message", (data) => this.#onMessage(data));
    socket.on("error", (error) => failure = error.message);
    socket.on("close", (code, reason) => resolve(endOf(code, new TextDecoder().decode(reason) || failure)));
  }

  /** Does the opening handshake. Throws {@link HandshakeRefused}, or the error of the socket. */
  static open({ socket, url, headers }: Handshake): Promise<WebSocketLink> {
    const { promise, resolve, reject } = Promise.withResolvers<WebSocketLink>();
    const webSocket = new WebSocket(url, [TEXT_PROTOCOL], {
      perMessageDeflate: false,
      maxPayload: MAX_PREFIXED_BYTES,
      closeTimeout: CLOSE_TIMEOUT_MS,
      headers,
      createConnection: () => socket,
    });
    // The link is made at once, because messages may come in the same turn.
    webSocket.on("open", () => resolve(new WebSocketLink(webSocket)));
    webSocket.on("error", reject);
    webSocket.on("unexpected-response", (request, response) => {
      readRefusal(response).then((words) => {
        reject(new HandshakeRefused(response.statusCode ?? 0, words));
        request.destroy();
      });
    });
    return promise;
  }

  start(onMessage: (bytes: Uint8Array) => void): void {
    for (const bytes of this.#early.splice(0)) onMessage(bytes);
    this.#onMessage = onMessage;
  }

  send(header: TextHeader, payload: Uint8Array): void {
    this.#socket.send(encodeTextMessage(header, payload), { binary: !isUtf8(payload) });
  }

  async close(): Promise<void> {
    this.#socket.close(CloseCode.normal);
    await this.closed;
  }
}

/** 1005 and 1006 never travel: they say that there was no code. */
function endOf(code: number, reason: string): LinkEnd {
  const isGiven = code !== CloseCode.noStatus && code !== CloseCode.abnormal;
  return { code: isGiven ? code : null, reason };
}

/** Reads no more than the beginning; never rejects, as an answer that breaks off has said enough. */
function readRefusal(response: IncomingMessage): Promise<RefusalWords> {
  const { promise, resolve } = Promise.withResolvers<RefusalWords>();
  const { "content-type": type = "", "retry-after": retryAfter = "" } = response.headers;
  const retryAfterMs = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1000 : null;
  let seen = Buffer.alloc(0);
  const finish = () => {
    const text = new TextDecoder().decode(seen.subarray(0, MAX_REASON_BYTES));
    const [line = ""] = text.split(/\r?\n/);
    resolve({ reason: line.trim(), retryAfterMs });
  };
  // A page of another server is nothing to print.
  if (!type.startsWith("text/plain")) finish();
  response.on("data", (chunk: Uint8Array) => {
    if (seen.length < MAX_REASON_BYTES) seen = Buffer.concat([seen, chunk]);
    if (seen.length >= MAX_REASON_BYTES) finish();
  });
  for (const end of ["end", "close", "error"]) response.on(end, finish);
  return promise;
}
