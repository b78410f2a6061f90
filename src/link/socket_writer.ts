/**
 * Writes to a socket what a turn of the event loop brought, in one write. Bytes of streams that are handed over with it
 * count as passed on once the socket took them, or is gone: none counts twice, and none for ever. What waits in the socket
 * does not keep the large buffer alive that it was read from.
 */
import type { Socket } from "node:net";
import { keptOf } from "../core/views.ts";
import type { Flushable, Flusher } from "./flusher.ts";
import { RingQueue } from "./ring_queue.ts";
import { SocketSink } from "./socket_sink.ts";

/** Whose bytes are written. */
export interface Credited {
  /** So many of its bytes were passed on. */
  consumed(bytes: number): void;
}

interface Credit {
  readonly stream: Credited;
  bytes: number;
}

/** The writer. */
export class SocketWriter implements Flushable {
  readonly #socket: Socket;
  readonly #sink: SocketSink;
  readonly #flusher: Flusher;
  #parts: Uint8Array[] = [];
  #credits: Credit[] = [];
  /** The credits of each write that the socket has and did not take yet, the oldest first. */
  readonly #inFlight = new RingQueue<readonly Credit[]>();
  #isDue = false;
  #isEnding = false;

  constructor(socket: Socket, flusher: Flusher) {
    this.#socket = socket;
    this.#sink = new SocketSink(socket);
    this.#flusher = flusher;
    socket.once("close", () => this.#released());
  }

  /** Writes bytes, which must not change any more. */
  write(part: Uint8Array): void {
    if (this.#isEnding || part.length === 0) return;
    this.#parts.push(part);
    this.#ask();
  }

  /** So many bytes of a stream are passed on with what was written up to now. */
  credit(stream: Credited, bytes: number): void {
    const last = this.#credits.at(-1);
    if (last?.stream === stream) last.bytes += bytes;
    else this.#credits.push({ stream, bytes });
    this.#ask();
  }

  /** Ends the socket behind what was written. */
  end(): void {
    this.#isEnding = true;
    this.#ask();
  }

  flush(): void {
    this.#isDue = false;
    const parts = this.#parts;
    const credits = this.#credits;
    if (parts.length > 0) this.#parts = [];
    if (credits.length > 0) this.#credits = [];
    if (parts.length === 0 || this.#socket.destroyed || this.#write(parts)) settle(credits);
    else this.#inFlight.push(credits);
    if (this.#isEnding && !this.#socket.destroyed) this.#socket.end();
  }

  /** Whether the socket took it at once. */
  #write(parts: readonly Uint8Array[]): boolean {
    const { joiner } = this.#flusher;
    const joined = this.#sink.isBehind ? joiner.join(parts).map(keptOf) : joiner.joinBriefly(parts);
    return this.#sink.write(joined, this.#taken);
  }

  /** The socket took the oldest write. */
  readonly #taken = (): void => {
    const credits = this.#inFlight.shift();
    if (credits !== undefined) settle(credits);
  };

  #released(): void {
    while (this.#inFlight.length > 0) this.#taken();
  }

  #ask(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#flusher.schedule(this);
  }
}

function settle(credits: readonly Credit[]): void {
  for (const { stream, bytes } of credits) stream.consumed(bytes);
}
