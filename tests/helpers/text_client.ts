/** A client of length-prefixed text messages over plain TCP or TLS, written apart from the hub's codec. */
import assert from "node:assert/strict";
import { connectLink, LinkClient, type LinkClientOptions } from "./link_client.ts";
import { PREFIX_BYTES, prefixed } from "./prefixed.ts";

const decoder = new TextDecoder();

/** The payload of `system.close`. */
export interface LastWords {
  readonly code: number;
  readonly reason: string;
  readonly retryAfterMs?: number;
}

/** One connection of text messages. */
export class TextClient extends LinkClient {
  static async connect(options: LinkClientOptions): Promise<TextClient> {
    return new TextClient(await connectLink(options));
  }

  /** Sends one message. */
  async send(message: Uint8Array | string): Promise<void> {
    await this.write(prefixed(message));
  }

  /** The next message as text; `null` when the other side is done. */
  async next(): Promise<string | null> {
    if (!await this.until(({ length }) => length >= PREFIX_BYTES)) return null;
    const { buffer, byteOffset } = this.received;
    const end = PREFIX_BYTES + new DataView(buffer, byteOffset).getUint32(0);
    if (!await this.until(({ length }) => length >= end)) return null;
    return decoder.decode(this.take(end).subarray(PREFIX_BYTES));
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
}

/** The payload of a `system.close`. */
export function readLastWords(message: string): LastWords {
  const end = message.indexOf("\n");
  assert.match(message.slice(0, end), /^publish:system\.close:1\.0\.0:[0-9a-f-]{36}$/);
  return JSON.parse(message.slice(end + 1));
}
