/**
 * The server's end of one WebSocket after its handshake: reads with the receiver of `ws` fed from our own
 * data listener, writes through the outbox, and does the closing handshake so that it always ends. Whatever
 * the peer does, `closed` is called exactly once, after the socket is gone.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Clock } from "../core/ports.ts";
import type { PeerAddress } from "../core/transport.ts";
import { encodeWsClose, encodeWsFrame, WsOpcode } from "../wire/ws_frame.ts";
import { BudgetedReader, type SliceReceiver } from "./budgeted_reader.ts";
import type { GatedSocket } from "./gated_socket.ts";
import type { LinkStats } from "./link_stats.ts";
import type { Outbox } from "./outbox.ts";
import { ReadBudget, type ReadLimits } from "./read_budget.ts";
import type { Transport, TransportOwner } from "./transport.ts";
import type { Turns } from "./turns.ts";
// @ts-types="./ws_types.d.ts"
import { Receiver } from "ws";

/** What all WebSockets of a hub share. */
export interface WebSocketSettings {
  readonly stats: LinkStats;
  readonly clock: Clock;
  /** How long a peer may take to answer a close before it is cut. */
  readonly closeTimeoutMs: number;
  readonly turns: Turns;
  readonly readLimits: ReadLimits;
}

/** What the transport is made of. */
export interface WebSocketTransportOptions {
  readonly link: GatedSocket;
  readonly peer: PeerAddress;
  readonly outbox: Outbox;
  readonly owner: TransportOwner;
  readonly settings: WebSocketSettings;
  /** The longest message that is read; a longer one ends the connection with 1009. */
  readonly maxMessageBytes: number;
}

const MAX_FRAGMENTS = 1024;
/** A message may arrive in pieces of this size on average; smaller ones would cost more memory than they carry. */
const MIN_MEAN_CHUNK_BYTES = 256;
const MIN_BUFFERED_CHUNKS = 1024;
const PING = encodeWsFrame(WsOpcode.ping, new Uint8Array(0));
const REASON_DECODER = new TextDecoder();

/** A receiver that knows whose it is, so that all of them share their listeners. */
class OwnedReceiver extends Receiver {
  readonly transport: WebSocketTransport;

  constructor(transport: WebSocketTransport, maxMessageBytes: number) {
    super({
      isServer: true,
      maxPayload: maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: Math.max(MIN_BUFFERED_CHUNKS, maxMessageBytes / MIN_MEAN_CHUNK_BYTES),
      skipUTF8Validation: false,
      allowSynchronousEvents: true,
    });
    this.transport = transport;
  }
}

/** One open WebSocket. */
export class WebSocketTransport implements Transport, SliceReceiver {
  readonly kind = "websocket";
  readonly peer: PeerAddress;
  readonly outbox: Outbox;
  readonly #link: GatedSocket;
  readonly #owner: TransportOwner;
  readonly #settings: WebSocketSettings;
  readonly #receiver: OwnedReceiver;
  readonly #budget: ReadBudget;
  readonly #reader: BudgetedReader;
  #phase: "open" | "closing" | "closed" = "open";
  #peerConcluded = false;
  #hasPeerEnded = false;
  /** Whether our close frame is out. */
  #isLastWritten = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Bytes read since the last whole message or control frame: a long message on its way. */
  #partialBytes = 0;
  #lastHeardMs: number;

  constructor({ link, peer, outbox, owner, settings, maxMessageBytes }: WebSocketTransportOptions) {
    this.peer = peer;
    this.#link = link;
    this.outbox = outbox;
    this.#owner = owner;
    this.#settings = settings;
    this.#lastHeardMs = settings.clock.now();
    this.#receiver = new OwnedReceiver(this, maxMessageBytes);
    const { turns, readLimits } = settings;
    this.#budget = new ReadBudget(readLimits, turns);
    this.#reader = new BudgetedReader({ link, turns, budget: this.#budget, receiver: this });
  }

