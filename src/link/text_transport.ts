/**
 * The server's end of one connection of length-prefixed text messages, plain or TLS. It knows whole messages, the
 * goodbye and the heartbeat, nothing of what a message says. There is no half-close: a FIN is a disconnect.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Encoded } from "../core/transport.ts";
import { encodeLengthPrefixed, LengthPrefixDecoder, MAX_PREFIXED_BYTES } from "../wire/length_prefix.ts";
import { encodeSystemClose } from "../wire/system_close.ts";
import { encodeTextMessage } from "../wire/text_message.ts";
import type { TransportOptions } from "./socket_transport.ts";
import { type Farewell, StreamTransport } from "./stream_transport.ts";

const NOTHING = new Uint8Array(0);

/** One open connection of text messages. */
export class TextTransport extends StreamTransport {
  readonly kind = "text";
  readonly #maxMessageBytes: number;
  readonly #decoder: LengthPrefixDecoder;

  constructor(options: TransportOptions) {
    super(options);
    this.#maxMessageBytes = Math.min(options.maxMessageBytes, MAX_PREFIXED_BYTES);
    this.#decoder = new LengthPrefixDecoder(this.#maxMessageBytes, (message) => this.received(message));
  }

  /** Asks with a request: its answer is a message, and any message is a sign of life. */
  ask(): void {
    const header = { action: "request", topic: "system.heartbeat", requestId: crypto.randomUUID() } as const;
    this.outbox.push("control", prefixed(encodeTextMessage(header, "{}")));
  }

  protected override decode(bytes: Uint8Array): number | Farewell {
    const tooLong = this.#decoder.feed(bytes);
    if (tooLong === null) return bytes.length;
    const reason = `A message of ${tooLong.claimedBytes} bytes is too long: ` +
      `at most ${this.#maxMessageBytes} are allowed`;
    return { code: CloseCode.tooBig, reason };
  }

  protected override get partialBytes(): number {
    return this.#decoder.heldBytes;
  }

  protected override get isInside(): boolean {
    return this.#decoder.isInside;
  }

  protected override encodeFarewell(farewell: Farewell): Encoded {
    return prefixed(encodeSystemClose(farewell, crypto.randomUUID()));
  }
}

function prefixed(message: Uint8Array): Encoded {
  return encodeLengthPrefixed(message, NOTHING);
}
