/**
 * Reads the heads of HTTP/1.1 requests and responses (RFC 9112) from bytes in any pieces. Strict: what two readers could
 * read in two ways is refused. A head is never kept beyond its limits.
 */
import { concat } from "../core/concat.ts";
import { viewOf } from "../core/views.ts";
import { GrowingBuffer } from "./growing_buffer.ts";
import { type FieldPlace, HttpFields } from "./http_fields.ts";
import { addToSum, EMPTY_SUM, knownName } from "./http_names.ts";
import { latin1Of } from "./latin1.ts";

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
  /** As it came, its empty line included: a view, good for as long as what was fed. */
  readonly bytes: Uint8Array;
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

const [CR, LF, SPACE, TAB, COLON, UNDERSCORE] = [0x0d, 0x0a, 0x20, 0x09, 0x3a, 0x5f];
const CARRIAGE_RETURN = new Uint8Array([CR]);
const END_BYTES = 4;
const FIRST_BUFFER_BYTES = 1024;
/** Of a byte: whether it may stand in a token (RFC 9110, section 5.6.2), a target, a value. */
const [TOKEN, TARGET, VALUE] = [1, 2, 4];
const CLASSES = createClasses();
const VERSION = /^HTTP\/\d\.\d$/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const NOTHING = new Uint8Array(0);

const INCOMPLETE = { kind: "incomplete" } as const;

/** Makes a refusal. */
export function refuse(status: HttpRefusal["status"], reason: string): HttpRefusal {
  return { kind: "refused", status, reason };
}

/** Reads one head after the other. */
class HeadReader<H> {
  readonly #parse: (bytes: Uint8Array) => H | HttpRefusal;
  readonly #held = new GrowingBuffer(FIRST_BUFFER_BYTES);

  constructor(parse: (bytes: Uint8Array) => H | HttpRefusal) {
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
    return { ...result, rest: concat([result.rest, bytes.subarray(part.length)]) };
  }

  #hold(bytes: Uint8Array): HttpHeadResult<H> {
    this.#held.append(bytes, MAX_HEAD_BYTES + 1);
    return INCOMPLETE;
  }

  /** The head that the bytes begin with, of which those before `from` were looked at; `null`: not yet. */
  #read(bytes: Uint8Array, from: number): HttpHeadResult<H> | null {
    const end = endOfHead(bytes, Math.max(0, from - END_BYTES + 1));
    if (end > MAX_HEAD_BYTES || (end < 0 && bytes.length > MAX_HEAD_BYTES)) {
      return refuse(431, "The head is too long");
    }
    if (end < 0) return earlyFault(bytes, from);
    const head = this.#parse(end === bytes.length ? bytes : viewOf(bytes, 0, end));
    if (isRefusal(head)) return head;
    return { kind: "head", head, rest: end === bytes.length ? NOTHING : viewOf(bytes, end, bytes.length) };
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
    const text = this.#emptyLine === "half" ? concat([CARRIAGE_RETURN, bytes]) : bytes;
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

/**
 * The fields that these bytes hold, line behind line from `from` on, or why they hold none. `text` is the bytes as
 * characters. Used for heads and trailers.
 */
export function parseFields(bytes: Uint8Array, text: string, from: number): HttpFields | HttpRefusal {
  const fields = new HttpFields(text);
  for (let at = from; at < bytes.length;) {
    const place = parseField(bytes, at);
    if ("kind" in place) return place;
    if (fields.length === MAX_FIELDS) return refuse(431, "There are too many fields");
    fields.place(place);
    at = place.lineTo;
  }
  return fields;
}

function parseField(bytes: Uint8Array, nameFrom: number): FieldPlace | HttpRefusal {
  let [at, sum, hasUnderscore] = [nameFrom, EMPTY_SUM, false];
  for (let byte = bytes[at] ?? 0; (classOf(byte) & TOKEN) !== 0; byte = bytes[++at] ?? 0) {
    sum = addToSum(sum, byte);
    if (byte === UNDERSCORE) hasUnderscore = true;
  }
  const nameTo = at;
  if (nameTo === nameFrom || bytes[nameTo] !== COLON) {
    return refuse(400, "A field has no name, or one that is none");
  }
  at++;
  while (isSpace(bytes[at])) at++;
  const valueFrom = at;
  while ((classOf(bytes[at] ?? 0) & VALUE) !== 0) at++;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) {
    return refuse(400, "The value of a field has characters that are not allowed");
  }
  const lineTo = at + 2;
  while (at > valueFrom && isSpace(bytes[at - 1])) at--;
  const known = knownName(bytes, { from: nameFrom, to: nameTo, sum });
  return { nameFrom, nameTo, valueFrom, valueTo: at, lineTo, known, hasUnderscore };
}

function parseRequest(bytes: Uint8Array): HttpRequestHead | HttpRefusal {
  let at = 0;
  while ((classOf(bytes[at] ?? 0) & TOKEN) !== 0) at++;
  const methodTo = at;
  if (methodTo === 0 || bytes[at++] !== SPACE) return refuse(400, "The request line is none");
  while ((classOf(bytes[at] ?? 0) & TARGET) !== 0) at++;
  const targetTo = at;
  if (targetTo === methodTo + 1 || bytes[at++] !== SPACE) return refuse(400, "The request line is none");
  const text = latin1Of(bytes, 0, bytes.length);
  const lineTo = text.indexOf("\r\n", at);
  const minor = minorOf(text.slice(at, lineTo));
  if (isRefusal(minor)) return minor;
  const fields = parseFields(withoutEnd(bytes), text, lineTo + 2);
  if (isRefusal(fields)) return fields;
  const method = text.slice(0, methodTo);
  const target = text.slice(methodTo + 1, targetTo);
  return { kind: "request", method, target, minor, fields };
}

function minorOf(version: string): 0 | 1 | HttpRefusal {
  if (version === "HTTP/1.1") return 1;
  if (version === "HTTP/1.0") return 0;
  return VERSION.test(version)
    ? refuse(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here")
    : refuse(400, "The request line is none");
}

function parseResponse(bytes: Uint8Array): HttpResponseHead | HttpRefusal {
  const text = latin1Of(bytes, 0, bytes.length);
  const lineTo = text.indexOf("\r\n");
  const match = STATUS_LINE.exec(text.slice(0, lineTo));
  if (match === null) return refuse(400, "The status line is none");
  const [, minor = "", status = "", reason = ""] = match;
  const fields = parseFields(withoutEnd(bytes), text, lineTo + 2);
  if (isRefusal(fields)) return fields;
  return { kind: "response", status: Number(status), reason, minor: minor === "0" ? 0 : 1, fields, bytes };
}

/** A head without its empty line. */
function withoutEnd(bytes: Uint8Array): Uint8Array {
  return viewOf(bytes, 0, bytes.length - 2);
}

function createClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  for (let byte = 0x21; byte <= 0x7e; byte++) classes[byte] = TARGET | VALUE;
  for (let byte = 0x80; byte <= 0xff; byte++) classes[byte] = VALUE;
  classes[SPACE] = classes[TAB] = VALUE;
  const others = "!#$%&'*+-.^_`|~";
  for (let byte = 0; byte < 0x80; byte++) {
    const character = String.fromCharCode(byte);
    if (/[0-9A-Za-z]/.test(character) || others.includes(character)) classes[byte] = TOKEN | TARGET | VALUE;
  }
  return classes;
}

function classOf(byte: number): number {
  return CLASSES[byte] ?? 0;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** Behind the empty line that ends a head, looked for from `from` on; -1 when it is not there. */
function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(CR, from); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at + END_BYTES;
  }
  return -1;
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
