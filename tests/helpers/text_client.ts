/** A client of length-prefixed text messages over plain TCP or TLS, written apart from the hub's codec. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { type GatedSocket, PlainSocket, TlsGate } from "../../src/link/gated_socket.ts";
import { concat, PREFIX_BYTES, prefixed } from "./prefixed.ts";

const decoder = new TextDecoder();

/** How to connect. */
export interface TextClientOptions {
  readonly port: number;
  /** The authority to trust; plain text without one. */
  readonly ca?: string | undefined;
  /** What goes before everything else, TLS too. */
  readonly header?: Uint8Array;
}

/** The payload of `system.close`. */
export interface LastWords {
  readonly code: number;
  readonly reason: string;
  readonly retryAfterMs?: number;
}

/** One connection. Either side may end alone: it reads on after its own FIN, and writes on after the hub's. */
export class TextClient implements AsyncDisposable {
  readonly #link: GatedSocket;
  readonly #closed: Promise<void>;
  #received: Uint8Array = new Uint8Array(0);
  #isOver = false;
  #wake: (() => void) | null = null;

  private constructor(link: GatedSocket) {
    this.#link = link;
    const { socket } = link;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = promise;
    socket.on("data", (chunk: Uint8Array) => this.#changed(concat([this.#received, chunk]), false));
    socket.on("end", () => this.#changed(this.#received, true));
    socket.on("close", () => {
      this.#changed(this.#received, true);
      resolve();
    });
  }

  static async connect({ port, ca, header }: TextClientOptions): Promise<TextClient> {
    const raw = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await happens(raw, "connect");
    raw.setNoDelay(true);
    if (header !== undefined) raw.write(header);
    if (ca === undefined) return new TextClient(new PlainSocket(raw));
    const gate = TlsGate.client(raw, { ca, servername: "localhost" });
    gate.socket.allowHalfOpen = true;
    await happens(gate.socket, "secureConnect");
    return new TextClient(gate);
  }

  /** Writes bytes as they are and waits until the socket took them; what cannot be written any more is ignored. */
  async write(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((written) => this.#link.socket.write(bytes, () => written()));
  }

  /** Sends one message. */
  async send(message: Uint8Array | string): Promise<void> {
    await this.write(prefixed(message));
  }

  /** Sends FIN, after these bytes. */
  finish(bytes: Uint8Array = new Uint8Array(0)): void {
    this.#link.socket.end(bytes);
  }

  /** Cuts the connection with a reset. */
  reset(): void {
    this.#link.socket.resetAndDestroy();
  }

  /** Reads nothing more. */
  pause(): void {
    this.#link.pause();
  }

  /** The next message as text; `null` when the other side is done. */
  async next(): Promise<string | null> {
    if (!await this.#need(PREFIX_BYTES)) return null;
    const length = new DataView(this.#received.buffer, this.#received.byteOffset).getUint32(0);
    if (!await this.#need(PREFIX_BYTES + length)) return null;
    const message = decoder.decode(this.#received.subarray(PREFIX_BYTES, PREFIX_BYTES + length));
    this.#received = this.#received.slice(PREFIX_BYTES + length);
    return message;
  }

  /** Everything that still comes. */
  async rest(): Promise<string[]> {
    const messages: string[] = [];
    for (let message = await this.next(); message !== null; message = await this.next()) {
      messages.push(message);
    }
    return messages;
  }

  /** What the hub says in `system.close`, which has to be its last message, before it ends the connection. */
  async lastWords(): Promise<LastWords> {
    const last = (await this.rest()).at(-1);
    assert.ok(last !== undefined, "the hub closed without last words");
    return readLastWords(last);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.socket.destroy();
    await this.#closed;
  }

  async #need(bytes: number): Promise<boolean> {
    while (this.#received.length < bytes) {
      if (this.#isOver) return false;
      await new Promise<void>((wake) => this.#wake = wake);
    }
    return true;
  }

  #changed(received: Uint8Array, isOver: boolean): void {
    this.#received = received;
    this.#isOver = isOver;
    this.#wake?.();
  }
}

async function happens(socket: Socket, event: string): Promise<void> {
  await new Promise<void>((resolve, reject) => socket.once(event, () => resolve()).once("error", reject));
  socket.on("error", () => {});
}

/** The payload of a `system.close`. */
export function readLastWords(message: string): LastWords {
  const end = message.indexOf("\n");
  assert.match(message.slice(0, end), /^publish:system\.close:1\.0\.0:[0-9a-f-]{36}$/);
  return JSON.parse(message.slice(end + 1));
}
