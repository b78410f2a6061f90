/** The output of a program, line by line. */
import assert from "node:assert/strict";

/** The lines of an output. */
export class Lines {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(bytes: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = bytes.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next line; fails when there is none any more. */
  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) assert.fail(`the program ended: ${this.#text}`);
      this.#text += value;
    }
  }

  /** The next line that looks like this; those before it are skipped. */
  async find(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = await this.next();
      if (pattern.test(line)) return line;
    }
  }

  /** Everything that still comes. */
  async rest(): Promise<string[]> {
    for (let part = await this.#reader.read(); !part.done; part = await this.#reader.read()) {
      this.#text += part.value;
    }
    const lines = this.#text.split("\n").filter((line) => line !== "");
    this.#text = "";
    return lines;
  }
}
