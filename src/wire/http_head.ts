/**
 * Reads the heads of HTTP/1.1 requests and responses (RFC 9112) from bytes in any pieces. Strict: what two readers could
 * read in two ways is refused. A head is never kept beyond its limits.
 */
import { Buffer } from "node:buffer";
import { GrowingBuffer } from "./growing_buffer.ts";
import { HttpFields } from "./http_fields.ts";

/** What came is no head, and how that is answered. */
export interface HttpRefusal {
  readonly kind: "refused";
  /** The status of the answer, where a client is to be answered. */
  readonly status: 400 | 413 | 417 | 431 | 505;
  /** For people; holds nothing of what came. */
  readonly reason: string;
}

/** The head of a request. */
export interface HttpRequestHead {
  readonly kind: "request";
  readonly method: string;
  /** As it was written. */
  readonly target: string;
  /** Of HTTP/1. */
  readonly minor: 0 | 1;
  readonly fields: HttpFields;
}

/** The head of a response. */
export interface HttpResponseHead {
  readonly kind: "response";
  /** 100 to 599. */
  readonly status: number;
  readonly reason: string;
  /** Of HTTP/1. */
  readonly minor: 0 | 1;
  readonly fields: HttpFields;
}

/** What the bytes up to now are. `rest`: what came behind the head. */
export type HttpHeadResult<H> =
  | { readonly kind: "incomplete" }
  | { readonly kind: "head"; readonly head: H; readonly rest: Uint8Array }
  | HttpRefusal;

/** The longest head, in bytes, its empty line included. */
export const MAX_HEAD_BYTES = 64 * 1024;
/** The most fields of a head. */
export const MAX_FIELDS = 100;

const END = new Uint8Array([0x0d, 0x0a, 0x0d, 0x0a]);
const [CR, LF] = [0x0d, 0x0a];
const CARRIAGE_RETURN = new Uint8Array([CR]);
const FIRST_BUFFER_BYTES = 1024;
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const INCOMPLETE = { kind: "incomplete" } as const;

/** Makes a refusal. */
export function refuse(status: HttpRefusal["status"], reason: string): HttpRefusal {
  return { kind: "refused", status, reason };
}

/** Reads one head after the other. */
class HeadReader<H> {
  readonly #parse: (text: string) => H | HttpRefusal;
  readonly #held = new GrowingBuffer(FIRST_BUFFER_BYTES);

  constructor(parse: (text: string) => H | HttpRefusal) {
    this.#parse = parse;
  }

  /** Whether a head has begun and is not complete. */
  get isInside(): boolean {
    return this.#held.length > 0;
  }

  /** Takes the next bytes. */
  feed(bytes: Uint8Array): HttpHeadResult<H> {
    const seen = this.#held.length;
    if (seen === 0) return this.#read(bytes, 0) ?? this.#hold(bytes);
    // What is beyond the limit does not matter: with its first byte it is too long.
    const part = bytes.subarray(0, MAX_HEAD_BYTES + 1 - seen);
    this.#held.append(part, MAX_HEAD_BYTES + 1);
    const result = this.#read(this.#held.peek(), seen);
    if (result === null) return INCOMPLETE;
    this.#held.take();
    if (result.kind !== "head" || part.length === bytes.length) return result;
    return { ...result, rest: joined(result.rest, bytes.subarray(part.length)) };
  }

  #hold(bytes: Uint8Array): HttpHeadResult<H> {
    this.#held.append(bytes, MAX_HEAD_BYTES + 1);
    return INCOMPLETE;
  }

  /** The head that the bytes begin with, of which those before `from` were looked at; `null`: not yet. */
  #read(bytes: Uint8Array, from: number): HttpHeadResult<H> | null {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const end = view.indexOf(END, Math.max(0, from - END.length + 1));
    if (end + END.length > MAX_HEAD_BYTES || (end < 0 && bytes.length > MAX_HEAD_BYTES)) {
      return refuse(431, "The head is too long");
    }
    if (end < 0) return earlyFault(view, from);
    const head = this.#parse(view.toString("latin1", 0, end));
    if (isRefusal(head)) return head;
    return { kind: "head", head, rest: bytes.subarray(end + END.length) };
  }
}

