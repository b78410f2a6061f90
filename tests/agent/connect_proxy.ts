/** A real HTTP proxy that takes CONNECT; every name leads to this machine, as names behind a proxy need not be known here. */
import { connect, type Socket } from "node:net";
import type { Proxy } from "../../src/agent/proxy_choice.ts";
import { readHead, SocketServer } from "../helpers/socket_server.ts";

/** What a proxy answers instead of a way through; `null` for the way. */
export type Refuse = (head: string) => string | Uint8Array | null;

/** Forwards on a free loopback port until the end of its scope. */
export class ConnectProxy implements AsyncDisposable {
  /** The heads of the requests that came. */
  readonly heads: readonly string[];
  readonly #server: SocketServer;

  private constructor(server: SocketServer, heads: string[]) {
    this.#server = server;
    this.heads = heads;
  }

  static async open(refuse: Refuse = () => null): Promise<ConnectProxy> {
    const heads: string[] = [];
    const server = await SocketServer.open(async (near) => {
      const head = await readHead(near);
      heads.push(head);
      const answer = refuse(head);
      if (answer === null) forward(near, head);
      else near.end(answer);
    });
    return new ConnectProxy(server, heads);
  }

  /** How the agent is told of it. */
  get proxy(): Proxy {
    return { host: "127.0.0.1", port: this.#server.port, authorization: null };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

function forward(near: Socket, head: string): void {
  const port = Number(/^CONNECT \S+:(\d+) /.exec(head)?.[1]);
  const far = connect({ port, host: "127.0.0.1", noDelay: true });
  far.once("connect", () => near.write("HTTP/1.1 200 Connection established\r\nX-Way: free\r\n\r\n"));
  for (const [from, to] of [[near, far], [far, near]] as const) {
    from.on("data", (bytes) => to.write(bytes));
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
  near.resume();
}
