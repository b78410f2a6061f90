/**
 * The server's end of one connection of JSON lines, plain or TLS. It knows whole lines, the goodbye and when a peer
 * was last heard, nothing of what a line says. The client speaks first and the hub only answers: a silent client is
 * not asked for a sign of life, it is ended.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Encoded } from "../core/transport.ts";
import { encodeHandshakeError, type HandshakeErrorCode } from "../wire/json_error.ts";
import { JsonLineDecoder } from "../wire/json_line.ts";
import type { TransportOptions } from "./socket_transport.ts";
import { type Farewell, StreamTransport } from "./stream_transport.ts";

/** Stands in the error line of a goodbye without a reason. */
const NO_REASON = "The hub ends this connection";

/** One open connection of JSON lines. */
export class JsonLinesTransport extends StreamTransport {
  readonly kind = "json";
  readonly #maxLineBytes: number;
  readonly #decoder: JsonLineDecoder;

  constructor(options: TransportOptions) {
    super(options);
    this.#maxLineBytes = options.maxMessageBytes;
    this.#decoder = new JsonLineDecoder(this.#maxLineBytes, (line) => this.received(line));
  }

  /** Reads no lines until {@link resume}; what comes is kept. */
  hold(): void {
    this.#decoder.stop();
  }

  /** Reads lines again, what was kept first. */
  resume(): void {
    const kept = this.#decoder.resume();
    for (let at = 0; at < kept.length && this.isOpen;) at = this.takeFrom(kept, at);
  }

  /** Ends with a line, after which the socket is somebody else's: `next` gets what was read and is no line. */
  leave(last: Uint8Array, next: (head: Uint8Array) => void): void {
    const kept = this.#decoder.resume();
    this.leaveSocket(
      { parts: [last], bytes: last.length },
      (unread) => next(concat([kept, ...unread])),
    );
  }

  /** There is no word for it: a line that was not asked for breaks the clients that there are. */
  ask(): void {}

  protected override decode(bytes: Uint8Array): number | Farewell {
    const tooLong = this.#decoder.feed(bytes);
    if (tooLong === null) return bytes.length;
    const reason = `A line is too long: at most ${this.#maxLineBytes} bytes are allowed`;
    return { code: CloseCode.tooBig, reason };
  }

  protected override get isInside(): boolean {
    return this.#decoder.isInside;
  }

  protected override encodeFarewell({ code, reason, retryAfterMs }: Farewell): Encoded {
    const message = reason === "" ? NO_REASON : reason;
    const line = encodeHandshakeError({ code: errorCodeOf(code), message, retryAfterMs });
    return { parts: [line], bytes: line.length };
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, { length }) => bytes + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The word of the handshake for a close code. Clients come back by themselves after `server_unavailable` and
 * `rate_limit_exceeded`, so whoever would only do the same wrong again gets another one.
 */
function errorCodeOf(closeCode: number): HandshakeErrorCode {
  switch (closeCode) {
    case CloseCode.slowConsumer:
      return "overloaded";
    case CloseCode.rateLimited:
      return "rate_limit_exceeded";
    case CloseCode.unauthorized:
    case CloseCode.forbidden:
      return "invalid_token";
    case CloseCode.replaced:
      return "connection_limit_reached";
    case CloseCode.policy:
    case CloseCode.tooBig:
      return "unknown_message_type";
    default:
      return "server_unavailable";
  }
}
