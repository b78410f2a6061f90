/**
 * Joins a socket and a stream: what one gets the other writes, each at the pace of the slower, with a half-close in
 * both directions and a reset that stays a reset. What a turn brought leaves in one write; large pieces are not
 * copied. The pump owns the socket from the moment it starts.
 */
import type { Socket } from "node:net";
import { StreamCode } from "../core/stream_codes.ts";
import { keptOf } from "../core/views.ts";
import type { Flushable, Flusher } from "./flusher.ts";
import type { GatedSocket } from "./gated_socket.ts";
import { passedOn, passedOnCopied, track } from "./read_memory.ts";
import { SocketSink } from "./socket_sink.ts";
import { ignoreSocketError } from "./socket_transport.ts";
import type { Stream, StreamConsumer, StreamReset } from "./stream.ts";

/** What went through sockets, counted by who passed it on. */
export interface ByteMeter {
  /** Bytes that were read from sockets. */
  bytesRead: number;
  /** Bytes that were written to sockets. */
  bytesWritten: number;
}

/** Why a stream cannot go on whose socket is gone. */
export type PumpFailure = Pick<StreamReset, "code" | "reason" | "notStarted">;

/** What a pump may have more. */
export interface SocketPumpOptions {
  /** Counts what goes through. @default nobody does */
  readonly meter?: ByteMeter;
  /** Why the socket closed in the middle. @default it broke */
  readonly failure?: () => PumpFailure;
  /** Told once, when stream and socket are over. `null`: both directions ended. */
  readonly onClosed?: (reset: StreamReset | null) => void;
}

const BROKE: PumpFailure = {
  code: StreamCode.localReset,
  reason: "The local connection broke",
  notStarted: false,
};

/** The joint. */
export class SocketPump implements StreamConsumer, Flushable {
  readonly #link: GatedSocket;
  readonly #socket: Socket;
  readonly #sink: SocketSink;
  readonly #flusher: Flusher;
  readonly #meter: ByteMeter;
  readonly #failure: () => PumpFailure;
  readonly #onClosed: ((reset: StreamReset | null) => void) | null;
  #stream: Stream | null = null;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  /** What the stream gave and the socket did not take. */
  #unreadBytes = 0;
  #isFlushDue = false;
  #hasStreamEnded = false;
  #hasSocketEnded = false;
  /** Changes with every byte that went through, in either direction. */
  progress = 0;

  /** `link` has to allow a half-close, and to be paused, not read yet, or still connecting. */
  constructor(link: GatedSocket, flusher: Flusher, options: SocketPumpOptions = {}) {
    this.#link = link;
    this.#socket = link.socket;
    this.#sink = new SocketSink(link.socket);
    this.#flusher = flusher;
    this.#meter = options.meter ?? { bytesRead: 0, bytesWritten: 0 };
    this.#failure = options.failure ?? (() => BROKE);
    this.#onClosed = options.onClosed ?? null;
  }

  /** Reads the socket into the stream from now on, `head` first: bytes that were read already. */
  start(stream: Stream, head: Uint8Array = new Uint8Array(0)): void {
    this.#stream = stream;
    this.#socket.on("error", ignoreSocketError);
    this.#socket.on("end", this.#socketEnded);
    this.#socket.on("close", this.#socketClosed);
    if (this.#socket.destroyed) {
      this.#socketClosed();
      return;
    }
    this.#socket.on("data", this.#read);
    if (head.length === 0 || this.#pass(head)) this.#link.resume();
  }

  data(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#partBytes += bytes.length;
    this.#unreadBytes += bytes.length;
    this.#ask();
  }

  end(): void {
    this.#hasStreamEnded = true;
    this.#ask();
  }

  drained(): void {
    this.#link.resume();
  }

  closed(reset: StreamReset | null): void {
    if (reset !== null && !this.#socket.destroyed) this.#link.reset();
    this.#onClosed?.(reset);
  }

  flush(): void {
    this.#isFlushDue = false;
    const parts = this.#parts;
    const bytes = this.#partBytes;
    if (bytes > 0) {
      this.#parts = [];
      this.#partBytes = 0;
      const joined = this.#flusher.joiner.join(parts);
      // What waits in the socket must not keep alive what it was cut from.
      const kept = this.#sink.isBehind ? joined.map(keptOf) : joined;
      const reads = passedOnCopied(parts, kept);
      const isTaken = this.#sink.write(kept, () => this.#written(reads, bytes));
      if (isTaken) this.#written(reads, bytes);
    }
    if (this.#hasStreamEnded) this.#socket.end();
  }

  #written(reads: readonly Uint8Array[], bytes: number): void {
    for (const read of reads) passedOn(read);
    this.#consumed(bytes);
  }

  /** Whatever becomes of the socket, each byte is passed on once. */
  #consumed(bytes: number): void {
    const counted = Math.min(bytes, this.#unreadBytes);
    this.#unreadBytes -= counted;
    this.#meter.bytesWritten += counted;
    this.progress += counted;
    if (counted > 0) this.#stream?.consumed(counted);
  }

  #ask(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#flusher.schedule(this);
  }

  readonly #read = (chunk: Uint8Array): void => {
    track(chunk);
    this.#pass(chunk);
  };

  /** Whether more may be read. */
  #pass(chunk: Uint8Array): boolean {
    this.#meter.bytesRead += chunk.length;
    this.progress += chunk.length;
    const wantsMore = this.#stream?.write(chunk) ?? false;
    if (!wantsMore) this.#link.pause();
    return wantsMore;
  }

  readonly #socketEnded = (): void => {
    this.#hasSocketEnded = true;
    this.#stream?.end();
  };

  readonly #socketClosed = (): void => {
    // Both directions ended: the stream may still have to write.
    if (!this.#hasSocketEnded || !this.#hasStreamEnded) {
      const { code, reason, notStarted } = this.#failure();
      this.#stream?.reset(code, reason, { notStarted });
    }
    // What waits here or in the socket nobody takes any more; the connection must not count it for ever.
    this.#parts = [];
    this.#partBytes = 0;
    this.#consumed(this.#unreadBytes);
  };
}
