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
  readonly status: 400 | 408 | 413 | 417 | 431 | 505;
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
  /** They stand in what was fed, which has to stay as it is for as long as somebody asks for them. */
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

/** What a head may have at most. */
export interface HeadLimits {
  readonly maxBytes: number;
  readonly maxFields: number;
}

const LIMITS: HeadLimits = { maxBytes: MAX_HEAD_BYTES, maxFields: MAX_FIELDS };

/**
 * The limits of a request as it is passed on: with what is said of the visitor, which names host and addresses, and with
 * a framing of its own. What a trusted proxy said is joined, which makes it no longer.
 */
export const FORWARDED_LIMITS: HeadLimits = {
  maxBytes: MAX_HEAD_BYTES + 4 * 1024,
  maxFields: MAX_FIELDS + 16,
};

const [CR, LF, SPACE, TAB, COLON, UNDERSCORE] = [0x0d, 0x0a, 0x20, 0x09, 0x3a, 0x5f];
const CARRIAGE_RETURN = new Uint8Array([CR]);
const END_BYTES = 4;
const FIRST_BUFFER_BYTES = 1024;
/** Of a byte: whether it may stand in a token (RFC 9110, section 5.6.2), a target, a value. */
const [TOKEN, TARGET, VALUE] = [1, 2, 4];
const CLASSES = createClasses();
const VERSION = /^HTTP\/\d\.\d$/;
const VERSION_BEGIN = new TextEncoder().encode("HTTP/1.");
const [VERSION_BYTES, STATUS_DIGITS, LINE_END_BYTES] = [8, 3, 2];
const SHORT_TARGET = 12;
const [ZERO, ONE] = [0x30, 0x31];
const NO_STATUS = "The status line is none";
const NOTHING = new Uint8Array(0);

const INCOMPLETE = { kind: "incomplete" } as const;

/** Makes a refusal. */
export function refuse(status: HttpRefusal["status"], reason: string): HttpRefusal {
  return { kind: "refused", status, reason };
}

/** A head, and where it ends in what it was read from, its empty line included. */
interface Parsed<H> {
  readonly head: H;
  readonly end: number;
}

function headOf<H>({ head, end }: Parsed<H>, bytes: Uint8Array): HttpHeadResult<H> {
  return { kind: "head", head, rest: end === bytes.length ? NOTHING : viewOf(bytes, end, bytes.length) };
}

/** Reads one head after the other. */
class HeadReader<H> {
  readonly #parse: (bytes: Uint8Array, maxFields: number) => Parsed<H> | HttpRefusal;
  readonly #limits: HeadLimits;
  readonly #held = new GrowingBuffer(FIRST_BUFFER_BYTES);

  constructor(parse: (bytes: Uint8Array, maxFields: number) => Parsed<H> | HttpRefusal, limits: HeadLimits) {
    this.#parse = parse;
    this.#limits = limits;
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
    const keptBytes = this.#limits.maxBytes + 1;
    const part = bytes.subarray(0, keptBytes - seen);
    this.#held.append(part, keptBytes);
    const result = this.#read(this.#held.peek(), seen);
    if (result === null) return INCOMPLETE;
    this.#held.take();
    if (result.kind !== "head" || part.length === bytes.length) return result;
    return { ...result, rest: concat([result.rest, bytes.subarray(part.length)]) };
  }

  #hold(bytes: Uint8Array): HttpHeadResult<H> {
    this.#held.append(bytes, this.#limits.maxBytes + 1);
    return INCOMPLETE;
  }

  /** The head that the bytes begin with, of which those before `from` were looked at; `null`: not yet. */
  #read(bytes: Uint8Array, from: number): HttpHeadResult<H> | null {
    const { maxBytes, maxFields } = this.#limits;
    if (from === 0) {
      // Mostly it is there as a whole, and right.
      const parsed = this.#parse(bytes, maxFields);
      if (!isRefusal(parsed) && parsed.end <= maxBytes) return headOf(parsed, bytes);
    }
    const end = endOfHead(bytes, Math.max(0, from - END_BYTES + 1));
    if (end > maxBytes || (end < 0 && bytes.length > maxBytes)) {
      return refuse(431, "The head is too long");
    }
    if (end < 0) return earlyFault(bytes, from);
    const parsed = this.#parse(bytes, maxFields);
    return isRefusal(parsed) ? parsed : headOf(parsed, bytes);
  }
}

/** Reads the heads of requests. One empty line before a request (RFC 9112, section 2.2) is passed over. */
export class RequestReader {
  readonly #reader: HeadReader<HttpRequestHead>;
  /** What was seen of the empty line before the next head. */
  #emptyLine: "none" | "half" | "whole" = "none";

