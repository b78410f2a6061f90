/**
 * The server's end of one WebSocket after its handshake: reads whole messages where they lie and everything else with
 * the receiver of `ws`, writes through the outbox, and does the closing handshake so that it always ends.
 */
import { CloseCode } from "../core/close_codes.ts";
import { ClientFrames } from "../wire/client_frames.ts";
import { encodeWsClose, encodeWsFrame, WsOpcode } from "../wire/ws_frame.ts";
import { SLICE_BYTES } from "./budgeted_reader.ts";
import { ignoreSocketError, isPatient, SocketTransport, type TransportOptions } from "./socket_transport.ts";
import type { CloseOptions } from "./transport.ts";
import { closeCodeOf, heldBytesOf, receiverOptions } from "./ws_receiver.ts";
// @ts-types="./ws_types.d.ts"
import { Receiver } from "ws";

/** The first byte of a binary message in one frame. */
const BINARY_FRAME = 0x80 | WsOpcode.binary;
const PING = encodeWsFrame(WsOpcode.ping, new Uint8Array(0));
const REASON_DECODER = new TextDecoder();

/** A receiver that knows whose it is, so that all of them share their listeners. */
class OwnedReceiver extends Receiver {
  readonly transport: WebSocketTransport;

  constructor(transport: WebSocketTransport, maxMessageBytes: number) {
    super(receiverOptions(maxMessageBytes, { isServer: true }));
    this.transport = transport;
  }
}

/** One open WebSocket. */
export class WebSocketTransport extends SocketTransport {
  readonly kind = "websocket";
  readonly #frames: ClientFrames;
  readonly #receiver: OwnedReceiver;
  #peerConcluded = false;
  /** Whether our close frame is out. */
  #isLastWritten = false;
  /** Bytes read since the last whole message or control frame: a long message on its way. */
  #partialBytes = 0;

  constructor(options: TransportOptions) {
    super(options);
    this.#frames = new ClientFrames(options.maxMessageBytes);
    this.#receiver = new OwnedReceiver(this, options.maxMessageBytes);
  }

  override start(head: Uint8Array): void {
    this.#receiver.on("message", WebSocketTransport.#onMessage).on("ping", WebSocketTransport.#onPing);
    this.#receiver.on("pong", WebSocketTransport.#onPong).on("conclude", WebSocketTransport.#onConclude);
    this.#receiver.on("error", WebSocketTransport.#onError);
    super.start(head);
  }

  ask(): void {
    this.outbox.push("control", PING);
  }

  expire(): void {
    this.#closeWith(CloseCode.heartbeatTimeout, "No answer to pings", { purge: true });
  }

  close(code: number, reason: string, options: CloseOptions = {}): void {
    const { retryAfterMs, isPatient: waits = isPatient(code) } = options;
    const retry = retryAfterMs === undefined ? "" : `retry=${retryAfterMs}`;
    this.#closeWith(code, `${reason} ${retry}`.trim(), { purge: !waits });
  }

  /** A whole message costs a fifth of what the receiver takes for it. */
  protected override take(chunk: Uint8Array, from: number): number {
    const limit = Math.min(from + SLICE_BYTES, chunk.length);
    let at = from;
    while (at < limit) {
      const message = this.#frames.wholeMessage(chunk, at);
      if (message === null) break;
      const isBinary = chunk[at] === BINARY_FRAME;
      at = message.byteOffset - chunk.byteOffset + message.length;
      this.#received(message, isBinary);
      if (this.budget.isHeld) break;
    }
    if (at > from) {
      this.settings.stats.bytesReceived += at - from;
      return at;
    }
    const stop = this.#frames.follow(chunk, from, limit);
    this.feed(chunk.subarray(from, stop));
    return stop;
  }

  /**
   * A pong is a sign of life, and so are the bytes of a message that takes longer than the heartbeat: a peer
   * cannot answer a ping in the middle of one. Whole messages alone prove nothing.
   */
  protected override feed(slice: Uint8Array): number {
    this.settings.stats.bytesReceived += slice.length;
    if (this.#partialBytes > 0) this.heardPart(slice.length);
    this.#partialBytes += slice.length;
    this.#receiver.write(slice);
    // It tells of an error only later, and nothing behind one may be read.
    if (this.#receiver.errored !== null) this.reader.stop();
    return slice.length;
  }

  protected override get partialBytes(): number {
    return heldBytesOf(this.#receiver);
  }

  static #onMessage(this: OwnedReceiver, data: Uint8Array, isBinary: boolean): void {
    this.transport.#partialBytes = 0;
    this.transport.#received(data, isBinary);
  }

  static #onPing(this: OwnedReceiver, data: Uint8Array): void {
    this.transport.#partialBytes = 0;
    this.transport.outbox.pushPong(encodeWsFrame(WsOpcode.pong, data));
    this.transport.budget.spendMessage(1);
  }

  static #onPong(this: OwnedReceiver): void {
    this.transport.#partialBytes = 0;
    this.transport.heard();
    this.transport.budget.spendMessage(0);
  }

  static #onConclude(this: OwnedReceiver, code: number, reason: Uint8Array): void {
    this.transport.#peerClosed(code, REASON_DECODER.decode(reason));
  }

  static #onError(this: OwnedReceiver, error: Error & { code?: string }): void {
    this.transport.reader.stop();
    const how = { purge: true, endAtOnce: true };
    this.transport.#closeWith(closeCodeOf(error.code), error.message, how);
  }

  #received(data: Uint8Array, isBinary: boolean): void {
    if (!this.isOpen) return;
    this.settings.stats.messagesReceived++;
    this.budget.spendMessage(this.owner.received(data, isBinary));
  }

  #closeWith(code: number, reason: string, how: { purge: boolean; endAtOnce?: boolean }): void {
    this.sayGoodbye(code, reason, {
      last: encodeWsClose(code, reason),
      purge: how.purge,
      onWritten: () => {
        this.#isLastWritten = true;
        if (how.endAtOnce === true || this.#peerConcluded) this.socket.end();
      },
    });
  }

  #peerClosed(code: number, reason: string): void {
    this.#peerConcluded = true;
    this.reader.stop();
    if (!this.isOpen && this.#isLastWritten) this.socket.end();
    this.sayGoodbye(code, reason, {
      last: encodeWsClose(code, ""),
      purge: true,
      onWritten: () => this.socket.end(),
    });
  }

  /** Nobody would read the close of the peer any more. */
  protected override fail(reason: string): void {
    this.#closeWith(CloseCode.internal, reason, { purge: true, endAtOnce: true });
  }

  /** WebSockets have no half-close: a FIN is a disconnect, unless the peer said goodbye before and waits for ours. */
  protected override peerEnded(): void {
    if (!this.#peerConcluded) this.socket.destroy();
  }

  protected override released(): void {
    this.#receiver.removeAllListeners();
    this.#receiver.on("error", ignoreSocketError);
    this.#receiver.destroy();
  }
}
