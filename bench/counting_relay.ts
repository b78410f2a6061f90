/** A relay that counts what goes through it, in this process: for bytes, not for speed. */
import { connect, createServer, type Server, type Socket } from "node:net";

/** The relay. */
export class CountingRelay implements AsyncDisposable {
  /** What went through, both ways. */
  bytes = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#server = createServer((near) => {
      const far = connect(target, "127.0.0.1");
      this.#lead(near, far);
      this.#lead(far, near);
    });
  }

  /** Starts one that leads to a port of this machine. */
  static async to(target: number): Promise<CountingRelay> {
    const relay = new CountingRelay(target);
    await new Promise<void>((listening) => relay.#server.listen(0, "127.0.0.1", listening));
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" ? address?.port ?? 0 : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((closed) => this.#server.close(() => closed()));
  }

  #lead(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (chunk: Uint8Array) => {
      this.bytes += chunk.length;
      to.write(chunk);
    });
    from.on("error", () => {});
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
