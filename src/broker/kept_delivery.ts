/** A kept message as its subscribers get it: live, retained and replayed ones look alike. */
import type { KeptMessage } from "../store/message_store.ts";
import { ForwardedMessage, writeField } from "./outgoing.ts";

const PUBLISH = "publish";
const NEWLINE = 0x0a;

/** `publish:{topic}:{version}:{message id}[:{requestId}]` and the payload. */
export class KeptDelivery extends ForwardedMessage {
  readonly #message: KeptMessage;

  /** `isKnownText`: its payload was found to be valid UTF-8 already. */
  constructor(message: KeptMessage, isKnownText = false) {
    super({ payload: message.payload, isKnownText }, null);
    this.#message = message;
  }

  protected override get headBytes(): number {
    const { topic, version, id, requestId } = this.#message;
    const bytes = PUBLISH.length + 1 + topic.length + 1 + version.length + 1 + id.length + 1;
    return requestId === null ? bytes : bytes + 1 + requestId.length;
  }

  protected override writeHead(target: Uint8Array, from: number): void {
    const { topic, version, id, requestId } = this.#message;
    for (let i = 0; i < PUBLISH.length; i++) target[from + i] = PUBLISH.charCodeAt(i);
    let at = writeField(target, from + PUBLISH.length, topic);
    at = writeField(target, at, version);
    at = writeField(target, at, id);
    if (requestId !== null) at = writeField(target, at, requestId);
    target[at] = NEWLINE;
  }
}
