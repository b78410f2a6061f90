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
import { SocketSink } from "./socket_sink.ts";
import { ignoreSocketError } from "./socket_transport.ts";
import type { Stream, StreamConsumer, StreamReset } from "./stream.ts";

/** The joint. */
export class SocketPump implements StreamConsumer, Flushable {
  readonly #link: GatedSocket;
  readonly #socket: Socket;
  readonly #sink: SocketSink;
  readonly #flusher: Flusher;
  #stream: Stream | null = null;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  /** What the stream gave and the socket did not take. */
  #unreadBytes = 0;
  #isFlushDue = false;
  #hasStreamEnded = false;
  #hasSocketEnded = false;

  /** `link` has to allow a half-close, and to be paused or not read yet. */
  constructor(link: GatedSocket, flusher: Flusher) {
    this.#link = link;
    this.#socket = link.socket;
    this.#sink = new SocketSink(link.socket);
    this.#flusher = flusher;
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
    if (head.length === 0 || this.#read(head)) this.#link.resume();
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
    if (reset !== null && !this.#socket.destroyed) this.#socket.resetAndDestroy();
  }

  flush(): void {
    this.#isFlushDue = false;
    const parts = this.#parts;
    const bytes = this.#partBytes;
    if (bytes > 0) {
      this.#parts = [];
      this.#partBytes = 0;
      this.#sink.write(this.#flusher.joiner.join(parts), () => this.#consumed(bytes));
    }
    if (this.#hasStreamEnded) this.#socket.end();
  }

  /** Whatever becomes of the socket, each byte is passed on once. */
  #consumed(bytes: number): void {
    const counted = Math.min(bytes, this.#unreadBytes);
    this.#unreadBytes -= counted;
    if (counted > 0) this.#stream?.consumed(counted);
  }

  #ask(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#flusher.schedule(this);
  }

  /** Whether more may be read. */
  readonly #read = (chunk: Uint8Array): boolean => {
    const wantsMore = this.#stream?.write(keptOf(chunk)) ?? false;
    if (!wantsMore) this.#link.pause();
    return wantsMore;
  };

  readonly #socketEnded = (): void => {
    this.#hasSocketEnded = true;
    this.#stream?.end();
  };

  readonly #socketClosed = (): void => {
    // Both directions ended: the stream may still have to write.
    if (!this.#hasSocketEnded || !this.#hasStreamEnded) {
      this.#stream?.reset(StreamCode.localReset, "The local connection broke");
    }
    // What waits here or in the socket nobody takes any more; the connection must not count it for ever.
    this.#parts = [];
    this.#partBytes = 0;
    this.#consumed(this.#unreadBytes);
  };
}
