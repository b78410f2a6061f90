/**
 * What a peer is told of a header that breaks a rule: which field, what was seen, what would be right.
 */
import { MAX_TOPIC_BYTES, MAX_TOPIC_LEVELS } from "../core/topic.ts";
import {
  DOT,
  end,
  HEADER_FIELDS,
  type HeaderField,
  type HeaderLayout,
  MAX_HEADER_BYTES,
  MIN_FIELDS,
  readId,
  REQUEST_ID,
  start,
  TOPIC,
} from "./header_fields.ts";

/** A header that breaks a rule. */
export interface MalformedMessage {
  readonly kind: "malformed";
  /** `header`: the header as a whole. */
  readonly field: HeaderField | "header";
  /** A sentence for people: what is wrong and what would be right. */
  readonly message: string;
  /** The request id, if that at least could be read. */
  readonly requestId: string | null;
}

/** What is shown of a field that is wrong. */
const SHOWN_CHARACTERS = 64;

function malformed(
  field: HeaderField | "header",
  message: string,
  requestId: string | null,
): MalformedMessage {
  return { kind: "malformed", field, message: `Cannot read the ${message}`, requestId };
}

export function headerWithoutEnd(bytes: Uint8Array): MalformedMessage {
  if (bytes.length === 0) return malformed("header", "header: the message is empty", null);
  const message = bytes.length > MAX_HEADER_BYTES
    ? `header: it is longer than ${MAX_HEADER_BYTES} bytes, or no newline ends it`
    : "header: no newline ends it";
  return malformed("header", message, null);
}

export function wrongCount(bytes: Uint8Array, layout: HeaderLayout): MalformedMessage {
  const count = layout.ends.length;
  const needed = count < MIN_FIELDS
    ? "action, topic and version are needed"
    : "there are action, topic, version, requestId, parentRequestId and timeoutMs";
  const message = `header: it has ${count} ${count === 1 ? "field" : "fields"}; ${needed}`;
  return malformed("header", message, readableId(bytes, layout));
}

export function wrongTopic(bytes: Uint8Array, layout: HeaderLayout): MalformedMessage {
  const [from, to] = [start(layout, TOPIC), end(layout, TOPIC)];
  const length = to - from;
  if (length > MAX_TOPIC_BYTES) {
    const message = `topic: it has ${length} bytes, at most ${MAX_TOPIC_BYTES} are allowed`;
    return malformed("topic", message, readableId(bytes, layout));
  }
  const levels = 1 + bytes.subarray(from, to).reduce((dots, byte) => byte === DOT ? dots + 1 : dots, 0);
  if (levels > MAX_TOPIC_LEVELS) {
    const message = `topic: it has ${levels} levels, at most ${MAX_TOPIC_LEVELS} are allowed`;
    return malformed("topic", message, readableId(bytes, layout));
  }
  const rule = "levels with dots between them, each a letter and then letters, digits, _ and -";
  return wrong(bytes, layout, { field: "topic", rule });
}

export function wrongId(
  bytes: Uint8Array,
  layout: HeaderLayout,
  field: "requestId" | "parentRequestId",
): MalformedMessage {
  return wrong(bytes, layout, { field, rule: "a UUID, or empty where a later field follows" });
}

export function wrong(
  bytes: Uint8Array,
  layout: HeaderLayout,
  { field, rule }: { readonly field: HeaderField; readonly rule: string },
): MalformedMessage {
  const index = HEADER_FIELDS.indexOf(field);
  const raw = bytes.subarray(start(layout, index), end(layout, index));
  const requestId = readableId(bytes, layout);
  if (raw.length === 0) return malformed(field, `${field}: it is empty; it has to be ${rule}`, requestId);
  const shown = shownText(raw);
  if (shown === null) return malformed(field, `${field}: it is not valid UTF-8`, requestId);
  return malformed(field, `${field} ${shown}: it has to be ${rule}`, requestId);
}

/** The text in quotes, cut to what a person needs to see; `null` when it is no UTF-8. */
function shownText(raw: Uint8Array): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(raw);
    return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text);
  } catch {
    return null;
  }
}

function readableId(bytes: Uint8Array, layout: HeaderLayout): string | null {
  return readId(bytes, layout, REQUEST_ID) ?? null;
}
