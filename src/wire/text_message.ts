/**
 * Text messages: `{action}:{topic}:{version}[:{requestId}[:{parentRequestId}[:{timeoutMs}]]]`, a newline, and the
 * payload. The header is read from the bytes as they came; the payload is never touched. Pure; nothing here throws
 * for what a peer sent.
 */
import type { Destination, KnownDestinations } from "./destination.ts";
import {
  ACTION,
  ascii,
  end,
  HEADER_FIELDS,
  type HeaderLayout,
  idStart,
  idText,
  isVersion,
  MAX_VERSION_BYTES,
  MIN_FIELDS,
  NONE,
  PARENT_ID,
  readId,
  readLayout,
  readTimeout,
  readTopicKey,
  REQUEST_ID,
  start,
  TIMEOUT,
  TOPIC,
  VERSION,
  WRONG,
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
  readonly destination: Destination;
  readonly parentRequestId: string | null;
  readonly timeoutMs: number | null;
  /** Opaque; a view of the bytes that the message came in. */
  readonly payload: Uint8Array;
  /** Where the request id begins in {@link bytes}; negative when there is none. */
  readonly requestIdAt: number;
  /** The message as it came. */
  readonly bytes: Uint8Array;
  #requestId: string | null = null;

  constructor(bytes: Uint8Array, headerEnd: number, fields: ReadFields) {
    this.action = fields.action;
    this.destination = fields.destination;
    this.requestIdAt = fields.requestIdAt;
    this.parentRequestId = fields.parentRequestId;
    this.timeoutMs = fields.timeoutMs;
    // Of a Buffer `subarray` would make another, which takes longer.
    const payloadAt = headerEnd + 1;
    this.payload = new Uint8Array(bytes.buffer, bytes.byteOffset + payloadAt, bytes.length - payloadAt);
    this.bytes = bytes;
  }

  get requestId(): string | null {
    if (this.requestIdAt < 0) return null;
    return this.#requestId ??= idText(this.bytes, this.requestIdAt);
  }

  /** The topic in lower case, for matching, rights and rates. */
  get topicKey(): string {
    return this.destination.topicKey;
  }

  /** The topic as it was written. */
  get topic(): string {
    return this.destination.topic;
  }

  get version(): string {
    return this.destination.version;
  }
}

const encoder = new TextEncoder();

interface ReadFields {
  readonly action: Action;
  readonly destination: Destination;
  readonly requestIdAt: number;
  readonly parentRequestId: string | null;
  readonly timeoutMs: number | null;
}

/** How messages are read. */
export interface ReadOptions {
  /** The longest time-out that a request may ask for, in milliseconds. */
  readonly maxTimeoutMs: number;
  /** Spares reading a destination again that was read lately. */
  readonly destinations?: KnownDestinations;
}

/** Reads a message. The result holds views of `bytes`, which must not change afterwards. */
export function parseTextMessage(bytes: Uint8Array, options: ReadOptions): TextMessage | MalformedMessage {
  const layout = readLayout(bytes);
  if (layout === null) return headerWithoutEnd(bytes);
  const count = layout.ends.length;
  if (count < MIN_FIELDS || count > HEADER_FIELDS.length) return wrongCount(bytes, layout);
  const action = readAction(bytes, layout);
  if (action === null) return wrong(bytes, layout, { field: "action", rule: "publish, request or response" });
  let destination = options.destinations?.find(bytes, start(layout, TOPIC), end(layout, VERSION));
  if (destination === undefined) {
    const read = readDestination(bytes, layout);
    if ("kind" in read) return read;
    options.destinations?.keep(read);
    destination = read;
  }
  if (count === MIN_FIELDS) {
    const none = { requestIdAt: NONE, parentRequestId: null, timeoutMs: null };
    return new TextMessage(bytes, layout.headerEnd, { action, destination, ...none });
  }
  return withIds(bytes, layout, { action, destination, maxTimeoutMs: options.maxTimeoutMs });
}

function readDestination(bytes: Uint8Array, layout: HeaderLayout): Destination | MalformedMessage {
  const [from, topicEnd, to] = [start(layout, TOPIC), end(layout, TOPIC), end(layout, VERSION)];
  const topicKey = readTopicKey(bytes, from, topicEnd);
  if (topicKey === null) return wrongTopic(bytes, layout);
  if (!isVersion(bytes, start(layout, VERSION), to)) {
    const rule = `MAJOR.MINOR.PATCH in digits, at most ${MAX_VERSION_BYTES} bytes`;
    return wrong(bytes, layout, { field: "version", rule });
  }
  return {
    topicKey,
    topic: ascii(bytes, from, topicEnd),
    version: ascii(bytes, topicEnd + 1, to),
    bytes: Uint8Array.from(bytes.subarray(from, to)),
  };
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
  readonly destination: Destination;
  readonly maxTimeoutMs: number;
}

/** Reads what follows the version. */
function withIds(
  bytes: Uint8Array,
  layout: HeaderLayout,
  { action, destination, maxTimeoutMs }: Beginning,
): TextMessage | MalformedMessage {
  const requestIdAt = idStart(bytes, layout, REQUEST_ID);
  if (requestIdAt === WRONG) return wrongId(bytes, layout, "requestId");
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
  const fields = { action, destination, requestIdAt, parentRequestId, timeoutMs };
  return new TextMessage(bytes, layout.headerEnd, fields);
}
