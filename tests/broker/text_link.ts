/** Length-prefixed messages over plain TCP or TLS, written apart from the hub's codec. */

const PREFIX_BYTES = 4;
const READ_BYTES = 256 * 1024;
const encoder = new TextEncoder();

/** Where to connect. */
export interface TextLinkOptions {
  readonly port: number;
  /** PEM of the authority to trust; plain text without one. */
  readonly ca?: string | undefined;
  /** What it shows of itself, over TLS. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
}

/** A message with its length before it. */
export function prefixed(message: string | Uint8Array): Uint8Array {
  const body = typeof message === "string" ? encoder.encode(message) : message;
  const bytes = new Uint8Array(PREFIX_BYTES + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, PREFIX_BYTES);
  return bytes;
}

/** One connection. It reads only when it is asked for a message. */
export class TextLink implements AsyncDisposable {
  readonly #connection: Deno.Conn;
  #received: Uint8Array = new Uint8Array(0);
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async connect({ port, ca, client }: TextLinkOptions): Promise<TextLink> {
    const connection = ca === undefined
      ? await Deno.connect({ hostname: "127.0.0.1", port })
      : await Deno.connectTls({
        hostname: "localhost",
        port,
        caCerts: [ca],
        ...(client && { cert: client.cert, key: client.key }),
      });
    return new TextLink(connection);
  }

  /** Queues a message. */
  send(message: string | Uint8Array): void {
    this.write(prefixed(message));
  }

  /** Queues bytes as they are; what cannot be written because the hub closed is ignored. */
  write(bytes: Uint8Array): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeAll(bytes)).catch(() => {});
    return this.#writing;
  }

  /** The next message; `null` when the hub closed. */
  async next(): Promise<Uint8Array | null> {
    if (!await this.#need(PREFIX_BYTES)) return null;
    const length = new DataView(this.#received.buffer, this.#received.byteOffset).getUint32(0);
    if (!await this.#need(PREFIX_BYTES + length)) return null;
    const message = this.#received.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
    this.#received = this.#received.subarray(PREFIX_BYTES + length);
    return message;
  }

  async close(): Promise<void> {
    if (!this.#isClosed) this.#connection.close();
    this.#isClosed = true;
    await this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #need(bytes: number): Promise<boolean> {
    while (this.#received.length < bytes) {
      const buffer = new Uint8Array(READ_BYTES);
      const count = await this.#connection.read(buffer).catch(() => null);
      if (count === null) return false;
      const whole = new Uint8Array(this.#received.length + count);
      whole.set(this.#received);
      whole.set(buffer.subarray(0, count), this.#received.length);
      this.#received = whole;
    }
    return true;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.#connection.write(rest));
  }
}
