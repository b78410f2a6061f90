/**
 * JSON lines: one JSON object a line, in UTF-8, each ended by a newline. The decoder finds the lines and never holds
 * more than one line may have; what a line says is read apart from that.
 */

import { GrowingBuffer } from "./growing_buffer.ts";

/** The longest line, in bytes before its newline. */
export const MAX_JSON_LINE_BYTES = 16 * 1024;
/** What is taken for a line that is not complete; it doubles as its bytes come. */
const FIRST_BUFFER_BYTES = 256;
const NEWLINE = 0x0a;

const encoder = new TextEncoder();
/** A byte order mark is no JSON, so it is not taken off. */
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An object as it came; nothing is known of its fields. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Encodes one object, the newline included. A field that is `undefined` is left out. */
export function encodeJsonLine(object: JsonObject): Uint8Array {
  return encoder.encode(`${JSON.stringify(object)}\n`);
}

/** What a line says. */
export type JsonLine =
  | { readonly kind: "object"; readonly object: JsonObject }
  /** It is not UTF-8, not JSON, or JSON that is no object. */
  | { readonly kind: "invalid"; readonly problem: "encoding" | "syntax" | "not_object" };

/** Reads one line without its newline. White space around the object is JSON's, so a line may end in CR LF. */
export function parseJsonLine(line: Uint8Array): JsonLine {
  const text = decodeStrictly(line);
  if (text === null) return { kind: "invalid", problem: "encoding" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "invalid", problem: "syntax" };
  }
  return isObject(value) ? { kind: "object", object: value } : { kind: "invalid", problem: "not_object" };
}

/** A line that is longer than allowed. Nothing can be read behind it. */
export interface LineTooLong {
  /** How many of its bytes came so far. */
  readonly seenBytes: number;
}

/** Takes bytes in any pieces and gives whole lines. */
export class JsonLineDecoder {
  readonly #maxBytes: number;
  readonly #onLine: (line: Uint8Array) => void;
  /** The line that is on its way. */
  readonly #buffer = new GrowingBuffer(FIRST_BUFFER_BYTES);

  /** `onLine` gets each line without its newline, as a view that stays valid. */
  constructor(maxBytes: number, onLine: (line: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
  }

  /** Bytes that are held of a line that is not complete. */
  get heldBytes(): number {
    return this.#buffer.length;
  }

  /** Whether a line has begun and is not complete. */
  get isInside(): boolean {
    return this.#buffer.length > 0;
  }

  /**
   * Takes the next bytes, to the end of a line at most; gives how many it took. Or tells of a line that is too long;
   * nothing may be fed after that.
   */
  feed(bytes: Uint8Array): number | LineTooLong {
    const newlineAt = bytes.indexOf(NEWLINE);
    const piece = newlineAt < 0 ? bytes : bytes.subarray(0, newlineAt);
    const seenBytes = this.#buffer.length + piece.length;
    if (seenBytes > this.#maxBytes) return { seenBytes };
    if (newlineAt < 0) {
      this.#buffer.append(piece, this.#maxBytes);
      return bytes.length;
    }
    this.#complete(piece);
    return newlineAt + 1;
  }

  #complete(piece: Uint8Array): void {
    if (this.#buffer.length === 0) {
      this.#onLine(piece);
      return;
    }
    this.#buffer.append(piece, this.#maxBytes);
    this.#onLine(this.#buffer.take());
  }
}

function decodeStrictly(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
