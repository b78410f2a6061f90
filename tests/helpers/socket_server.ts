/** A server of bare sockets, plain or TLS, for peers that do not behave as they should. */
import { createHash } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { createSecureContext, type SecureContextOptions, TLSSocket } from "node:tls";

/** What a server does with each connection. */
export type Serve = (socket: Socket) => void | Promise<void>;

/** The peer went before it had sent what it was to send; nothing is wrong with that. */
class ClosedEarly extends Error {}

/** Serves a peer, which may go at any time. */
export async function serveWhileThere(serve: Serve, socket: Socket): Promise<void> {
  try {
    await serve(socket);
  } catch (error) {
    if (!(error instanceof ClosedEarly)) throw error;
  }
}

/** Listens on a free loopback port until the end of its scope. */
export class SocketServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** How many connections came. */
  accepted = 0;

  private constructor(serve: Serve, tls: SecureContextOptions | undefined) {
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (raw) => {
      this.accepted++;
      this.#keep(raw);
      if (tls === undefined) return void serveWhileThere(serve, raw);
      const socket = new TLSSocket(raw, { isServer: true, secureContext: createSecureContext(tls) });
      this.#keep(socket);
      socket.once("secure", () => void serveWhileThere(serve, socket));
    });
  }

  static async open(serve: Serve, tls?: SecureContextOptions): Promise<SocketServer> {
    const server = new SocketServer(serve, tls);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

/** Reads an HTTP head; what follows is put back. */
export function readHead(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const onData = (chunk: Uint8Array) => {
    text += new TextDecoder("latin1").decode(chunk);
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return;
    socket.removeListener("data", onData);
    socket.pause();
    const rest = text.slice(end + 4);
    if (rest.length > 0) socket.unshift(Uint8Array.from(rest, (character) => character.charCodeAt(0)));
    resolve(text.slice(0, end));
  };
  socket.on("data", onData);
  socket.resume();
  socket.once("close", () => reject(new ClosedEarly("closed before the head was complete")));
  return promise;
}

/** The value of a field of a head; `null` when it has none. */
export function fieldOf(head: string, name: string): string | null {
  return new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.trim() ?? null;
}

/** The answer to a WebSocket handshake, with further bytes behind it. */
export function upgradeAnswer(
  head: string,
  { protocol = "trunkline.frames.v1" as string | null } = {},
): string {
  const key = `${fieldOf(head, "Sec-WebSocket-Key")}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${createHash("sha1").update(key).digest("base64")}`,
    ...(protocol === null ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
