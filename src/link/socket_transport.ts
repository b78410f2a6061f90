/**
 * What the transports over one socket share: they read within a budget, and their end comes in one order. A goodbye
 * begins at most once, a peer that does not play along is cut, and whatever the peer does the owner hears of the
 * closing and of the close exactly once each, the latter after the socket is gone. What a peer sent before its FIN
 * is handled first.
 */
import type { Duplex } from "node:stream";
import { CloseCode } from "../core/close_codes.ts";
import type { Clock } from "../core/ports.ts";
import { viewOf } from "../core/views.ts";
import type { Encoded, PeerAddress, TransportKind } from "../core/transport.ts";
import type { BytePace } from "../limits/byte_pace.ts";
import { BudgetedReader, SLICE_BYTES, type SliceReceiver } from "./budgeted_reader.ts";
import type { GatedStream } from "./gated_socket.ts";
import type { LinkStats } from "./link_stats.ts";
import type { Outbox } from "./outbox.ts";
import { ReadBudget, type ReadLimits } from "./read_budget.ts";
import { Standstill } from "./standstill.ts";
import type { CloseOptions, Transport, TransportOwner } from "./transport.ts";
import type { Turns } from "./turns.ts";

/** What all transports of one kind share. */
export interface TransportSettings {
  readonly stats: LinkStats;
  readonly clock: Clock;
  /** How long a peer may take to answer a close before it is cut. */
  readonly closeTimeoutMs: number;
  readonly turns: Turns;
  readonly readLimits: ReadLimits;
  /** Told of an error of the program that reading a peer's bytes brought out; it ends that connection with 1011. */
  readonly failed?: (error: unknown) => void;
}

/** What a transport is made of. */
export interface TransportOptions {
  readonly link: GatedStream;
  readonly peer: PeerAddress;
  readonly outbox: Outbox;
  readonly owner: TransportOwner;
  readonly settings: TransportSettings;
  /** The longest message that is read; a longer one ends the connection with 1009. */
  readonly maxMessageBytes: number;
}

/** The last message of a connection. */
export interface Goodbye {
  readonly last: Encoded;
  /** Whether what waits is dropped rather than written before it. */
  readonly purge: boolean;
  /** The socket took it. */
  readonly onWritten: () => void;
}

/**
 * So many bytes of a message that is not there yet are a sign of life: a peer cannot answer in the middle of one. Fewer
 * are none, or a byte now and then would keep a connection, and what it holds of a message, for ever.
 */
const LIFE_BYTES = 1024;

/** One open connection. */
export abstract class SocketTransport implements Transport, SliceReceiver {
  abstract readonly kind: TransportKind;
  readonly peer: PeerAddress;
  readonly outbox: Outbox;
  protected readonly socket: Duplex;
  protected readonly owner: TransportOwner;
  protected readonly settings: TransportSettings;
  protected readonly budget: ReadBudget;
  protected readonly reader: BudgetedReader;
  #phase: "open" | "closing" | "closed" = "open";
  #hasPeerEnded = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #lastHeardMs: number;
  /** Bytes of messages under way since the last sign of life. */
  #partBytes = 0;
  readonly #link: GatedStream;
  readonly #standstill = new Standstill();

  constructor({ link, peer, outbox, owner, settings }: TransportOptions) {
    this.peer = peer;
    this.outbox = outbox;
    this.socket = link.socket;
    this.#link = link;
    this.owner = owner;
    this.settings = settings;
    this.#lastHeardMs = settings.clock.now();
    const { turns, readLimits } = settings;
    this.budget = new ReadBudget(readLimits, turns);
    this.reader = new BudgetedReader({ link, turns, budget: this.budget, receiver: this });
  }

  abstract ask(): void;
  abstract expire(): void;
  abstract close(code: number, reason: string, options?: CloseOptions): void;

  /** Takes a slice, whose bytes stay valid; gives how many it took: not all when the budget was used up in it. */
  protected abstract feed(slice: Uint8Array): number;

  /** The peer sent its FIN, and all that came before it was fed. */
  protected abstract peerEnded(): void;

