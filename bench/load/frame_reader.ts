/**
 * Reads unmasked WebSocket frames as texts, in whatever pieces they come. For loads that have to look at what
 * they get; those that need not count bytes instead.
 */

const READ_BYTES = 64 * 1024;
const decoder = new TextDecoder();

/** Reads one connection. */
export class FrameReader {
  readonly #buffer = new Uint8Array(READ_BYTES);
  #rest: Uint8Array = new Uint8Array(0);

  /** The next frames, at least one read; `null` at the end of the connection. */
  async read(connection: Deno.Conn): Promise<string[] | null> {
    const count = await connection.read(this.#buffer).catch(() => null);
    if (count === null) return null;
    const bytes = new Uint8Array(this.#rest.length + count);
    bytes.set(this.#rest);
    bytes.set(this.#buffer.subarray(0, count), this.#rest.length);
    const texts: string[] = [];
    let at = 0;
    for (;;) {
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (at + head > bytes.length) break;
      const length = short < 126
        ? short
        : bytes.subarray(at + 2, at + head).reduce((sum, byte) => sum * 256 + byte, 0);
      if (at + head + length > bytes.length) break;
      texts.push(decoder.decode(bytes.subarray(at + head, at + head + length)));
      at += head + length;
    }
    this.#rest = bytes.slice(at);
    return texts;
  }
}
