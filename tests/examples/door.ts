/** A fixed address in front of hubs that come and go, so that a client can lose its hub and find another. */
import { connect, createServer, type Server, type Socket } from "node:net";

/** Passes bytes on to the hub that is behind it at the moment. */
export class Door implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #hubPort: number;

  private constructor(hubPort: number) {
    this.#hubPort = hubPort;
    this.#server = createServer((socket) => this.#pass(socket));
  }

  /** Opens a door on a free port of 127.0.0.1. */
  static async open(hubPort: number): Promise<Door> {
    const door = new Door(hubPort);
    await new Promise<void>((listening) => door.#server.listen(0, "127.0.0.1", listening));
    return door;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("The door is closed");
    return address.port;
  }

  /** From now on new connections lead there. */
  leadTo(hubPort: number): void {
    this.#hubPort = hubPort;
  }

  /** Cuts all connections without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    this.cut();
    await closed;
  }

  #pass(outer: Socket): void {
    const inner = connect({ host: "127.0.0.1", port: this.#hubPort });
    for (const [socket, other] of [[outer, inner], [inner, outer]] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroySoon();
      });
      socket.pipe(other);
    }
  }
}
