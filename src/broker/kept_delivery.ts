/** A kept message as its subscribers get it: live, retained and replayed ones look alike. */
import type { KeptMessage } from "../store/message_store.ts";
import { ForwardedMessage } from "./outgoing.ts";

const encoder = new TextEncoder();

/** `publish:{topic}:{version}:{message id}[:{requestId}]` and the payload. */
export class KeptDelivery extends ForwardedMessage {
  readonly #head: Uint8Array;

  /** `isKnownText`: its payload was found to be valid UTF-8 already. */
  constructor({ topic, version, id, requestId, payload }: KeptMessage, isKnownText = false) {
    super({ payload, isKnownText }, null);
    const parent = requestId === null ? "" : `:${requestId}`;
    this.#head = encoder.encode(`publish:${topic}:${version}:${id}${parent}\n`);
  }

  protected override get headBytes(): number {
    return this.#head.length;
  }

  protected override writeHead(target: Uint8Array, at: number): void {
    target.set(this.#head, at);
  }
}
