/**
 * The opening handshake of a WebSocket (RFC 6455, section 4.1) over a socket that is connected, for loads that write
 * and read the frames themselves. What comes behind the answer stays in the socket.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { HandshakeRefused, TEXT_PROTOCOL } from "./websocket_link.ts";

/** Where to shake hands. */
export interface BenchHandshake {
  /** Names host and path. */
  readonly url: string;
  readonly token: string | null;
}

const MAX_ANSWER_BYTES = 16_384;
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const END = "\r\n\r\n";

/** Shakes hands. Throws {@link HandshakeRefused}, the error of the socket, or what is wrong with the answer. */
export async function shakeHands(socket: Socket, { url, token }: BenchHandshake): Promise<void> {
  const { host, pathname, search } = new URL(url);
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
  const answer = readAnswer(socket);
  socket.write([
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Protocol: ${TEXT_PROTOCOL}`,
    ...(token === null ? [] : [`Authorization: Bearer ${token}`]),
    END.slice(2),
  ].join("\r\n"));
  checkAnswer(await answer, key);
}

function checkAnswer(answer: string, key: string): void {
  const status = /^HTTP\/1\.1 (\d{3})(?: |\r\n)/.exec(answer)?.[1];
  if (status === undefined) throw new Error("it does not answer in HTTP/1.1");
  if (status !== "101") throw new HandshakeRefused(Number(status));
  const accept = /\r\nsec-websocket-accept:[ \t]*(\S+)/i.exec(answer)?.[1];
  if (accept !== createHash("sha1").update(key + ACCEPT_GUID).digest("base64")) {
    throw new Error("its answer to the handshake is not the one of a WebSocket");
  }
}

/** The head of the answer. */
function readAnswer(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let seen = Buffer.alloc(0);
  const onData = (chunk: Uint8Array) => {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf(END);
    if (end < 0 && seen.length <= MAX_ANSWER_BYTES) return;
    socket.off("data", onData);
    socket.pause();
    if (end < 0) return reject(new Error("its answer to the handshake does not end"));
    const rest = seen.subarray(end + END.length);
    if (rest.length > 0) socket.unshift(rest);
    resolve(seen.toString("latin1", 0, end + END.length));
  };
  socket.on("data", onData);
  socket.once("error", reject);
  socket.once("close", () => reject(Object.assign(new Error("it was closed"), { code: "ECONNRESET" })));
  return promise;
}
