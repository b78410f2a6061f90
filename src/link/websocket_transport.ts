/**
 * The server's end of one WebSocket after its handshake: reads with the receiver of `ws` fed from our own
 * data listener, writes through the outbox, and does the closing handshake so that it always ends. Whatever
 * the peer does, `closed` is called exactly once, after the socket is gone.
 */
import { CloseCode } from "../core/close_codes.ts";
import type { Clock } from "../core/ports.ts";
import type { PeerAddress, Transport } from "../core/transport.ts";
import { encodeWsClose, encodeWsFrame, WsOpcode } from "../wire/ws_frame.ts";
import { BudgetedReader } from "./budgeted_reader.ts";
import type { GatedSocket } from "./gated_socket.ts";
import type { HeartbeatPeer } from "./heartbeat.ts";
import type { LinkStats } from "./link_stats.ts";
import type { Outbox } from "./outbox.ts";
import { ReadBudget, type ReadLimits } from "./read_budget.ts";
import type { Turns } from "./turns.ts";
// @ts-types="./ws_types.d.ts"
import { Receiver } from "ws";

/** What the transport tells its owner. */
export interface WebSocketHandlers {
  /** A whole message; gives the number of deliveries that it caused. The bytes are a view that stays valid. */
  message(data: Uint8Array, isBinary: boolean): number;
  /** The closing handshake began, by either side: nothing more is taken. */
  closing(code: number, reason: string): void;
  /** The socket is gone. */
  closed(): void;
}

/** What the transport is made of. */
export interface WebSocketTransportOptions {
  readonly link: GatedSocket;
  readonly peer: PeerAddress;
  readonly outbox: Outbox;
  readonly stats: LinkStats;
  readonly clock: Clock;
  /** The longest message that is read; a longer one ends the connection with 1009. */
  readonly maxMessageBytes: number;
  /** How long a peer may take to answer a close before it is cut. */
  readonly closeTimeoutMs: number;
  readonly turns: Turns;
  readonly readLimits: ReadLimits;
}

const MAX_FRAGMENTS = 1024;
/** A message may arrive in pieces of this size on average; smaller ones would cost more memory than they carry. */
const MIN_MEAN_CHUNK_BYTES = 256;
const MIN_BUFFERED_CHUNKS = 1024;
const PING = encodeWsFrame(WsOpcode.ping, new Uint8Array(0));
const REASON_DECODER = new TextDecoder();

/** One open WebSocket. */
export class WebSocketTransport implements Transport, HeartbeatPeer {
  readonly kind = "websocket";
  readonly peer: PeerAddress;
  readonly #options: WebSocketTransportOptions;
  readonly #receiver: Receiver;
  readonly #budget: ReadBudget;
  readonly #reader: BudgetedReader;
  #handlers: WebSocketHandlers | null = null;
  #phase: "open" | "closing" | "closed" = "open";
  #peerConcluded = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Bytes read since the last whole message or control frame: a long message on its way. */
  #partialBytes = 0;
  #lastHeardMs: number;

  constructor(options: WebSocketTransportOptions) {
    this.#options = options;
    this.peer = options.peer;
    this.#lastHeardMs = options.clock.now();
    this.#receiver = new Receiver({
      isServer: true,
      maxPayload: options.maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: Math.max(MIN_BUFFERED_CHUNKS, options.maxMessageBytes / MIN_MEAN_CHUNK_BYTES),
      skipUTF8Validation: false,
      allowSynchronousEvents: true,
    });
    const { link, turns, readLimits } = options;
    this.#budget = new ReadBudget(readLimits, turns);
    this.#reader = new BudgetedReader({ link, turns, budget: this.#budget, feed: this.#feed });
  }

  /** Starts reading; `head` is what arrived behind the handshake. */
  start(head: Uint8Array, handlers: WebSocketHandlers): void {
    this.#handlers = handlers;
    this.#listenToReceiver();
    const { socket } = this.#options.link;
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
    this.#options.outbox.push("control", PING);
  }

  expire(): void {
    this.#closeWith(CloseCode.heartbeatTimeout, "No answer to pings", { purge: true });
  }

  close(code: number, reason: string): void {
    const purge = code !== CloseCode.draining && code !== CloseCode.normal && code !== CloseCode.goingAway;
    this.#closeWith(code, reason, { purge });
  }

  destroy(): void {
    this.#options.link.socket.destroy();
  }

  readonly #feed = (slice: Uint8Array): void => {
    this.#options.stats.bytesReceived += slice.length;
    if (this.#partialBytes > 0) this.#lastHeardMs = this.#options.clock.now();
    this.#partialBytes += slice.length;
    this.#receiver.write(slice);
  };

  #listenToReceiver(): void {
    const { outbox, stats, clock } = this.#options;
    this.#receiver.on("message", (data, isBinary) => {
      this.#partialBytes = 0;
      if (this.#phase !== "open") return;
      stats.messagesReceived++;
      this.#budget.spendMessage(this.#handlers?.message(data, isBinary) ?? 0);
    });
    this.#receiver.on("ping", (data) => {
      this.#partialBytes = 0;
      outbox.pushPong(encodeWsFrame(WsOpcode.pong, data));
    });
    this.#receiver.on("pong", () => {
      this.#partialBytes = 0;
      this.#lastHeardMs = clock.now();
    });
    this.#receiver.on("conclude", (code, reason) => this.#peerClosed(code, REASON_DECODER.decode(reason)));
    this.#receiver.on("error", (error) => {
      this.#reader.stop();
      this.#closeWith(closeCodeOf(error.code), error.message, { purge: true, endAtOnce: true });
    });
  }

  #closeWith(code: number, reason: string, how: { purge: boolean; endAtOnce?: boolean }): void {
    if (this.#phase !== "open") return;
    this.#begin(code, reason);
    const dropped = this.#options.outbox.finish(encodeWsClose(code, reason), {
      purge: how.purge,
      onFinished: () => {
        if (how.endAtOnce === true || this.#peerConcluded) this.#options.link.socket.end();
      },
    });
    this.#countDropped(dropped, code);
  }

  #peerClosed(code: number, reason: string): void {
    this.#peerConcluded = true;
    this.#reader.stop();
    const { outbox, link } = this.#options;
    if (this.#phase !== "open") {
      link.socket.end();
      return;
    }
    this.#begin(code, reason);
    const dropped = outbox.finish(encodeWsClose(code, ""), {
      purge: true,
      onFinished: () => link.socket.end(),
    });
    this.#countDropped(dropped, code);
  }

  #begin(code: number, reason: string): void {
    this.#phase = "closing";
    this.#closeTimer = setTimeout(() => this.#options.link.socket.destroy(), this.#options.closeTimeoutMs);
    this.#handlers?.closing(code, reason);
  }

  readonly #peerEnded = (): void => {
    this.#options.link.socket.destroy();
  };

  readonly #socketClosed = (): void => {
    if (this.#phase === "closed") return;
    if (this.#phase === "open") this.#handlers?.closing(CloseCode.abnormal, "");
    this.#phase = "closed";
    clearTimeout(this.#closeTimer);
    this.#countDropped(this.#options.outbox.close(), CloseCode.abnormal);
    this.#receiver.removeAllListeners();
    this.#receiver.on("error", ignoreSocketError);
    this.#receiver.destroy();
    this.#handlers?.closed();
  };

  #countDropped(messages: number, code: number): void {
    const { dropped } = this.#options.stats;
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
