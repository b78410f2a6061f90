/**
 * The server's end of one connection of length-prefixed text messages, plain or TLS. It knows whole messages, the
 * goodbye and the heartbeat, nothing of what a message says. There is no half-close: a FIN is a disconnect.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Encoded } from "../core/transport.ts";
import {
  encodeLengthPrefixed,
  LengthPrefixDecoder,
  MAX_PREFIXED_BYTES,
  type TooLong,
} from "../wire/length_prefix.ts";
import { encodeSystemClose } from "../wire/system_close.ts";
import { encodeTextMessage } from "../wire/text_message.ts";
import { isPatient, SocketTransport, type TransportOptions } from "./socket_transport.ts";
import type { CloseOptions } from "./transport.ts";

const NOTHING = new Uint8Array(0);

/** One open connection of text messages. */
export class TextTransport extends SocketTransport {
  readonly kind = "text";
  readonly #maxMessageBytes: number;
  readonly #decoder: LengthPrefixDecoder;

  constructor(options: TransportOptions) {
    super(options);
    this.#maxMessageBytes = Math.min(options.maxMessageBytes, MAX_PREFIXED_BYTES);
    this.#decoder = new LengthPrefixDecoder(this.#maxMessageBytes, (message) => this.#received(message));
  }

  /** Asks with a request: its answer is a message, and any message is a sign of life. */
  ask(): void {
    const header = { action: "request", topic: "system.heartbeat", requestId: crypto.randomUUID() } as const;
    this.outbox.push("control", prefixed(encodeTextMessage(header, "{}")));
  }

  expire(): void {
    this.#closeWith(CloseCode.heartbeatTimeout, "No sign of life");
  }

  close(code: number, reason: string, options: CloseOptions = {}): void {
    this.#closeWith(code, reason, options);
  }

  /** Every byte is a sign of life: it belongs to a message, be it a long one on its way. */
  feed(slice: Uint8Array): void {
    this.settings.stats.bytesReceived += slice.length;
    this.heard();
    const tooLong = this.#decoder.feed(slice);
    if (tooLong !== null) this.#refuse(tooLong);
  }

  #received(message: Uint8Array): void {
    if (!this.isOpen) return;
    this.settings.stats.messagesReceived++;
    // Nobody has looked yet whether the payload is UTF-8.
    this.budget.spendMessage(this.owner.received(message, true));
  }

  #refuse({ claimedBytes }: TooLong): void {
    const reason =
      `A message of ${claimedBytes} bytes is too long: at most ${this.#maxMessageBytes} are allowed`;
    this.#closeWith(CloseCode.tooBig, reason);
  }

  #closeWith(code: number, reason: string, options: CloseOptions = {}): void {
    if (!this.isOpen) return;
    this.reader.stop();
    this.sayGoodbye(code, reason, {
      last: prefixed(encodeSystemClose({ code, reason, ...options }, crypto.randomUUID())),
      purge: !isPatient(code),
      onWritten: () => this.socket.end(),
    });
  }

  /** A goodbye of ours that is on its way is still written; it ends the socket, or the close time-out does. */
  protected override peerEnded(): void {
    const code = this.#decoder.isInside ? CloseCode.abnormal : CloseCode.normal;
    if (this.begin(code, "")) this.socket.destroy();
  }
}

function prefixed(message: Uint8Array): Encoded {
  return encodeLengthPrefixed(message, NOTHING);
}
