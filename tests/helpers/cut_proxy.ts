/** A way to a hub that a test cuts, or leaves hanging: the hub's peer dies without a word. */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** Forwards bytes on a free loopback port until it is cut or stalled. */
export class CutProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Those that forward nothing any more. */
  readonly #stalled = new Set<Socket>();
  /** The port that new connections are forwarded to. */
  #target: number;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
  }

  /** Opens one to a port of this machine. */
  static async open(port: number): Promise<CutProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new CutProxy(server, port);
    server.on(
      "connection",
      (near) => proxy.#forward(near, connect({ port: proxy.#target, host: "127.0.0.1", noDelay: true })),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The URL of a WebSocket path, plain. */
  url(path = "/"): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  /** Forwards what comes from now on to another port. */
  leadTo(port: number): void {
    this.#target = port;
  }

  /** Ends so many connections, the oldest first, with a reset to both sides. */
  cut(connections = Infinity): void {
    for (const socket of this.#oldest(connections)) socket.resetAndDestroy();
  }

  /** Forwards nothing more of so many connections, the oldest first, and closes nothing. */
  stall(connections = Infinity): void {
    for (const socket of this.#oldest(connections)) {
      socket.removeAllListeners("data");
      socket.pause();
      this.#stalled.add(socket);
    }
  }

  /** Ends what was stalled, when everybody has noticed. */
  cutStalled(): void {
    for (const socket of this.#stalled) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Both sockets of each. */
  #oldest(connections: number): Socket[] {
    return [...this.#sockets].slice(0, 2 * connections);
  }

  #forward(near: Socket, far: Socket): void {
    for (const [from, to] of [[near, far], [far, near]] as const) {
      this.#sockets.add(from);
      from.on("data", (bytes) => to.write(bytes));
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        this.#stalled.delete(from);
        to.destroy();
      });
    }
  }
}
