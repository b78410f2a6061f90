/**
 * Text messages: `{action}:{topic}:{version}[:{requestId}[:{parentRequestId}[:{timeoutMs}]]]`, a newline, and the
 * payload. The header is read from the bytes as they came; the payload is never touched. Pure; nothing here throws
 * for what a peer sent.
 */
import {
  ACTION,
  ascii,
  end,
  fieldEnds,
  HEADER_FIELDS,
  type HeaderLayout,
  isVersion,
  MAX_HEADER_BYTES,
  MAX_VERSION_BYTES,
  MIN_FIELDS,
  PARENT_ID,
  readId,
  readTimeout,
  readTopicKey,
  REQUEST_ID,
  start,
  TIMEOUT,
  TOPIC,
  VERSION,
} from "./header_fields.ts";
import {
  headerWithoutEnd,
  type MalformedMessage,
  wrong,
  wrongCount,
  wrongId,
  wrongTopic,
} from "./malformed_message.ts";

/** What a message asks for. */
export type Action = "publish" | "request" | "response";

/** What to write as a header. */
export interface TextHeader {
  readonly action: Action;
  readonly topic: string;
  /** @default "1.0.0" */
  readonly version?: string;
  readonly requestId?: string | null;
  readonly parentRequestId?: string | null;
  readonly timeoutMs?: number | null;
}

/** A message whose header keeps all rules. Fields that are seldom asked for are decoded when they are. */
export class TextMessage {
  readonly kind = "message";
  readonly action: Action;
  /** The topic in lower case, for matching, rights and rates. */
  readonly topicKey: string;
  readonly requestId: string | null;
  readonly parentRequestId: string | null;
  readonly timeoutMs: number | null;
  /** Opaque; a view of the bytes that the message came in. */
  readonly payload: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #topicStart: number;
  readonly #topicEnd: number;
  readonly #versionEnd: number;

  constructor(bytes: Uint8Array, layout: HeaderLayout, fields: ReadFields) {
    this.action = fields.action;
    this.topicKey = fields.topicKey;
    this.requestId = fields.requestId;
    this.parentRequestId = fields.parentRequestId;
    this.timeoutMs = fields.timeoutMs;
    this.payload = bytes.subarray(layout.headerEnd + 1);
    this.#bytes = bytes;
    this.#topicStart = start(layout, TOPIC);
    this.#topicEnd = end(layout, TOPIC);
    this.#versionEnd = end(layout, VERSION);
  }

