/** Servers that an agent dials in tests: they send back every byte, on a stream or inside a WebSocket. */
import type { Socket } from "node:net";
import { fieldOf, readHead, type Serve, upgradeAnswer } from "../helpers/socket_server.ts";
// @ts-types="../../src/link/ws_types.d.ts"
import { Receiver } from "ws";
import { receiverOptions } from "../../src/link/ws_receiver.ts";
import { encodeWsFrame, WsOpcode } from "../../src/wire/ws_frame.ts";

/** Sends back every byte. */
export const echo: Serve = (socket) => {
  socket.on("data", (chunk) => socket.write(chunk));
  socket.on("end", () => socket.end());
};

/** Shakes hands, then sends back every message; the heads that came are noted. */
export function echoFrames(heads: string[]): Serve {
  return async (socket) => {
    const head = await readHead(socket);
    heads.push(head);
    if (fieldOf(head, "Sec-WebSocket-Key") === null) {
      return void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    }
    socket.write(upgradeAnswer(head));
    echoMessages(socket);
  };
}

/** Sends back every message of a socket on which the handshake is done. */
export function echoMessages(socket: Socket): void {
  const receiver = new Receiver(receiverOptions(1024 * 1024, { isServer: true }));
  receiver.on("message", (data) => {
    for (const part of encodeWsFrame(WsOpcode.binary, data).parts) socket.write(part);
  });
  socket.on("data", (chunk) => receiver.write(chunk));
  socket.on("end", () => socket.end());
  socket.resume();
}
