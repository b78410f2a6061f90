/**
 * Either end of one WebSocket after its handshake, as a stream of bytes: what is written in one go (corked writes
 * count as one) leaves as one binary message, and the binary messages of the peer are the bytes that are read. It
 * pushes back in both directions as a socket does, keeps at most one pong waiting, and always ends: whoever is slow
 * in the closing handshake is cut. The server's end reads within a budget, in which every message counts, so that a
 * flood of empty ones or of pings takes nobody's time.
 */
import { Duplex } from "node:stream";
import { CloseCode } from "../core/close_codes.ts";
import { encodeMaskedFrame, MASK_BYTES } from "../wire/ws_masked_frame.ts";
import { encodeWsHeader, wsClosePayload, WsOpcode } from "../wire/ws_frame.ts";
import { BudgetedReader, type SliceReceiver } from "./budgeted_reader.ts";
import type { GatedStream } from "./gated_socket.ts";
import { ReadBudget, type ReadLimits } from "./read_budget.ts";
import { ignoreSocketError } from "./socket_transport.ts";
import type { Turns } from "./turns.ts";
import { closeCodeOf, heldBytesOf, raiseLimit, receiverOptions } from "./ws_receiver.ts";
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
  /** Makes it the server's end. @default the client's */
  readonly server?: ServerEnd;
}

/** What the server's end does more than the client's. */
export interface ServerEnd {
  readonly turns: Turns;
  /** What may be read in one turn. */
  readonly readLimits: ReadLimits;
  /** Whether bytes may be a message; others end the stream with 1002. */
  readonly isMessage: (bytes: Uint8Array) => boolean;
  /** What may be sent as long as the peer is a guest. @default nobody is one */
  readonly guests?: { readonly maxMessageBytes: number; readonly isGuest: () => boolean };
}

/** How the peer closed. */
export interface PeerClose {
  /** See `CloseCode`. */
  readonly code: number;
  readonly reason: string;
}

const MAX_MESSAGE_BYTES = 1024 * 1024;
const CLOSE_TIMEOUT_MS = 1000;
const BUFFER_BYTES = 64 * 1024;
/** What the receiver gets at once at the server's end: so much of a flood is read before the budget counts. */
const SLICE_BYTES = 4 * 1024;

const NOTHING = new Uint8Array(0);

