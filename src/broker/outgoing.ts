/**
 * Messages on their way out: encoded once for each kind of transport, whatever the number of receivers.
 */
import buffer from "node:buffer";
import type { Encoded, OutgoingMessage, TransportKind } from "../core/transport.ts";
import type { Destination } from "../wire/destination.ts";
import { ID_BYTES } from "../wire/header_fields.ts";
import { encodeMessageFrame } from "../wire/frame.ts";
import { encodeLengthPrefixed } from "../wire/length_prefix.ts";
import type { Slab } from "../wire/slab.ts";
import { encodeTextMessage, type TextHeader, type TextMessage } from "../wire/text_message.ts";
import {
  COPY_LIMIT_BYTES,
  encodeWsFrame,
  finishWsFrame,
  startWsFrame,
  wsHeaderLength,
  WsOpcode,
} from "../wire/ws_frame.ts";
import type { RequestIds } from "./request_ids.ts";

/** A payload of somebody. */
export interface ForwardedPayload {
  readonly payload: Uint8Array;
  /** Whether it was found to be valid UTF-8 already. */
  readonly isKnownText: boolean;
}

/** What a service gets of a request. */
export interface RequestContent extends ForwardedPayload {
  readonly destination: Destination;
  /** As the origin gave it. */
  readonly timeoutMs: number | null;
}

/** What an answer needs to know of its request. */
export interface AskedFor {
  readonly destination: Destination;
  readonly originId: string;
}

/** The ids of a request on its way to a service. */
export interface ReplyTo {
  readonly ids: RequestIds;
  /** Of the id under which it is sent on. */
  readonly number: number;
  readonly originId: string;
}

/** No connection of JSON lines is ever a session of the broker. */
const NO_JSON = "Cannot send a text message as a JSON line";
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const [PUBLISH, REQUEST, RESPONSE] = [
  encoder.encode("publish:"),
  encoder.encode("request:"),
  encoder.encode("response:"),
] as const;
const [COLON, NEWLINE] = [0x3a, 0x0a];

/** A message of the hub itself: an answer or a notice, always JSON. */
export class HubMessage implements OutgoingMessage {
  readonly #bytes: Uint8Array;
  readonly #encoded: Partial<Record<TransportKind, Encoded>> = {};

  constructor(header: TextHeader, payload: string) {
    this.#bytes = encodeTextMessage(header, payload);
  }

  encodedFor(kind: TransportKind): Encoded {
    return this.#encoded[kind] ??= this.#encode(kind);
  }

