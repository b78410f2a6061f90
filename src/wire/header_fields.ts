/**
 * The fields of a message's header as bytes: where they are, and the rule of each. Everything here looks at bytes
 * and makes text only of what is asked for.
 */
import { MAX_TOPIC_BYTES, MAX_TOPIC_LEVELS } from "../core/topic.ts";

/** The most bytes of a header, the newline not counted. */
export const MAX_HEADER_BYTES = 512;
/** The most bytes of a version. */
export const MAX_VERSION_BYTES = 20;
/** Bytes of an id: a UUID in its text form. */
export const ID_BYTES = 36;

/** The fields in their order. */
export const HEADER_FIELDS = [
  "action",
  "topic",
  "version",
  "requestId",
  "parentRequestId",
  "timeoutMs",
] as const;
/** A field of {@link HEADER_FIELDS}. */
export type HeaderField = typeof HEADER_FIELDS[number];
/** The place of each field. */
export const [ACTION, TOPIC, VERSION, REQUEST_ID, PARENT_ID, TIMEOUT] = [0, 1, 2, 3, 4, 5] as const;

/** Where the fields of a header are: field `i` ends at `ends[i]`, the next one begins one byte later. */
export interface HeaderLayout {
  readonly ends: readonly number[];
  readonly headerEnd: number;
}

/** Action, topic and version are never left out. */
export const MIN_FIELDS = 3;
/** Between the levels of a topic and the numbers of a version. */
export const DOT = 0x2e;
const [COLON, NEWLINE] = [0x3a, 0x0a];
const MAX_TIMEOUT_DIGITS = 15;

/** Where the fields are; `null` when no newline ends the header where it may be. */
export function readLayout(bytes: Uint8Array): HeaderLayout | null {
  const ends: number[] = [];
  const limit = Math.min(bytes.length, MAX_HEADER_BYTES + 1);
  for (let at = 0; at < limit; at++) {
    const byte = bytes[at];
    if (byte === COLON) ends.push(at);
    else if (byte === NEWLINE) {
      ends.push(at);
      return { ends, headerEnd: at };
    }
  }
  return null;
}

export function start({ ends }: HeaderLayout, field: number): number {
  return field === 0 ? 0 : (ends[field - 1] ?? 0) + 1;
}

export function end({ ends }: HeaderLayout, field: number): number {
  return ends[field] ?? 0;
}

/** The topic in lower case; `null` when it breaks the grammar of topics. */
export function readTopicKey(bytes: Uint8Array, from: number, to: number): string | null {
  if (to === from || to - from > MAX_TOPIC_BYTES) return null;
  const codes = new Array<number>(to - from);
  let levels = 1;
  let isStart = true;
  for (let at = from; at < to; at++) {
    let byte = bytes[at] ?? 0;
    if (byte === DOT) {
      if (isStart || ++levels > MAX_TOPIC_LEVELS) return null;
      isStart = true;
    } else {
      if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
      else if (!isLowerLetter(byte) && (isStart || !isDigitOrMark(byte))) return null;
      isStart = false;
    }
    codes[at - from] = byte;
  }
  return isStart ? null : String.fromCharCode.apply(null, codes);
}

function isLowerLetter(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** A digit, `_` or `-`: what a level may hold but not begin with. */
function isDigitOrMark(byte: number): boolean {
  return isDigit(byte) || byte === 0x5f || byte === 0x2d;
}

export function isVersion(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > MAX_VERSION_BYTES) return false;
  let numbers = 0;
  for (let at = from, digits = 0; at <= to; at++) {
    const byte = bytes[at] ?? 0;
    if (at === to || byte === DOT) {
      if (digits === 0) return false;
      numbers++;
      digits = 0;
    } else if (isDigit(byte)) digits++;
    else return false;
  }
  return numbers === 3;
}

/** An id; `null` when there is none, `undefined` when it is wrong. */
export function readId(bytes: Uint8Array, layout: HeaderLayout, field: number): string | null | undefined {
  const from = idStart(bytes, layout, field);
  return from === WRONG ? undefined : from === NONE ? null : idText(bytes, from);
}

/** What {@link idStart} says where there is no id, or none that is right. */
export const [NONE, WRONG] = [-1, -2] as const;

/** Where an id begins; {@link NONE} or {@link WRONG}. */
export function idStart(bytes: Uint8Array, layout: HeaderLayout, field: number): number {
  if (field >= layout.ends.length) return NONE;
  const [from, to] = [start(layout, field), end(layout, field)];
  if (from === to) return field === layout.ends.length - 1 ? WRONG : NONE;
  return isUuid(bytes, from, to) ? from : WRONG;
}

/** What a byte may be in an id: a hexadecimal digit or a hyphen. */
const [HEX, HYPHEN] = [1, 2] as const;
const ID_CLASSES = Uint8Array.from({ length: 256 }, (_, byte) => {
  return /[0-9a-fA-F]/.test(String.fromCharCode(byte)) ? HEX : byte === 0x2d ? HYPHEN : 0;
});
const ID_PATTERN = Uint8Array.from(
  { length: ID_BYTES },
  (_, at) => [8, 13, 18, 23].includes(at) ? HYPHEN : HEX,
);

/** Whether the bytes have the form of a UUID (RFC 9562, section 4), of any version and case. */
function isUuid(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== ID_BYTES) return false;
  for (let at = 0; at < ID_BYTES; at++) {
    if (ID_CLASSES[bytes[from + at] ?? 0] !== ID_PATTERN[at]) return false;
  }
  return true;
}

/** The text of an id. */
export function idText(bytes: Uint8Array, from: number): string {
  return ascii(bytes, from, from + ID_BYTES);
}

export function readTimeout(bytes: Uint8Array, layout: HeaderLayout, maxTimeoutMs: number): number | null {
  const [from, to] = [start(layout, TIMEOUT), end(layout, TIMEOUT)];
  if (to === from || to - from > MAX_TIMEOUT_DIGITS) return null;
  let value = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (!isDigit(byte)) return null;
    value = value * 10 + byte - 0x30;
  }
  return value >= 1 && value <= maxTimeoutMs ? value : null;
}

/**
 * Only for bytes that are known to be ASCII, and few. Made at once: a text that grows letter by letter takes three times
 * as long, and as long again when it is looked for in a table.
 */
export function ascii(bytes: Uint8Array, from: number, to: number): string {
  const codes = new Array<number>(to - from);
  for (let at = from; at < to; at++) codes[at - from] = bytes[at] ?? 0;
  return String.fromCharCode.apply(null, codes);
}
