/**
 * Writes to a socket what a turn of the event loop brought, in one write. Bytes of streams that are handed over with it
 * count as passed on once the socket took them, or is gone: none counts twice, and none for ever.
 */
import type { Socket } from "node:net";
import type { Flushable, Flusher } from "./flusher.ts";
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
  /** Of what the socket has and did not write yet. */
  readonly #inFlight = new Set<readonly Credit[]>();
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
    const [parts, credits] = [this.#parts, this.#credits];
    this.#parts = [];
    this.#credits = [];
    this.#inFlight.add(credits);
    if (parts.length === 0 || this.#socket.destroyed) this.#settle(credits);
    else this.#sink.write(this.#flusher.joiner.join(parts), () => this.#settle(credits));
    if (this.#isEnding && !this.#socket.destroyed) this.#socket.end();
  }

  #settle(credits: readonly Credit[]): void {
    if (!this.#inFlight.delete(credits)) return;
    for (const { stream, bytes } of credits) stream.consumed(bytes);
  }

  #released(): void {
    for (const credits of this.#inFlight) this.#settle(credits);
  }

  #ask(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#flusher.schedule(this);
  }
}