  start(head: Uint8Array): void {
    this.#receiver.on("message", WebSocketTransport.#onMessage).on("ping", WebSocketTransport.#onPing);
    this.#receiver.on("pong", WebSocketTransport.#onPong).on("conclude", WebSocketTransport.#onConclude);
    this.#receiver.on("error", WebSocketTransport.#onError);
    const { socket } = this.#link;
    socket.on("end", this.#peerEnded);
    socket.on("close", this.#socketClosed);
    socket.on("error", ignoreSocketError);
    if (socket.destroyed) this.#socketClosed();
    else this.#reader.start(head);
  }

  /**
   * A pong is a sign of life, and so are the bytes of a message that is longer than the heartbeat: a peer
   * cannot answer a ping in the middle of one. Whole messages alone prove nothing.
   */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  ask(): void {
    this.outbox.push("control", PING);
  }

  expire(): void {
    this.#closeWith(CloseCode.heartbeatTimeout, "No answer to pings", { purge: true });
  }

  close(code: number, reason: string): void {
    const purge = code !== CloseCode.draining && code !== CloseCode.normal && code !== CloseCode.goingAway;
    this.#closeWith(code, reason, { purge });
  }

  destroy(): void {
    this.#link.socket.destroy();
  }

  feed(slice: Uint8Array): void {
    this.#settings.stats.bytesReceived += slice.length;
    if (this.#partialBytes > 0) this.#lastHeardMs = this.#settings.clock.now();
    this.#partialBytes += slice.length;
    this.#receiver.write(slice);
  }

  static #onMessage(this: OwnedReceiver, data: Uint8Array, isBinary: boolean): void {
    const { transport } = this;
    transport.#partialBytes = 0;
    if (transport.#phase !== "open") return;
    transport.#settings.stats.messagesReceived++;
    transport.#budget.spendMessage(transport.#owner.received(data, isBinary));
  }

  static #onPing(this: OwnedReceiver, data: Uint8Array): void {
    this.transport.#partialBytes = 0;
    this.transport.outbox.pushPong(encodeWsFrame(WsOpcode.pong, data));
    this.transport.#budget.spendMessage(1);
  }

  static #onPong(this: OwnedReceiver): void {
    this.transport.#partialBytes = 0;
    this.transport.#lastHeardMs = this.transport.#settings.clock.now();
    this.transport.#budget.spendMessage(0);
  }

  static #onConclude(this: OwnedReceiver, code: number, reason: Uint8Array): void {
    this.transport.#peerClosed(code, REASON_DECODER.decode(reason));
  }

  static #onError(this: OwnedReceiver, error: Error & { code?: string }): void {
    this.transport.#reader.stop();
    const how = { purge: true, endAtOnce: true };
    this.transport.#closeWith(closeCodeOf(error.code), error.message, how);
  }

  #closeWith(code: number, reason: string, how: { purge: boolean; endAtOnce?: boolean }): void {
    if (this.#phase !== "open") return;
    this.#begin(code, reason);
    const dropped = this.outbox.finish(encodeWsClose(code, reason), {
      purge: how.purge,
      onFinished: () => {
        this.#isLastWritten = true;
        if (how.endAtOnce === true || this.#peerConcluded) this.#link.socket.end();
      },
    });
    this.#countDropped(dropped, code);
  }

  #peerClosed(code: number, reason: string): void {
    this.#peerConcluded = true;
    this.#reader.stop();
    if (this.#phase !== "open") {
      if (this.#isLastWritten) this.#link.socket.end();
      return;
    }
    this.#begin(code, reason);
    const dropped = this.outbox.finish(encodeWsClose(code, ""), {
      purge: true,
      onFinished: () => this.#link.socket.end(),
    });
    this.#countDropped(dropped, code);
  }

  #begin(code: number, reason: string): void {
    this.#phase = "closing";
    this.#closeTimer = setTimeout(() => this.#link.socket.destroy(), this.#settings.closeTimeoutMs);
    this.#owner.transportClosing(code, reason);
  }

  /** WebSockets have no half-close: a FIN is a disconnect, unless the peer said goodbye before and waits for ours. */
  readonly #peerEnded = (): void => {
    this.#hasPeerEnded = true;
    if (!this.#peerConcluded && !this.#reader.isWaiting) this.#link.socket.destroy();
  };

  /** What the peer sent before its FIN was handled to the end. */
  caughtUp(): void {
    if (this.#hasPeerEnded) this.#peerEnded();
  }

  readonly #socketClosed = (): void => {
    if (this.#phase === "closed") return;
    if (this.#phase === "open") this.#owner.transportClosing(CloseCode.abnormal, "");
    this.#phase = "closed";
    clearTimeout(this.#closeTimer);
    this.#countDropped(this.outbox.close(), CloseCode.abnormal);
    this.#receiver.removeAllListeners();
    this.#receiver.on("error", ignoreSocketError);
    this.#receiver.destroy();
    this.#owner.transportClosed();
  };

  #countDropped(messages: number, code: number): void {
    const { dropped } = this.#settings.stats;
    if (code === CloseCode.slowConsumer) dropped.slow_consumer += messages;
    else dropped.closed += messages;
  }
}

/** Errors of a socket are followed by its close, which is what counts. */
function ignoreSocketError(): void {}

function closeCodeOf(receiverCode: string | undefined): number {
  switch (receiverCode) {
    case "WS_ERR_INVALID_UTF8":
      return CloseCode.invalidData;
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
      return CloseCode.tooBig;
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return CloseCode.policy;
    default:
      return CloseCode.protocolError;
  }
}