/** Reads the heads of requests. One empty line before a request (RFC 9112, section 2.2) is passed over. */
export class RequestReader {
  readonly #reader = new HeadReader<HttpRequestHead>(parseRequest);
  /** What was seen of the empty line before the next head. */
  #emptyLine: "none" | "half" | "whole" = "none";

  get isInside(): boolean {
    return this.#emptyLine === "half" || this.#reader.isInside;
  }

  feed(bytes: Uint8Array): HttpHeadResult<HttpRequestHead> {
    const result = this.#reader.feed(this.#reader.isInside ? bytes : this.#withoutEmptyLine(bytes));
    if (result.kind === "head") this.#emptyLine = "none";
    return result;
  }

  #withoutEmptyLine(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0 || this.#emptyLine === "whole") return bytes;
    const text = this.#emptyLine === "half" ? joined(CARRIAGE_RETURN, bytes) : bytes;
    if (text[0] !== CR) return text;
    this.#emptyLine = text.length === 1 ? "half" : text[1] === LF ? "whole" : "none";
    return this.#emptyLine === "none" ? text : text.subarray(2);
  }
}

/** Reads the heads of responses. */
export class ResponseReader {
  readonly #reader = new HeadReader<HttpResponseHead>(parseResponse);

  get isInside(): boolean {
    return this.#reader.isInside;
  }

  feed(bytes: Uint8Array): HttpHeadResult<HttpResponseHead> {
    return this.#reader.feed(bytes);
  }
}

/** Whether something is a refusal. */
export function isRefusal(value: unknown): value is HttpRefusal {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "refused";
}

/** The fields that lines hold, or why they hold none. Used for heads and trailers. */
export function parseFields(lines: readonly string[], from: number): HttpFields | HttpRefusal {
  if (lines.length - from > MAX_FIELDS) return refuse(431, "There are too many fields");
  const fields = new HttpFields();
  for (let at = from; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    if (colon <= 0 || !NAME.test(name)) return refuse(400, "A field has no name, or one that is none");
    const value = trimmed(line, colon + 1);
    if (!VALUE.test(value)) return refuse(400, "The value of a field has characters that are not allowed");
    fields.add(name, value);
  }
  return fields;
}

function parseRequest(text: string): HttpRequestHead | HttpRefusal {
  const lines = text.split("\r\n");
  const match = REQUEST_LINE.exec(lines[0] ?? "");
  if (match === null) return refuse(400, "The request line is none");
  const [, method = "", target = "", major = "", minor = ""] = match;
  if (major !== "1" || (minor !== "0" && minor !== "1")) {
    return refuse(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  const fields = parseFields(lines, 1);
  return isRefusal(fields)
    ? fields
    : { kind: "request", method, target, minor: minor === "0" ? 0 : 1, fields };
}

function parseResponse(text: string): HttpResponseHead | HttpRefusal {
  const lines = text.split("\r\n");
  const match = STATUS_LINE.exec(lines[0] ?? "");
  if (match === null) return refuse(400, "The status line is none");
  const [, minor = "", status = "", reason = ""] = match;
  const fields = parseFields(lines, 1);
  if (isRefusal(fields)) return fields;
  return { kind: "response", status: Number(status), reason, minor: minor === "0" ? 0 : 1, fields };
}

/** White space around a value is none of it. */
function trimmed(line: string, from: number): string {
  let [start, end] = [from, line.length];
  while (start < end && isSpace(line.charCodeAt(start))) start++;
  while (end > start && isSpace(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** What shows before the end of a head that it will be none, so that nobody waits for it. */
function earlyFault(bytes: Uint8Array, from: number): HttpRefusal | null {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) return refuse(400, "A line ends without a carriage return");
  }
  const first = bytes[0];
  return first !== undefined && (first < 0x20 || first > 0x7e) && first !== CR
    ? refuse(400, "This is no HTTP")
    : null;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const whole = new Uint8Array(one.length + other.length);
  whole.set(one);
  whole.set(other, one.length);
  return whole;
}
