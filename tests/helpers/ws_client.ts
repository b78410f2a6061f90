/** A WebSocket client whose messages are awaited one by one. */

/** How a connection ended. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** How to connect. */
export interface WsClientOptions {
  readonly origin?: string;
  /** PEM of the authority to trust. */
  readonly ca?: string | undefined;
  /** What it shows of itself, over TLS. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** Logs in with it, in a header. */
  readonly token?: string | undefined;
}

/** One open WebSocket, closed at the end of its scope. */
export class WsClient implements AsyncDisposable {
  readonly #socket: WebSocket;
  #http: Deno.HttpClient | undefined;
  readonly #messages: (string | Uint8Array)[] = [];
  readonly #waiting: ((message: string | Uint8Array) => void)[] = [];
  /** Resolves when the connection is over. */
  readonly closed: Promise<Closed>;

  private constructor(socket: WebSocket, http: Deno.HttpClient | undefined) {
    this.#socket = socket;
    this.#http = http;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#got(typeof data === "string" ? data : new Uint8Array(data));
    const { promise, resolve } = Promise.withResolvers<Closed>();
    socket.onclose = ({ code, reason }) => resolve({ code, reason });
    this.closed = promise;
  }

  /** Connects; rejects when the handshake is refused. */
  static async connect(
    url: string,
    { origin, ca, client: shown, token }: WsClientOptions = {},
  ): Promise<WsClient> {
    const http = ca === undefined
      ? undefined
      : Deno.createHttpClient({ caCerts: [ca], ...(shown && { cert: shown.cert, key: shown.key }) });
    const headers = {
      ...(origin === undefined ? {} : { origin }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const socket = new WebSocket(url, { headers, ...(http === undefined ? {} : { client: http }) });
    const client = new WsClient(socket, http);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.onopen = () => resolve();
    socket.onerror = (event) => reject(new Error(event instanceof ErrorEvent ? event.message : "refused"));
    try {
      await promise;
    } catch (error) {
      http?.close();
      throw error;
    }
    return client;
  }

  /** Queues a message. */
  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(data);
  }

  /** The next message that was not taken yet. */
  next(): Promise<string | Uint8Array> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    const { promise, resolve } = Promise.withResolvers<string | Uint8Array>();
    this.#waiting.push(resolve);
    return promise;
  }

  /** The next messages, in order. */
  async take(count: number): Promise<(string | Uint8Array)[]> {
    const messages: (string | Uint8Array)[] = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  /** Closes and waits for the end. */
  async close(code = 1000, reason = ""): Promise<Closed> {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code, reason);
    const closed = await this.closed;
    this.#http?.close();
    this.#http = undefined;
    return closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #got(message: string | Uint8Array): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#messages.push(message);
    else waiting(message);
  }
}
