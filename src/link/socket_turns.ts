/**
 * Ends turns of the event loop by way of the operating system: a byte that this process sends to itself comes when the
 * runtime has looked at all sockets, and so at everybody who waited. An immediate comes sooner, and is one of 61 after
 * which the runtime looks, where DENO_TOKIO_EVENT_INTERVAL is not 1: somebody who floods holds up all others by so many
 * turns then.
 */
const BYTE = new Uint8Array(1);

/** A pair of sockets that end the turns of one {@link import("./turns.ts").Turns}. */
export class SocketTurns {
  readonly #near: Deno.TcpConn;
  readonly #far: Deno.TcpConn;
  #run: (() => void) | null = null;
  #isClosed = false;

  private constructor(near: Deno.TcpConn, far: Deno.TcpConn) {
    this.#near = near;
    this.#far = far;
  }

  /** Opens it; rejects with what the system says. */
  static async open(): Promise<SocketTurns> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, transport: "tcp" });
    const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const far = await listener.accept();
    if (far.remoteAddr.port !== near.localAddr.port) {
      near.close();
      far.close();
      throw new Error("Cannot connect to itself: somebody else came first");
    }
    near.setNoDelay(true);
    const turns = new SocketTurns(near, far);
    void turns.#read();
    return turns;
  }

  /** Runs a function once, when the current turn is over and sockets were read again. One at a time. */
  readonly atEndOfTurn = (run: () => void): void => {
    if (this.#isClosed) return void setImmediate(run);
    this.#run = run;
    this.#near.write(BYTE).catch(this.#failed);
  };

  /** What waits ends by an immediate, and so does what comes. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#near.close();
    this.#far.close();
    this.#goOn();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(1);
    try {
      while (await this.#far.read(buffer) !== null) {
        const run = this.#run;
        this.#run = null;
        // What it throws is told as what any other turn throws.
        if (run !== null) queueMicrotask(run);
      }
    } catch {
      // It was closed, or the system took it.
    }
    this.close();
  }

  readonly #failed = (): void => this.close();

  #goOn(): void {
    const run = this.#run;
    this.#run = null;
    if (run !== null) setImmediate(run);
  }
}
