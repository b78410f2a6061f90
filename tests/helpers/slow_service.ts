/** What stands behind the tunnels of slow visitors: a web service with a large answer, and one of bare TCP. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { room, TcpService } from "./tcp_echo.ts";

/** More than kernels and windows take of one visitor. */
const LARGE_BYTES = 256 * 1024 * 1024;
const CHUNK = new Uint8Array(64 * 1024);
const HELLO = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Both services, until the end of their scope. */
export class SlowService implements AsyncDisposable {
  readonly #http: TcpService;
  readonly #tcp: TcpService;

  private constructor(http: TcpService, tcp: TcpService) {
    this.#http = http;
    this.#tcp = tcp;
  }

  static async start(): Promise<SlowService> {
    return new SlowService(await TcpService.start(serveHttp), await TcpService.start(serveTcp));
  }

  /** Answers `/large` with much, an upload when it is whole, anything else with `ok`. */
  get httpPort(): number {
    return this.#http.port;
  }

  /** Sends back what comes; where that begins with `flood`, much more. */
  get tcpPort(): number {
    return this.#tcp.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
    await this.#tcp[Symbol.asyncDispose]();
  }
}

async function pour(socket: Socket): Promise<void> {
  for (let sent = 0; sent < LARGE_BYTES && !socket.destroyed; sent += CHUNK.length) {
    if (!socket.write(CHUNK)) await room(socket);
  }
}

function serveHttp(socket: Socket): void {
  let text = "";
  socket.on("data", (chunk: Uint8Array) => {
    text += Buffer.from(chunk).toString("latin1");
    for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
      const head = text.slice(0, end);
      // The bodies of slow visitors never end.
      if (head.startsWith("POST")) return;
      text = text.slice(end + 4);
      if (!head.startsWith("GET /large")) {
        socket.write(HELLO);
        continue;
      }
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
      void pour(socket);
    }
  });
  socket.on("end", () => socket.end());
}

function serveTcp(socket: Socket): void {
  socket.on("data", (chunk: Uint8Array) => {
    socket.write(chunk);
    if (Buffer.from(chunk).toString().startsWith("flood")) void pour(socket);
  });
  socket.on("end", () => socket.end());
}
