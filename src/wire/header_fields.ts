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
const COLON = 0x3a;
const MAX_TIMEOUT_DIGITS = 15;

export function fieldEnds(bytes: Uint8Array, headerEnd: number): number[] {
  const ends: number[] = [];
  for (let at = 0; at < headerEnd; at++) if (bytes[at] === COLON) ends.push(at);
  ends.push(headerEnd);
  return ends;
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
  let key = "";
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
    key += String.fromCharCode(byte);
  }
  return isStart ? null : key;
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
  if (field >= layout.ends.length) return null;
  const [from, to] = [start(layout, field), end(layout, field)];
  if (from === to) return field === layout.ends.length - 1 ? undefined : null;
  return isUuid(bytes, from, to) ? ascii(bytes, from, to) : undefined;
}

/** Whether the bytes have the form of a UUID (RFC 9562, section 4), of any version and case. */
function isUuid(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== ID_BYTES) return false;
  for (let at = 0; at < ID_BYTES; at++) {
    const byte = bytes[from + at] ?? 0;
    if (at === 8 || at === 13 || at === 18 || at === 23) {
      if (byte !== 0x2d) return false;
    } else if (!isDigit(byte) && !((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)) return false;
  }
  return true;
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

/** Only for bytes that are known to be ASCII. */
export function ascii(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}
