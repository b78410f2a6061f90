/** A client of bytes over plain TCP or TLS, for clients of the transports that put messages on them. */
import { connect, type Socket } from "node:net";
import { type GatedSocket, PlainSocket, TlsGate } from "../../src/link/gated_socket.ts";
import { concat } from "./prefixed.ts";

/** How to connect. */
export interface LinkClientOptions {
  readonly port: number;
  /** The authority to trust; plain text without one. */
  readonly ca?: string | undefined;
  /** What it shows of itself, over TLS. */
  readonly client?: { readonly cert: string; readonly key: string } | undefined;
  /** What goes before everything else, TLS too. */
  readonly header?: Uint8Array;
}

/** One connection. Either side may end alone: it reads on after its own FIN, and writes on after the hub's. */
export abstract class LinkClient implements AsyncDisposable {
  readonly #link: GatedSocket;
  readonly #closed: Promise<void>;
  #received: Uint8Array = new Uint8Array(0);
  #isOver = false;
  #wake: (() => void) | null = null;

  protected constructor(link: GatedSocket) {
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

  /** Writes bytes as they are and waits until the socket took them; what cannot be written any more is ignored. */
  async write(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((written) => this.#link.socket.write(bytes, () => written()));
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.socket.destroy();
    await this.#closed;
  }

  /** What came and was not taken. */
  protected get received(): Uint8Array {
    return this.#received;
  }

  /** Takes so many bytes of what came. */
  protected take(bytes: number): Uint8Array {
    const taken = this.#received.slice(0, bytes);
    this.#received = this.#received.slice(bytes);
    return taken;
  }

  /** Waits until it is so of what came; `false` when the other side was done before. */
  protected async until(isSo: (received: Uint8Array) => boolean): Promise<boolean> {
    while (!isSo(this.#received)) {
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

/** A socket that is connected, and encrypted where there is an authority to trust. */
export async function connectLink({ port, ca, client, header }: LinkClientOptions): Promise<GatedSocket> {
  const raw = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await happens(raw, "connect");
  raw.setNoDelay(true);
  if (header !== undefined) raw.write(header);
  if (ca === undefined) return new PlainSocket(raw);
  const gate = TlsGate.client(raw, {
    ca,
    servername: "localhost",
    ...(client && { cert: client.cert, key: client.key }),
  });
  gate.socket.allowHalfOpen = true;
  await happens(gate.socket, "secureConnect");
  return gate;
}

async function happens(socket: Socket, event: string): Promise<void> {
  await new Promise<void>((resolve, reject) => socket.once(event, () => resolve()).once("error", reject));
  socket.on("error", () => {});
}
