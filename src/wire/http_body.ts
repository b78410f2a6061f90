/**
 * Where the bodies of HTTP/1.1 messages end (RFC 9112, section 6), from heads; and reading them from bytes in any
 * pieces, as views that are not copied. What leaves the end open to opinion is refused.
 */
import { HttpFields } from "./http_fields.ts";
import {
  type HttpRefusal,
  type HttpRequestHead,
  type HttpResponseHead,
  isRefusal,
  parseFields,
  refuse,
} from "./http_head.ts";
import { bytesOfLatin1, latin1Of } from "./latin1.ts";

/** How the end of a body is found. */
export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  /** With the connection; only of responses. */
  | { readonly kind: "until_close" };

/** What a piece of bytes brought of a body. */
export interface BodyPiece {
  /** Of the body itself; views of what was fed. */
  readonly parts: readonly Uint8Array[];
  /** How many of the bytes belong to the message. */
  readonly usedBytes: number;
  /** Whether the message is over. */
  readonly isOver: boolean;
}

/** The longest line of a chunk's size: its digits and extensions. */
export const MAX_CHUNK_LINE_BYTES = 16 + 256;
/** The longest trailer section. */
export const MAX_TRAILER_BYTES = 8 * 1024;

const NO_BODY: BodyFraming = { kind: "none" };
const LENGTH = /^\d{1,15}$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,12})(?:;[\t\x20-\x7e\x80-\xff]{0,255})?$/;
const [CR, LF] = [0x0d, 0x0a];

/** How the body of a request ends. */
export function requestFraming({ minor, fields }: HttpRequestHead): BodyFraming | HttpRefusal {
  const framing = framingOf(minor, fields);
  return framing ?? NO_BODY;
}

/** How the body of the response to a request of a method ends; a 101 has none. */
export function responseFraming(
  { status, minor, fields }: HttpResponseHead,
  method: string,
): BodyFraming | HttpRefusal {
  const framing = framingOf(minor, fields);
  if (isRefusal(framing)) return framing;
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return NO_BODY;
  return framing ?? { kind: "until_close" };
}

function framingOf(minor: 0 | 1, fields: HttpFields): BodyFraming | HttpRefusal | null {
  const codings = fields.all("transfer-encoding");
  const lengths = fields.all("content-length");
  if (codings.length > 0) {
    if (lengths.length > 0) return refuse(400, "There are both Content-Length and Transfer-Encoding");
    if (minor === 0) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
    const isChunked = codings.length === 1 && codings[0]?.toLowerCase() === "chunked";
    return isChunked ? { kind: "chunked" } : refuse(400, "The Transfer-Encoding is not just chunked");
  }
  const [length, ...others] = lengths;
  if (length === undefined) return null;
  if (others.length > 0 || !LENGTH.test(length)) return refuse(400, "The Content-Length is no number");
  return { kind: "length", bytes: Number(length) };
}

/** Reads one body. */
export interface BodyDecoder {
  /** Whether the message is over. */
  readonly isOver: boolean;
  /** Fields behind the body; empty until it is over. */
  readonly trailers: HttpFields;
  /** Takes the next bytes; nothing may be fed after the end or a refusal. */
  feed(bytes: Uint8Array): BodyPiece | HttpRefusal;
}

/** Makes the decoder of a body. */
export function createBodyDecoder(framing: BodyFraming): BodyDecoder {
  switch (framing.kind) {
    case "none":
      return new LengthDecoder(0);
    case "length":
      return new LengthDecoder(framing.bytes);
    case "chunked":
      return new ChunkedDecoder();
    case "until_close":
      return new LengthDecoder(Infinity);
  }
}

const NO_TRAILERS = new HttpFields();

class LengthDecoder implements BodyDecoder {
  readonly trailers = NO_TRAILERS;
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  feed(bytes: Uint8Array): BodyPiece {
    const usedBytes = Math.min(this.#left, bytes.length);
    this.#left -= usedBytes;
    const parts = usedBytes === 0 ? [] : [usedBytes === bytes.length ? bytes : bytes.subarray(0, usedBytes)];
    return { parts, usedBytes, isOver: this.isOver };
  }
}

type ChunkState = "size" | "data" | "data_end" | "trailers" | "over";

class ChunkedDecoder implements BodyDecoder {
  trailers = NO_TRAILERS;
  #state: ChunkState = "size";
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  /** The line that is on its way. */
  #line = "";
  #trailerText = "";

  get isOver(): boolean {
    return this.#state === "over";
  }

  feed(bytes: Uint8Array): BodyPiece | HttpRefusal {
    const parts: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length && this.#state !== "over") {
      const next = this.#state === "data" ? this.#takeData(bytes, { at, parts }) : this.#takeLine(bytes, at);
      if (typeof next !== "number") return next;
      at = next;
    }
    return { parts, usedBytes: at, isOver: this.isOver };
  }

  #takeData(bytes: Uint8Array, { at, parts }: { at: number; parts: Uint8Array[] }): number {
    const end = Math.min(bytes.length, at + this.#left);
    parts.push(bytes.subarray(at, end));
    this.#left -= end - at;
    if (this.#left === 0) this.#state = "data_end";
    return end;
  }

  /** Takes a line, or as much as there is of it. */
  #takeLine(bytes: Uint8Array, at: number): number | HttpRefusal {
    const lineFeed = bytes.indexOf(LF, at);
    const end = lineFeed < 0 ? bytes.length : lineFeed + 1;
    const most = this.#state === "trailers"
      ? MAX_TRAILER_BYTES - this.#trailerText.length
      : MAX_CHUNK_LINE_BYTES;
    if (this.#line.length + end - at > most + 2) return refuse(400, "A line of the body is too long");
    this.#line += latin1Of(bytes, at, end);
    if (lineFeed < 0) return end;
    const line = this.#line;
    this.#line = "";
    if (line.charCodeAt(line.length - 2) !== CR) {
      return refuse(400, "A line of the body ends without a carriage return");
    }
    const fault = this.#takeWhole(line.slice(0, -2));
    return fault ?? end;
  }

  #takeWhole(line: string): HttpRefusal | null {
    switch (this.#state) {
      case "size":
        return this.#takeSize(line);
      case "data_end":
        this.#state = "size";
        return line === "" ? null : refuse(400, "A chunk is longer than it says");
      default:
        return this.#takeTrailer(line);
    }
  }

  #takeSize(line: string): HttpRefusal | null {
    const digits = CHUNK_LINE.exec(line)?.[1];
    if (digits === undefined) return refuse(400, "The size of a chunk is none");
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? "trailers" : "data";
    return null;
  }

  #takeTrailer(line: string): HttpRefusal | null {
    if (line !== "") {
      this.#trailerText += `${line}\r\n`;
      return null;
    }
    if (this.#trailerText !== "") {
      const parsed = parseFields(bytesOfLatin1(`${this.#trailerText}\r\n`), 0);
      if (isRefusal(parsed)) return parsed;
      this.trailers = parsed.fields;
    }
    this.#state = "over";
    return null;
  }
}

const CHUNK_END = bytesOfLatin1("\r\n");

/** A part of a chunked body as it goes out: its size, itself, the end of its line. */
export function encodeChunk(part: Uint8Array): Uint8Array[] {
  return [bytesOfLatin1(`${part.length.toString(16)}\r\n`), part, CHUNK_END];
}

/** The end of a chunked body, with the lines of the fields behind it. */
export function encodeLastChunk(trailerLines: string): Uint8Array {
  return bytesOfLatin1(`0\r\n${trailerLines}\r\n`);
}
