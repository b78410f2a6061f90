/** Payloads from an input: all of it, or its lines. Neither takes more memory than the longest message needs. */
import { Buffer } from "node:buffer";
import { formatSize } from "../config/units.ts";
import { TrunklineError } from "../core/errors.ts";
import { MAX_PREFIXED_BYTES } from "../wire/length_prefix.ts";
import type { CommandInput } from "./io.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** The payload that an argument gives: itself, or the input where it is `-` or left out. Throws as `readWhole`. */
export async function readPayload(argument: string | undefined, input: CommandInput): Promise<Uint8Array> {
  const isGiven = argument !== undefined && argument !== "-";
  return isGiven ? new TextEncoder().encode(argument) : await readWhole(input.chunks());
}

/** Everything as one payload. Throws `request_failed` when it is longer than any message. */
export async function readWhole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts = new Parts("input");
  for await (const chunk of chunks) parts.add(chunk);
  return parts.take();
}

/** Each line as a payload, without its end; what follows the last one too. Throws `request_failed` likewise. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const parts = new Parts("line");
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      parts.add(chunk.subarray(from, end));
      yield withoutReturn(parts.take());
      from = end + 1;
    }
    parts.add(chunk.subarray(from));
  }
  if (!parts.isEmpty) yield withoutReturn(parts.take());
}

/** Bytes that come in pieces. */
class Parts {
  readonly #what: string;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(what: string) {
    this.#what = what;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > MAX_PREFIXED_BYTES) {
      const limit = formatSize(MAX_PREFIXED_BYTES + 1);
      const message = `Cannot send the ${this.#what}: it has ${limit} or more, no message is that long`;
      throw new TrunklineError("request_failed", message);
    }
    if (part.length > 0) this.#parts.push(part);
  }

  /** All of it; goes on with nothing. */
  take(): Uint8Array {
    const [first = new Uint8Array(0)] = this.#parts;
    const whole = this.#parts.length > 1 ? Buffer.concat(this.#parts) : first;
    this.#parts = [];
    this.#bytes = 0;
    return whole;
  }
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}
