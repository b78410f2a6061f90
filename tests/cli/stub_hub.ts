/** Something that speaks length-prefixed messages and answers as a test wants, for what no real hub would do. */
import {
  encodeLengthPrefixed,
  LengthPrefixDecoder,
  MAX_PREFIXED_BYTES,
} from "../../src/wire/length_prefix.ts";
import {
  encodeTextMessage,
  parseTextMessage,
  type TextHeader,
  type TextMessage,
} from "../../src/wire/text_message.ts";

/** What goes back: messages, or the end of the connection. */
export type Reply = readonly ([TextHeader, unknown] | "close")[];

/** Listens on a free port until the end of its scope. */
export class StubHub implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #reply: (message: TextMessage) => Reply;
  readonly #serving: Promise<void>;
  /** Everything that came. */
  readonly received: TextMessage[] = [];

  constructor(reply: (message: TextMessage) => Reply) {
    this.#reply = reply;
    this.#serving = this.#serve();
  }

  get url(): string {
    return `tcp://127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const all: Promise<void>[] = [];
    for await (const connection of this.#listener) all.push(this.#speak(connection));
    await Promise.all(all);
  }

  async #speak(connection: Deno.Conn): Promise<void> {
    const messages: TextMessage[] = [];
    const decoder = new LengthPrefixDecoder(MAX_PREFIXED_BYTES, (bytes) => {
      const message = parseTextMessage(bytes.slice(), { maxTimeoutMs: Number.MAX_SAFE_INTEGER });
      if (message.kind === "message") messages.push(message);
    });
    using _connection = connection;
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const count = await connection.read(buffer).catch(() => null);
      if (count === null) return;
      decoder.feed(buffer.subarray(0, count));
      for (const message of messages.splice(0)) {
        this.received.push(message);
        for (const reply of this.#reply(message)) {
          if (reply === "close") return;
          await write(connection, ...reply);
        }
      }
    }
  }
}

/** The answer to a message. */
export function answerTo({ topic, requestId }: TextMessage, payload: unknown): [TextHeader, unknown] {
  return [{ action: "response", topic, requestId }, payload];
}

/** An error as payload. */
export function errorPayload(code: string, message = "for a reason"): object {
  return { error: { code, message, timestamp: new Date().toISOString() } };
}

async function write(connection: Deno.Conn, header: TextHeader, payload: unknown): Promise<void> {
  const body = payload instanceof Uint8Array ? payload : new TextEncoder().encode(JSON.stringify(payload));
  for (const part of encodeLengthPrefixed(encodeTextMessage(header, ""), body).parts) {
    for (let rest = part; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
  }
}
