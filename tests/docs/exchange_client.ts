/** A client of an example: messages go out as they stand there, and come in one by one. */
import { prefixed } from "../helpers/prefixed.ts";
import { type Closed, WsClient } from "../helpers/ws_client.ts";
import { TextLink } from "../broker/text_link.ts";
import type { Wire } from "./exchange_block.ts";

/** What comes to a client: a message, or the end. */
export type Arrival =
  | { readonly kind: "message"; readonly bytes: Uint8Array; readonly isBinary: boolean }
  | { readonly kind: "end"; readonly closed: Closed | null };

/** One connection of an example. */
export interface ExchangeClient extends AsyncDisposable {
  /** Sends one message. */
  send(message: Uint8Array<ArrayBuffer>): void;
  /** Sends bytes as they are; a WebSocket has none but messages. */
  sendRaw(bytes: Uint8Array<ArrayBuffer>): void;
  next(): Promise<Arrival>;
}

/**
 * Connects. `isSilent`: nothing is sent before the example sends it; otherwise the hub's greeting is asked for at
 * once, on TCP by the first byte of the length that comes next.
 */
export async function connectExchange(
  wire: Wire,
  { port, isSilent }: { port: number; isSilent: boolean },
): Promise<ExchangeClient> {
  return wire === "tcp"
    ? new TcpClient(await TextLink.connect({ port }), isSilent)
    : new WebSocketClient(await WsClient.connect(`ws://127.0.0.1:${port}/`));
}

class TcpClient implements ExchangeClient {
  readonly #link: TextLink;
  #bytesAhead = 0;

  constructor(link: TextLink, isSilent: boolean) {
    this.#link = link;
    if (isSilent) return;
    this.#bytesAhead = 1;
    link.write(Uint8Array.of(0));
  }

  send(message: Uint8Array<ArrayBuffer>): void {
    this.#link.write(prefixed(message).subarray(this.#bytesAhead));
    this.#bytesAhead = 0;
  }

  sendRaw(bytes: Uint8Array<ArrayBuffer>): void {
    this.#link.write(bytes);
  }

  async next(): Promise<Arrival> {
    const bytes = await this.#link.next();
    return bytes === null ? { kind: "end", closed: null } : { kind: "message", bytes, isBinary: true };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link.close();
  }
}

class WebSocketClient implements ExchangeClient {
  readonly #socket: WsClient;
  readonly #over: Promise<Arrival>;

  constructor(socket: WsClient) {
    this.#socket = socket;
    this.#over = socket.closed.then((closed) => ({ kind: "end", closed }));
  }

  send(message: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(asText(message) ?? message);
  }

  sendRaw(bytes: Uint8Array<ArrayBuffer>): void {
    this.send(bytes);
  }

  async next(): Promise<Arrival> {
    const message = this.#socket.next().then((data): Arrival =>
      typeof data === "string"
        ? { kind: "message", bytes: new TextEncoder().encode(data), isBinary: false }
        : { kind: "message", bytes: data, isBinary: true }
    );
    return await Promise.race([message, this.#over]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#socket.close();
  }
}

/** The bytes as text; `null` when they are no UTF-8. */
export function asText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
