/** Bytes as fast as they go, and who counts them: the ends of benchmarks of throughput. */

const CHUNK_BYTES = 64 * 1024;

/** Counts what comes on all of its connections. */
export class Target implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  bytes = 0;

  constructor() {
    this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) this.#read(connection);
  }

  async #read(connection: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(4 * CHUNK_BYTES);
    try {
      for (let read = await connection.read(buffer); read !== null; read = await connection.read(buffer)) {
        this.bytes += read;
      }
    } catch {
      // The hop was ended in the middle.
    }
    connection.close();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

/** Writes to a port until it is over. */
export async function flood(port: number, isOver: () => boolean): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const chunk = crypto.getRandomValues(new Uint8Array(CHUNK_BYTES));
  while (!isOver()) await connection.write(chunk);
}
