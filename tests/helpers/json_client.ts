/** A client of JSON lines over plain TCP or TLS, written apart from the hub's codec. */
import { connectLink, LinkClient, type LinkClientOptions } from "./link_client.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What a line says. */
export type Json = Readonly<Record<string, unknown>>;

/** An object, or text as it is, as a line. */
export function lineOf(content: Json | string): Uint8Array {
  return encoder.encode(`${typeof content === "string" ? content : JSON.stringify(content)}\n`);
}

/** One connection of JSON lines. */
export class JsonClient extends LinkClient {
  static async connect(options: LinkClientOptions): Promise<JsonClient> {
    return new JsonClient(await connectLink(options));
  }

  /** Sends one line. */
  async send(content: Json | string): Promise<void> {
    await this.write(lineOf(content));
  }

  /** The next line as text, without its newline; `null` when the other side is done. */
  async nextLine(): Promise<string | null> {
    if (!await this.until((received) => received.includes(0x0a))) return null;
    return decoder.decode(this.take(this.received.indexOf(0x0a) + 1)).slice(0, -1);
  }

  /** What the next line says; `null` when the other side is done. */
  async next(): Promise<Json | null> {
    const line = await this.nextLine();
    return line === null ? null : JSON.parse(line);
  }

  /** Everything that still comes. */
  async rest(): Promise<Json[]> {
    const messages: Json[] = [];
    for (let message = await this.next(); message !== null; message = await this.next()) {
      messages.push(message);
    }
    return messages;
  }

  /** Sends one line and gives what comes next. */
  async ask(content: Json | string): Promise<Json | null> {
    await this.send(content);
    return await this.next();
  }
}