/** One open WebSocket. */
export class WebSocketStream extends Duplex implements GatedStream, SliceReceiver {
  readonly #link: GatedStream;
  readonly #server: ServerEnd | null;
  readonly #budget: ReadBudget | null;
  /** Reads the socket at the server's end. */
  readonly #reader: BudgetedReader | null;
  /** What was read before; `null` once reading began. */
  #head: Uint8Array | null;
  readonly #receiver: Receiver;
  readonly #maxMessageBytes: number;
  /** Whether only short messages are read yet. */
  #isGuest: boolean;
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
    { link, head, maxMessageBytes = MAX_MESSAGE_BYTES, closeTimeoutMs = CLOSE_TIMEOUT_MS, server }:
      WebSocketStreamOptions,
  ) {
    // As on a socket, the end of one direction is the end of the other.
    super({ readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES, allowHalfOpen: false });
    this.#link = link;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#server = server ?? null;
    this.#head = head;
    this.#maxMessageBytes = maxMessageBytes;
    this.#isGuest = server?.guests !== undefined;
    const maxBytes = server?.guests?.maxMessageBytes ?? maxMessageBytes;
    this.#receiver = new Receiver(receiverOptions(maxBytes, { isServer: server !== undefined }));
    this.#budget = server === undefined ? null : new ReadBudget(server.readLimits, server.turns);
    this.#reader = server === undefined || this.#budget === null
      ? null
      : new BudgetedReader({ link, turns: server.turns, budget: this.#budget, receiver: this });
    // Errors before the owner listens, and after, have no other listener; its close is what counts.
    this.on("error", ignoreSocketError);
    this.#listenToReceiver();
    this.#listenToSocket();
    if (this.#reader === null && head.length > 0) this.#receiver.write(head);
  }

  /** Where its bytes are read and written: itself. */
  get socket(): Duplex {
    return this;
  }

  /** What it holds of a message that is not whole, and what waits to be read. */
  get unfinishedBytes(): number {
    return heldBytesOf(this.#receiver) + this.readableLength;
  }

  /** How the peer closed; `null` while it did not say so. */
  get peerClose(): PeerClose | null {
    return this.#peerClose;
  }

  override _read(): void {
    if (this.#reader === null) {
      if (!this.#link.socket.destroyed) this.#link.resume();
      return;
    }
    const head = this.#head;
    this.#head = null;
    // Later on the reader goes on by itself, turn by turn: the transport above never pauses for longer than one.
    if (head === null) return;
    this.#reader.start(head);
    // The FIN may have come with the head, when nobody listened yet.
    if (!this.#reader.isWaiting) this.caughtUp();
  }

  /** A piece of what the client sent, unless enough waits to be read. */
  takeFrom(chunk: Uint8Array, from: number): number {
    const end = Math.min(chunk.length, from + SLICE_BYTES);
    if (!this.#isReading) return end;
    if (this.readableLength >= this.readableHighWaterMark) return from;
    if (this.#isGuest && this.#server?.guests?.isGuest() !== true) {
      this.#isGuest = false;
      raiseLimit(this.#receiver, this.#maxMessageBytes);
    }
    this.#receiver.write(chunk.subarray(from, end));
    return end;
  }

  caughtUp(): void {
    if (this.#link.socket.readableEnded) this.#ended();
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
    this.#reader?.stop();
    this.#receiver.removeAllListeners();
    this.#receiver.on("error", ignoreSocketError);
    this.#receiver.destroy();
    this.#link.socket.destroy();
    done(error);
  }

  #listenToReceiver(): void {
    this.#receiver.on("message", (data, isBinary) => this.#received(data, isBinary));
    this.#receiver.on("ping", (data) => {
      this.#budget?.spendMessage(1);
      this.#pong(data);
    });
    this.#receiver.on("pong", () => this.#budget?.spendMessage(0));
    this.#receiver.on("conclude", (code, reason) => this.#concluded(code, new TextDecoder().decode(reason)));
    this.#receiver.on("error", (error) => this.#fail(closeCodeOf(error.code), error.message));
  }

  #listenToSocket(): void {
    const { socket } = this.#link;
    if (this.#reader === null) {
      socket.on("data", (chunk: Uint8Array) => {
        if (this.#isReading) this.#receiver.write(chunk);
      });
    }
    socket.on("end", () => {
      if (this.#reader?.isWaiting !== true) this.#ended();
    });
    socket.on("error", (error: Error) => this.destroy(error));
    socket.on("close", () => this.#ended());
  }

  #received(data: Uint8Array, isBinary: boolean): void {
    this.#budget?.spendMessage(0);
    // After a mistake, or the peer's close, what is left of the chunk does not count.
    if (!this.#isReading) return;
    if (!isBinary) this.#fail(CloseCode.protocolError, "text came where bytes belong");
    else if (this.#server?.isMessage(data) === false) {
      this.#fail(CloseCode.protocolError, "a message has to hold whole frames");
    } else if (data.length > 0 && !this.push(data) && this.#reader === null) {
      this.#link.pause();
    }
  }

  /** After our close nothing may follow (RFC 6455, section 5.5.1); who writes on has not noticed the end yet. */
  #writeMessage(parts: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    if (this.#isCloseSent) done();
    else this.#writeFrame(WsOpcode.binary, parts, done);
  }

  #writeFrame(opcode: WsOpcode, parts: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const { socket } = this.#link;
    if (this.#server === null) {
      const mask = crypto.getRandomValues(new Uint8Array(MASK_BYTES));
      socket.write(encodeMaskedFrame(opcode, parts, mask), done);
      return;
    }
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    socket.cork();
    for (const part of [encodeWsHeader(opcode, bytes), ...parts.slice(0, -1)]) socket.write(part);
    socket.write(parts.at(-1) ?? NOTHING, done);
    socket.uncork();
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

  /** The peer closed: our close answers it, and the end comes once that is out. */
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