  /** The topic as it was written. */
  get topic(): string {
    return ascii(this.#bytes, this.#topicStart, this.#topicEnd);
  }

  get version(): string {
    return ascii(this.#bytes, this.#topicEnd + 1, this.#versionEnd);
  }

  /** The bytes `{topic}:{version}` as they were written. */
  get topicAndVersion(): Uint8Array {
    return this.#bytes.subarray(this.#topicStart, this.#versionEnd);
  }
}

const NEWLINE = 0x0a;
const encoder = new TextEncoder();

interface ReadFields {
  readonly action: Action;
  readonly topicKey: string;
  readonly requestId: string | null;
  readonly parentRequestId: string | null;
  readonly timeoutMs: number | null;
}

/**
 * Reads a message. The result holds views of `bytes`, which must not change afterwards.
 *
 * @param maxTimeoutMs The longest time-out that a request may ask for, in milliseconds.
 */
export function parseTextMessage(
  bytes: Uint8Array,
  { maxTimeoutMs }: { readonly maxTimeoutMs: number },
): TextMessage | MalformedMessage {
  const headerEnd = findNewline(bytes);
  if (headerEnd < 0) return headerWithoutEnd(bytes);
  const layout = { headerEnd, ends: fieldEnds(bytes, headerEnd) };
  const count = layout.ends.length;
  if (count < MIN_FIELDS || count > HEADER_FIELDS.length) return wrongCount(bytes, layout);
  const action = readAction(bytes, layout);
  if (action === null) return wrong(bytes, layout, { field: "action", rule: "publish, request or response" });
  const topicKey = readTopicKey(bytes, start(layout, TOPIC), end(layout, TOPIC));
  if (topicKey === null) return wrongTopic(bytes, layout);
  if (!isVersion(bytes, start(layout, VERSION), end(layout, VERSION))) {
    const rule = `MAJOR.MINOR.PATCH in digits, at most ${MAX_VERSION_BYTES} bytes`;
    return wrong(bytes, layout, { field: "version", rule });
  }
  if (count === MIN_FIELDS) {
    const none = { requestId: null, parentRequestId: null, timeoutMs: null };
    return new TextMessage(bytes, layout, { action, topicKey, ...none });
  }
  return withIds(bytes, layout, { action, topicKey, maxTimeoutMs });
}

/** Writes a message as bytes. The header has to keep the rules; nothing is checked. */
export function encodeTextMessage(header: TextHeader, payload: Uint8Array | string): Uint8Array {
  const head = `${formatHeader(header)}\n`;
  if (typeof payload === "string") return encoder.encode(head + payload);
  const bytes = new Uint8Array(head.length + payload.length);
  encoder.encodeInto(head, bytes);
  bytes.set(payload, head.length);
  return bytes;
}

/** The header as text, without the newline. It has to keep the rules; nothing is checked. */
export function formatHeader({ action, topic, version = "1.0.0", ...rest }: TextHeader): string {
  const { requestId = null, parentRequestId = null, timeoutMs = null } = rest;
  const fields = [action, topic, version, requestId ?? "", parentRequestId ?? "", timeoutMs ?? ""];
  while (fields.at(-1) === "") fields.pop();
  return fields.join(":");
}

/** The index of the newline that ends the header; -1 when there is none where it may be. */
function findNewline(bytes: Uint8Array): number {
  const limit = Math.min(bytes.length, MAX_HEADER_BYTES + 1);
  for (let at = 0; at < limit; at++) if (bytes[at] === NEWLINE) return at;
  return -1;
}

function readAction(bytes: Uint8Array, layout: HeaderLayout): Action | null {
  const until = end(layout, ACTION);
  if (isWord(bytes, until, "publish")) return "publish";
  if (isWord(bytes, until, "request")) return "request";
  return isWord(bytes, until, "response") ? "response" : null;
}

/** Whether the bytes before `until` are this word, in any case. */
function isWord(bytes: Uint8Array, until: number, word: string): boolean {
  if (until !== word.length) return false;
  for (let at = 0; at < until; at++) if (((bytes[at] ?? 0) | 0x20) !== word.charCodeAt(at)) return false;
  return true;
}

interface Beginning {
  readonly action: Action;
  readonly topicKey: string;
  readonly maxTimeoutMs: number;
}

/** Reads what follows the version. */
function withIds(
  bytes: Uint8Array,
  layout: HeaderLayout,
  { action, topicKey, maxTimeoutMs }: Beginning,
): TextMessage | MalformedMessage {
  const requestId = readId(bytes, layout, REQUEST_ID);
  if (requestId === undefined) return wrongId(bytes, layout, "requestId");
  const parentRequestId = readId(bytes, layout, PARENT_ID);
  if (parentRequestId === undefined) return wrongId(bytes, layout, "parentRequestId");
  let timeoutMs: number | null = null;
  if (layout.ends.length > TIMEOUT) {
    if (action !== "request") {
      return wrong(bytes, layout, { field: "timeoutMs", rule: "left out, as only requests have one" });
    }
    timeoutMs = readTimeout(bytes, layout, maxTimeoutMs);
    if (timeoutMs === null) {
      const rule = `a whole number of milliseconds from 1 to ${maxTimeoutMs}`;
      return wrong(bytes, layout, { field: "timeoutMs", rule });
    }
  }
  return new TextMessage(bytes, layout, { action, topicKey, requestId, parentRequestId, timeoutMs });
}