  #encode(kind: TransportKind): Encoded {
    switch (kind) {
      case "websocket":
        return encodeWsFrame(WsOpcode.text, this.#bytes);
      case "text":
        return encodeLengthPrefixed(NOTHING, this.#bytes);
      case "frames":
        return encodeMessageFrame(NOTHING, { payload: this.#bytes, isText: true });
      case "json":
        throw new TypeError(NO_JSON);
    }
  }
}

/** A payload of somebody under a header of the hub. */
export abstract class ForwardedMessage implements OutgoingMessage {
  readonly #payload: Uint8Array;
  readonly #isKnownText: boolean;
  readonly #slab: Slab | null;
  #websocket: Encoded | null = null;
  #text: Encoded | null = null;
  #frames: Encoded | null = null;

  /** `slab`: where it is cut from; `null` for one that many may keep. */
  constructor({ payload, isKnownText }: ForwardedPayload, slab: Slab | null) {
    this.#payload = payload;
    this.#isKnownText = isKnownText;
    this.#slab = slab;
  }

  encodedFor(kind: TransportKind): Encoded {
    switch (kind) {
      case "websocket":
        return this.#websocket ??= this.#encodeFrame();
      case "text":
        return this.#text ??= encodeLengthPrefixed(this.#newHead(), this.#payload);
      case "frames": {
        const rest = { payload: this.#payload, isText: this.#isKnownText };
        return this.#frames ??= encodeMessageFrame(this.#newHead(), rest);
      }
      case "json":
        throw new TypeError(NO_JSON);
    }
  }

  /** Bytes of the header, its newline included. */
  protected abstract get headBytes(): number;

  /** Writes the header. */
  protected abstract writeHead(target: Uint8Array, at: number): void;

  /** The header is written where it is sent from: taking memory costs more than everything else here. */
  #encodeFrame(): Encoded {
    const { headBytes } = this;
    const length = headBytes + this.#payload.length;
    const ownBytes = length <= COPY_LIMIT_BYTES ? length : headBytes;
    const frame = startWsFrame(this.#opcode(), length, { ownBytes, slab: this.#slab });
    this.writeHead(frame, wsHeaderLength(length));
    return finishWsFrame(frame, length, this.#payload);
  }

  #newHead(): Uint8Array {
    const head = new Uint8Array(this.headBytes);
    this.writeHead(head, 0);
    return head;
  }

  /** Whoever gets it as a WebSocket message gets text where the payload is text. */
  #opcode(): WsOpcode {
    return this.#isKnownText || buffer.isUtf8(this.#payload) ? WsOpcode.text : WsOpcode.binary;
  }
}

/** What somebody published, as its subscribers get it: `publish:{topic}:{version}:{message id}[:{requestId}]`. */
export class PublishedMessage extends ForwardedMessage {
  readonly #head: Uint8Array;

  /** `message` as it was published, with the bytes of the id that the hub gave it, which are valid only now. */
  constructor(message: TextMessage, { id, isKnownText }: { id: Uint8Array; isKnownText: boolean }) {
    super({ payload: message.payload, isKnownText }, null);
    this.#head = deliveryHead(message, id);
  }

  protected override get headBytes(): number {
    return this.#head.length;
  }

  protected override writeHead(target: Uint8Array, at: number): void {
    target.set(this.#head, at);
  }
}

/** What a service gets: `request:{topic}:{version}[:{id}:{id of the origin}[:{timeoutMs}]]`. */
export class ForwardedRequest extends ForwardedMessage {
  readonly #destination: Destination;
  readonly #reply: ReplyTo | null;
  readonly #timeout: string;

  /** `reply`: how it is answered; `null` for one that nobody wants an answer to. */
  constructor(content: RequestContent, reply: ReplyTo | null, slab: Slab) {
    super(content, slab);
    this.#destination = content.destination;
    this.#reply = reply;
    this.#timeout = content.timeoutMs === null ? "" : String(content.timeoutMs);
  }

  protected override get headBytes(): number {
    const bytes = REQUEST.length + this.#destination.bytes.length + 1;
    if (this.#reply === null) return bytes;
    const timeoutBytes = this.#timeout === "" ? 0 : 1 + this.#timeout.length;
    return bytes + 2 * (1 + ID_BYTES) + timeoutBytes;
  }

  protected override writeHead(target: Uint8Array, from: number): void {
    let at = writeDestination(target, from, { action: REQUEST, destination: this.#destination });
    if (this.#reply !== null) {
      const { ids, number, originId } = this.#reply;
      target[at++] = COLON;
      ids.write(number, target, at);
      at = writeField(target, at + ID_BYTES, originId);
      if (this.#timeout !== "") at = writeField(target, at, this.#timeout);
    }
    target[at] = NEWLINE;
  }
}

/** What an origin gets: `response:{topic}:{version}:{its id}`. */
export class ForwardedResponse extends ForwardedMessage {
  readonly #destination: Destination;
  readonly #originId: string;

  /** `asked`: what it answers. */
  constructor(asked: AskedFor, payload: ForwardedPayload, slab: Slab) {
    super(payload, slab);
    this.#destination = asked.destination;
    this.#originId = asked.originId;
  }

  protected override get headBytes(): number {
    return RESPONSE.length + this.#destination.bytes.length + 1 + this.#originId.length + 1;
  }

  protected override writeHead(target: Uint8Array, from: number): void {
    let at = writeDestination(target, from, { action: RESPONSE, destination: this.#destination });
    at = writeField(target, at, this.#originId);
    target[at] = NEWLINE;
  }
}

/** `{action}:{topic}:{version}`; gives where it ends. */
function writeDestination(
  target: Uint8Array,
  from: number,
  { action, destination }: { readonly action: Uint8Array; readonly destination: Destination },
): number {
  let at = from;
  for (let i = 0; i < action.length; i++) target[at++] = action[i] ?? 0;
  const { bytes } = destination;
  for (let i = 0; i < bytes.length; i++) target[at++] = bytes[i] ?? 0;
  return at;
}

/** A colon and a field of ASCII; gives where it ends. */
function writeField(target: Uint8Array, from: number, text: string): number {
  target[from] = COLON;
  const at = from + 1;
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
  return at + text.length;
}

function deliveryHead({ destination: { bytes }, requestId }: TextMessage, id: Uint8Array): Uint8Array {
  const idAt = PUBLISH.length + bytes.length + 1;
  const idEnd = idAt + id.length;
  const head = new Uint8Array(idEnd + (requestId === null ? 0 : 1 + requestId.length) + 1);
  head.set(PUBLISH);
  head.set(bytes, PUBLISH.length);
  head[idAt - 1] = COLON;
  head.set(id, idAt);
  const end = requestId === null ? idEnd : writeField(head, idEnd, requestId);
  head[end] = NEWLINE;
  return head;
}
