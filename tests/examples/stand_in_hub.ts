/** What a test plays the hub with: takes WebSockets and leaves it to the test what they are told. */
import assert from "node:assert/strict";

/** One client of the stand-in. */
export class StandInPeer {
  /** What the client sent and nobody took yet. */
  readonly #received: string[] = [];
  readonly #socket: WebSocket;
  #wake: (() => void) | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      assert.equal(typeof data, "string");
      this.#received.push(data);
      this.#wake?.();
    };
  }

  /** The next message of the client. */
  async next(): Promise<string> {
    while (this.#received.length === 0) await new Promise<void>((wake) => this.#wake = wake);
    return this.#received.shift() ?? "";
  }

  /** The id of the client's next message, which has to begin like this. */
  async nextId(beginning: string): Promise<string> {
    const message = await this.next();
    assert.ok(message.startsWith(beginning), `${message} does not begin with ${beginning}`);
    return message.split("\n")[0]?.split(":")[3] ?? "";
  }

  send(message: string): void {
    this.#socket.send(message);
  }

  close(code: number, reason = ""): void {
    this.#socket.close(code, reason);
  }
}

/** A server that is no hub. */
export class StandInHub implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #peers: StandInPeer[] = [];
  #wake: (() => void) | null = null;

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "trunkline.text.v1" });
      const peer = new StandInPeer(socket);
      socket.onopen = () => {
        this.#peers.push(peer);
        this.#wake?.();
      };
      return response;
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** The next client that connected. */
  async accept(): Promise<StandInPeer> {
    for (;;) {
      const peer = this.#peers.shift();
      if (peer !== undefined) return peer;
      await new Promise<void>((wake) => this.#wake = wake);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
