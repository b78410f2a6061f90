/** Text messages over TCP or TLS, each behind its length. */
import type { Socket } from "node:net";
import { encodeLengthPrefixed, LengthPrefixDecoder, MAX_PREFIXED_BYTES } from "../wire/length_prefix.ts";
import { encodeTextMessage, type TextHeader } from "../wire/text_message.ts";
import { CLOSE_TIMEOUT_MS, type LinkEnd, type MessageLink } from "./message_link.ts";

const NOTHING = new Uint8Array(0);

/** A link over a connected socket. */
export class PrefixedLink implements MessageLink {
  readonly closed: Promise<LinkEnd>;
  readonly #socket: Socket;
  #end: LinkEnd = { code: null, reason: "" };

  constructor(socket: Socket) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    this.closed = promise;
    socket.on("error", (error) => this.#end = { code: null, reason: error.message });
    socket.on("close", () => resolve(this.#end));
  }

  start(onMessage: (bytes: Uint8Array) => void): void {
    const decoder = new LengthPrefixDecoder(MAX_PREFIXED_BYTES, onMessage);
    // A socket keeps what it receives until somebody listens.
    this.#socket.on("data", (chunk: Uint8Array) => {
      if (this.#socket.destroyed || decoder.feed(chunk) === null) return;
      this.#end = { code: null, reason: "what came is no message of a hub" };
      this.#socket.destroy();
    });
  }

  send(header: TextHeader, payload: Uint8Array): void {
    if (!this.#socket.writable) return;
    const { parts } = encodeLengthPrefixed(encodeTextMessage(header, NOTHING), payload);
    for (const part of parts) this.#socket.write(part);
  }

  async close(): Promise<void> {
    const cut = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
    this.#socket.end();
    await this.closed;
    clearTimeout(cut);
  }
}