  constructor(limits: HeadLimits = LIMITS) {
    this.#reader = new HeadReader(parseRequest, limits);
  }

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
  readonly #reader = new HeadReader<HttpResponseHead>(parseResponse, LIMITS);

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
 * The fields that stand in these bytes from `from` on, line behind line up to an empty line, or why there are none.
 * Used for heads and trailers.
 */
export function parseFields(bytes: Uint8Array, from: number, maxFields = MAX_FIELDS): Fields | HttpRefusal {
  const fields = new HttpFields();
  let at = from;
  while (bytes[at] !== CR || bytes[at + 1] !== LF) {
    const place = parseField(bytes, at);
    if ("kind" in place) return place;
    if (fields.length === maxFields) return refuse(431, "There are too many fields");
    fields.place(place);
    at = place.lineTo;
  }
  const end = at + LINE_END_BYTES;
  const whole = end === bytes.length ? bytes : viewOf(bytes, 0, end);
  fields.standIn(whole);
  return { fields, whole };
}

/** Fields, and all up to the end of their empty line. */
interface Fields {
  readonly fields: HttpFields;
  readonly whole: Uint8Array;
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

function parseRequest(bytes: Uint8Array, maxFields: number): Parsed<HttpRequestHead> | HttpRefusal {
  let at = 0;
  while ((classOf(bytes[at] ?? 0) & TOKEN) !== 0) at++;
  const methodTo = at;
  if (methodTo === 0 || bytes[at++] !== SPACE) return refuse(400, "The request line is none");
  while ((classOf(bytes[at] ?? 0) & TARGET) !== 0) at++;
  const targetTo = at;
  if (targetTo === methodTo + 1 || bytes[at++] !== SPACE) return refuse(400, "The request line is none");
  const minor = minorOf(bytes, at);
  if (isRefusal(minor)) return minor;
  const parsed = parseFields(bytes, at + VERSION_BYTES + LINE_END_BYTES, maxFields);
  if (isRefusal(parsed)) return parsed;
  const { fields, whole } = parsed;
  // A long target is a text of many bytes; then all of them may become one.
  const source = targetTo - methodTo > SHORT_TARGET ? latin1Of(whole, 0, whole.length) : whole;
  fields.standIn(source);
  const method = cut(source, 0, methodTo);
  const target = cut(source, methodTo + 1, targetTo);
  return { head: { kind: "request", method, target, minor, fields }, end: whole.length };
}

/** The version that a request line ends with. */
function minorOf(bytes: Uint8Array, from: number): 0 | 1 | HttpRefusal {
  const minor = versionAt(bytes, from);
  const to = from + VERSION_BYTES;
  if (minor !== null && bytes[to] === CR && bytes[to + 1] === LF) return minor;
  const rest = latin1Of(bytes, from, bytes.length);
  return VERSION.test(rest.slice(0, rest.indexOf("\r\n")))
    ? refuse(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here")
    : refuse(400, "The request line is none");
}

function parseResponse(bytes: Uint8Array, maxFields: number): Parsed<HttpResponseHead> | HttpRefusal {
  const minor = versionAt(bytes, 0);
  const status = statusAt(bytes, VERSION_BYTES + 1);
  let at = VERSION_BYTES + 1 + STATUS_DIGITS;
  if (minor === null || status === null || bytes[VERSION_BYTES] !== SPACE) return refuse(400, NO_STATUS);
  const reasonFrom = bytes[at] === SPACE ? ++at : at;
  if (bytes[at - 1] === SPACE) { while ((classOf(bytes[at] ?? 0) & VALUE) !== 0) at++; }
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return refuse(400, NO_STATUS);
  const parsed = parseFields(bytes, at + LINE_END_BYTES, maxFields);
  if (isRefusal(parsed)) return parsed;
  const { fields, whole } = parsed;
  const reason = latin1Of(bytes, reasonFrom, at);
  return { head: { kind: "response", status, reason, minor, fields, bytes: whole }, end: whole.length };
}

/** The minor of a version of HTTP/1 that stands there; `null` for anything else. */
function versionAt(bytes: Uint8Array, from: number): 0 | 1 | null {
  for (let at = 0; at < VERSION_BEGIN.length; at++) {
    if (bytes[from + at] !== VERSION_BEGIN[at]) return null;
  }
  const minor = bytes[from + VERSION_BEGIN.length];
  return minor === ONE ? 1 : minor === ZERO ? 0 : null;
}

/** The status that stands there, 100 to 599; `null` for anything else. */
function statusAt(bytes: Uint8Array, from: number): number | null {
  let status = 0;
  for (let at = from; at < from + STATUS_DIGITS; at++) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return null;
    status = 10 * status + digit;
  }
  return status >= 100 && status < 600 ? status : null;
}

function cut(source: Uint8Array | string, from: number, to: number): string {
  return typeof source === "string" ? source.slice(from, to) : latin1Of(source, from, to);
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