  start(head: Uint8Array): void {
    const { socket } = this;
    socket.on("end", this.#ended);
    socket.on("close", this.#socketClosed);
    socket.on("error", ignoreSocketError);
    if (socket.destroyed) {
      this.#socketClosed();
      return;
    }
    this.reader.start(head);
    // Over TLS the FIN may have come with the bytes before it, when nobody listened yet.
    if (socket.readableEnded) this.#ended();
  }

  /** An error of the program is the end of this connection, never of all others. */
  takeFrom(chunk: Uint8Array, from: number): number {
    try {
      return this.take(chunk, from);
    } catch (error) {
      this.#failed(error);
      return chunk.length;
    }
  }

  /** Takes what begins at `from`; see {@link SliceReceiver.takeFrom}. */
  protected take(chunk: Uint8Array, from: number): number {
    const { pace } = this.budget;
    const most = pace === null ? this.sliceBytes : Math.min(this.sliceBytes, pace.pieceBytes);
    const end = Math.min(chunk.length, from + most);
    return from + this.feed(from === 0 && end === chunk.length ? chunk : viewOf(chunk, from, end));
  }

  /** The largest piece that is fed at once. */
  protected get sliceBytes(): number {
    return SLICE_BYTES;
  }

  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /** Whether a limit, or the load of the hub, lets nothing of it be read. */
  get isHeld(): boolean {
    return this.budget.isHeld;
  }

  stalledMs(nowMs: number): number {
    const { outbox } = this;
    return outbox.isBehind ? this.#standstill.look(nowMs, outbox.progress) : this.#standstill.rest();
  }

  stalled(): void {
    this.close(CloseCode.slowConsumer, "Takes nothing of what it is sent");
  }

  get unfinishedBytes(): number {
    return this.partialBytes + (this.#link.unfinishedBytes ?? 0);
  }

  destroy(): void {
    this.socket.destroy();
  }

  pace({ reading, writing }: { readonly reading: BytePace; readonly writing: BytePace }): void {
    this.budget.pace = reading;
    this.outbox.pace = writing;
  }

  caughtUp(): void {
    if (this.#hasPeerEnded) this.peerEnded();
  }

  /** Whether no goodbye has begun. */
  protected get isOpen(): boolean {
    return this.#phase === "open";
  }

  /** Bytes that are held of messages that are not there to their end. */
  protected abstract get partialBytes(): number;

  /** The peer showed that it lives. */
  protected heard(): void {
    this.#partBytes = 0;
    this.#lastHeardMs = this.settings.clock.now();
  }

  /** Bytes came of a message that is not there to its end: so many of them show that the peer lives. */
  protected heardPart(bytes: number): void {
    this.#partBytes += bytes;
    if (this.#partBytes >= LIFE_BYTES) this.heard();
  }

  /** Begins a goodbye; whether there was none before. */
  protected begin(code: number, reason: string): boolean {
    if (this.#phase !== "open") return false;
    this.#phase = "closing";
    this.#closeTimer = setTimeout(() => this.socket.destroy(), this.settings.closeTimeoutMs);
    this.owner.transportClosing(code, reason);
    return true;
  }

  /** Begins a goodbye, if there was none before, and writes its last message. */
  protected sayGoodbye(code: number, reason: string, { last, purge, onWritten }: Goodbye): void {
    if (!this.begin(code, reason)) return;
    this.#countDropped(this.outbox.finish(last, { purge, onFinished: onWritten }), code);
  }

  /**
   * Ends without ending the socket: writes what waits and then `last`, and gives the socket away with what was read of
   * it and not fed. The new owner has it before the old one hears of the close. A peer that does not read is cut.
   */
  protected giveAway(last: Encoded, next: (head: Uint8Array) => void): void {
    this.reader.hold();
    if (!this.begin(CloseCode.normal, "")) return;
    this.outbox.finish(last, { purge: false, onFinished: () => this.#gaveAway(next) });
  }

  /** Says goodbye because of an error of the program, after which nothing more is read. */
  protected fail(reason: string): void {
    this.close(CloseCode.internal, reason);
  }

  /** The socket is gone, and so is everything that holds it. */
  protected released(): void {}

  readonly #ended = (): void => {
    this.#hasPeerEnded = true;
    if (!this.reader.isWaiting) this.peerEnded();
  };

  readonly #socketClosed = (): void => {
    if (this.#phase === "closed") return;
    if (this.#phase === "open") this.owner.transportClosing(CloseCode.abnormal, "");
    this.#phase = "closed";
    clearTimeout(this.#closeTimer);
    this.reader.closed();
    this.#countDropped(this.outbox.close(), CloseCode.abnormal);
    this.released();
    this.owner.transportClosed();
  };

  #gaveAway(next: (head: Uint8Array) => void): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    clearTimeout(this.#closeTimer);
    this.socket.removeListener("end", this.#ended);
    this.socket.removeListener("close", this.#socketClosed);
    this.outbox.close();
    this.released();
    next(this.reader.detach());
    this.owner.transportClosed();
  }

  #failed(error: unknown): void {
    this.settings.failed?.(error);
    this.reader.stop();
    try {
      this.fail("An error of this end");
    } catch (second) {
      // What failed may be what a goodbye needs.
      this.settings.failed?.(second);
      this.socket.destroy();
    }
  }

  #countDropped(messages: number, code: number): void {
    const { dropped } = this.settings.stats;
    if (code === CloseCode.slowConsumer) dropped.slow_consumer += messages;
    else dropped.closed += messages;
  }
}

/**
 * Whether a goodbye with this code lets what waits go first: where it is nobody's fault, and where what waits says
 * what was wrong.
 */
export function isPatient(code: number): boolean {
  return code === CloseCode.draining || code === CloseCode.normal || code === CloseCode.goingAway ||
    code === CloseCode.policy;
}

/** Errors of a socket are followed by its close, which is what counts. */
export function ignoreSocketError(): void {}
