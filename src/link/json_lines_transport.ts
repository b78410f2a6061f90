/**
 * The server's end of one connection of JSON lines, plain or TLS. It knows whole lines, the goodbye and when a peer
 * was last heard, nothing of what a line says. The client speaks first and the hub only answers: a silent client is
 * not asked for a sign of life, it is ended. Its owner may hold back further lines, and may let the connection go on as
 * one of frames; until then a frame ends it.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Encoded } from "../core/transport.ts";
import { classifyFirstByte } from "../wire/first_byte.ts";
import { encodeHandshakeError, type HandshakeErrorCode } from "../wire/json_error.ts";
import { JsonLineDecoder } from "../wire/json_line.ts";
import type { TransportOptions } from "./socket_transport.ts";
import { type Farewell, StreamTransport } from "./stream_transport.ts";

/** Stands in the error line of a goodbye without a reason. */
const NO_REASON = "The hub ends this connection";

const FRAME_TOO_EARLY: Farewell = {
  code: CloseCode.protocolError,
  reason: "A frame came before the login that allows frames",
};

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

  /** There is no word for it: a line that was not asked for breaks the clients that there are. */
  ask(): void {}

  /** Hands out no further line; what comes waits, and its peer with it. */
  hold(): void {
    this.reader.hold();
  }

  /** Hands out lines again. */
  release(): void {
    this.reader.release();
  }

  /** Writes what waits and a last line; then the socket, and what came behind the last line, is no more its business. */
  handOver(last: Encoded, next: (head: Uint8Array) => void): void {
    this.giveAway(last, next);
  }

  protected override decode(bytes: Uint8Array): number | Farewell {
    let at = 0;
    while (at < bytes.length && !this.reader.isHeld) {
      if (!this.isInside && classifyFirstByte(bytes[at] ?? 0) === "frames") return FRAME_TOO_EARLY;
      const taken = this.#decoder.feed(bytes.subarray(at));
      if (typeof taken !== "number") return tooLong(this.#maxLineBytes);
      at += taken;
    }
    return at;
  }

  protected override get partialBytes(): number {
    return this.#decoder.heldBytes;
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

function tooLong(maxLineBytes: number): Farewell {
  const reason = `A line is too long: at most ${maxLineBytes} bytes are allowed`;
  return { code: CloseCode.tooBig, reason };
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
    case CloseCode.protocolError:
    case CloseCode.policy:
    case CloseCode.tooBig:
      return "unknown_message_type";
    default:
      return "server_unavailable";
  }
}
