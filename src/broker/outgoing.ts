/**
 * Messages on their way out: encoded once for each kind of transport, whatever the number of receivers.
 */
import buffer from "node:buffer";
import type { Encoded, OutgoingMessage, TransportKind } from "../core/transport.ts";
import { encodeMessageFrame } from "../wire/frame.ts";
import { encodeLengthPrefixed } from "../wire/length_prefix.ts";
import { encodeTextMessage, formatHeader, type TextHeader, type TextMessage } from "../wire/text_message.ts";
import { encodeWsFrame, WsOpcode } from "../wire/ws_frame.ts";

/** No connection of JSON lines is ever a session of the broker. */
const NO_JSON = "Cannot send a text message as a JSON line";
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const PUBLISH = encoder.encode("publish:");
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
class ForwardedMessage implements OutgoingMessage {
  readonly #head: Uint8Array;
  readonly #payload: Uint8Array;
  readonly #isKnownText: boolean;
  #websocket: Encoded | null = null;
  #text: Encoded | null = null;
  #frames: Encoded | null = null;

  /** `isKnownText`: the payload was found to be valid UTF-8 already. */
  constructor(head: Uint8Array, payload: Uint8Array, isKnownText: boolean) {
    this.#head = head;
    this.#payload = payload;
    this.#isKnownText = isKnownText;
  }

  encodedFor(kind: TransportKind): Encoded {
    switch (kind) {
      case "websocket":
        return this.#websocket ??= encodeWsFrame(this.#opcode(), this.#payload, this.#head);
      case "text":
        return this.#text ??= encodeLengthPrefixed(this.#head, this.#payload);
      case "frames": {
        const rest = { payload: this.#payload, isText: this.#isKnownText };
        return this.#frames ??= encodeMessageFrame(this.#head, rest);
      }
      case "json":
        throw new TypeError(NO_JSON);
    }
  }

  /** Whoever gets it as a WebSocket message gets text where the payload is text. */
  #opcode(): WsOpcode {
    return this.#isKnownText || buffer.isUtf8(this.#payload) ? WsOpcode.text : WsOpcode.binary;
  }
}

/** What somebody published, as its subscribers get it. */
export class PublishedMessage extends ForwardedMessage {
  /** `message` as it was published, with the bytes of the id that the hub gave it. */
  constructor(message: TextMessage, { id, isKnownText }: { id: Uint8Array; isKnownText: boolean }) {
    super(deliveryHead(message, id), message.payload, isKnownText);
  }
}

/** A request or a response on its way to the other party, under the header that is meant for it. */
export class ExchangedMessage extends ForwardedMessage {
  constructor(header: TextHeader, payload: Uint8Array, isKnownText: boolean) {
    super(encoder.encode(`${formatHeader(header)}\n`), payload, isKnownText);
  }
}

/** `publish:{topic}:{version}:{message id}[:{requestId}]` and the newline. */
function deliveryHead({ topicAndVersion, requestId }: TextMessage, id: Uint8Array): Uint8Array {
  const idAt = PUBLISH.length + topicAndVersion.length + 1;
  const end = idAt + id.length + (requestId === null ? 0 : 1 + requestId.length);
  const head = new Uint8Array(end + 1);
  head.set(PUBLISH);
  head.set(topicAndVersion, PUBLISH.length);
  head[idAt - 1] = COLON;
  head.set(id, idAt);
  if (requestId !== null) {
    let at = idAt + id.length;
    head[at++] = COLON;
    for (let i = 0; i < requestId.length; i++) head[at++] = requestId.charCodeAt(i);
  }
  head[end] = NEWLINE;
  return head;
}
