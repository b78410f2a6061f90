/**
 * The client's end of one WebSocket after its handshake, as a stream of bytes: what is written in one go (corked
 * writes count as one) leaves as one binary message, and the binary messages of the server are the bytes that are
 * read. It pushes back in both directions as a socket does, keeps at most one pong waiting, and always ends: whoever
 * is slow in the closing handshake is cut.
 */
import { Duplex } from "node:stream";
import { CloseCode } from "../core/close_codes.ts";
import { encodeMaskedFrame, MASK_BYTES } from "../wire/ws_masked_frame.ts";
import { wsClosePayload, WsOpcode } from "../wire/ws_frame.ts";
import type { GatedStream } from "./gated_socket.ts";
import { ignoreSocketError } from "./socket_transport.ts";
import { closeCodeOf, receiverOptions } from "./ws_receiver.ts";
// @ts-types="./ws_types.d.ts"
import { Receiver } from "ws";

/** What a stream is made of. */
export interface WebSocketStreamOptions {
  /** The connection on which the handshake was done. */
  readonly link: GatedStream;
  /** What came after the handshake and was read already. */
  readonly head: Uint8Array;
  /** The longest message that is read; a longer one ends the stream with 1009. @default 1 MiB */
  readonly maxMessageBytes?: number;
  /** How long the closing handshake may take. @default 1000 */
  readonly closeTimeoutMs?: number;
}

/** How the server closed. */
export interface PeerClose {
  /** See `CloseCode`. */
  readonly code: number;
  readonly reason: string;
}

const MAX_MESSAGE_BYTES = 1024 * 1024;
const CLOSE_TIMEOUT_MS = 1000;
const BUFFER_BYTES = 64 * 1024;

/** One open WebSocket. */
export class WebSocketStream extends Duplex implements GatedStream {
  readonly #link: GatedStream;
  readonly #receiver: Receiver;
  readonly #closeTimeoutMs: number;
  #peerClose: PeerClose | null = null;
  /** Whether what comes still counts. */
  #isReading = true;
  #isCloseSent = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** The last ping that is not answered yet, while a pong is on its way. */
  #nextPong: Uint8Array | null = null;
  #isPongOnItsWay = false;

  constructor(
    { link, head, maxMessageBytes = MAX_MESSAGE_BYTES, closeTimeoutMs = CLOSE_TIMEOUT_MS }:
      WebSocketStreamOptions,
  ) {
    // As on a socket, the end of one direction is the end of the other.
    super({ readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES, allowHalfOpen: false });
    this.#link = link;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#receiver = new Receiver(receiverOptions(maxMessageBytes, { isServer: false }));
    // Errors before the owner listens, and after, have no other listener; its close is what counts.
    this.on("error", ignoreSocketError);
    this.#listenToReceiver();
    this.#listenToSocket();
    if (head.length > 0) this.#receiver.write(head);
  }

  /** Where its bytes are read and written: itself. */
  get socket(): Duplex {
    return this;
  }

  /** How the server closed; `null` while it did not say so. */
  get peerClose(): PeerClose | null {
    return this.#peerClose;
  }

  override _read(): void {
    if (!this.#link.socket.destroyed) this.#link.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#writeMessage([chunk], done);
  }

  override _writev(chunks: readonly { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#writeMessage(chunks.map(({ chunk }) => chunk), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sayClose(CloseCode.normal, "", () => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#isReading = false;
    clearTimeout(this.#closeTimer);
    this.#receiver.removeAllListeners();
    this.#receiver.on("error", ignoreSocketError);
    this.#receiver.destroy();
    this.#link.socket.destroy();
    done(error);
  }

  #listenToReceiver(): void {
    this.#receiver.on("message", (data, isBinary) => {
      if (!isBinary) this.#fail(CloseCode.protocolError, "the server sent text where bytes belong");
      else if (data.length > 0 && this.#isReading && !this.push(data)) this.#link.pause();
    });
    this.#receiver.on("ping", (data) => this.#pong(data));
    this.#receiver.on("conclude", (code, reason) => this.#concluded(code, new TextDecoder().decode(reason)));
    this.#receiver.on("error", (error) => this.#fail(closeCodeOf(error.code), error.message));
  }

  #listenToSocket(): void {
    const { socket } = this.#link;
    socket.on("data", (chunk: Uint8Array) => {
      if (this.#isReading) this.#receiver.write(chunk);
    });
    socket.on("end", () => this.#ended());
    socket.on("error", (error: Error) => this.destroy(error));
    socket.on("close", () => this.#ended());
  }

  /** After our close nothing may follow (RFC 6455, section 5.5.1); who writes on has not noticed the end yet. */
  #writeMessage(parts: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    if (this.#isCloseSent) done();
    else this.#writeFrame(WsOpcode.binary, parts, done);
  }

  #writeFrame(opcode: WsOpcode, parts: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const mask = crypto.getRandomValues(new Uint8Array(MASK_BYTES));
    this.#link.socket.write(encodeMaskedFrame(opcode, parts, mask), done);
  }

  /** Only the last ping needs an answer (RFC 6455, section 5.5.3), so a flood of them queues nothing. */
  #pong(data: Uint8Array): void {
    this.#nextPong = data;
    if (!this.#isPongOnItsWay) this.#writePong();
  }

  #writePong(): void {
    const data = this.#nextPong;
    this.#nextPong = null;
    this.#isPongOnItsWay = data !== null && !this.#isCloseSent;
    if (data !== null && !this.#isCloseSent) this.#writeFrame(WsOpcode.pong, [data], () => this.#writePong());
  }

  #sayClose(code: number, reason: string, done: () => void): void {
    if (this.#isCloseSent) return done();
    this.#isCloseSent = true;
    this.#closeTimer = setTimeout(() => this.destroy(), this.#closeTimeoutMs);
    this.#writeFrame(WsOpcode.close, [wsClosePayload(code, reason)], done);
  }

  /** The server closed: our close answers it, and the end comes once that is out. */
  #concluded(code: number, reason: string): void {
    this.#isReading = false;
    this.#peerClose = { code, reason };
    this.#sayClose(code, "", () => this.push(null));
  }

  #fail(code: number, reason: string): void {
    this.#isReading = false;
    this.#sayClose(code, reason, () => this.destroy(new Error(reason)));
  }

  /** The connection ended, with or without a close before it. */
  #ended(): void {
    if (this.#isReading) this.push(null);
    this.#isReading = false;
  }
}
