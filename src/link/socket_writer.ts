/**
 * Writes to a socket what a turn of the event loop brought, in one write. Bytes of streams that are handed over with it
 * count as passed on once the socket took them, or is gone: none counts twice, and none for ever. What waits in the socket
 * does not keep the large buffer alive that it was read from. Whoever writes can see how much the socket did not take
 * yet, and wait until it is less.
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

/** A write that the socket has and did not take yet. */
interface InFlight {
  readonly bytes: number;
  readonly credits: readonly Credit[];
}

/** Who waits until less is held. */
interface Waiting {
  readonly maxBytes: number;
  readonly goOn: () => void;
}

/** The writer. */
export class SocketWriter implements Flushable {
  readonly #socket: Socket;
  readonly #sink: SocketSink;
  readonly #flusher: Flusher;
  #parts: Uint8Array[] = [];
  #credits: Credit[] = [];
  /** The oldest first. */
  readonly #inFlight = new RingQueue<InFlight>();
  #partBytes = 0;
  #inFlightBytes = 0;
  #waiting: Waiting | null = null;
  /** Rises with every write that the socket took. */
  progress = 0;
  #isDue = false;
  #isEnding = false;

  constructor(socket: Socket, flusher: Flusher) {
    this.#socket = socket;
    this.#sink = new SocketSink(socket);
    this.#flusher = flusher;
    socket.once("close", () => this.#released());
  }

  /** Bytes that the socket did not take yet. */
  get heldBytes(): number {
    return this.#partBytes + this.#inFlightBytes;
  }

  /** Calls `goOn` once, as soon as no more than so many bytes are held; never when the socket closes before. */
  whenAtMost(maxBytes: number, goOn: () => void): void {
    this.#waiting = { maxBytes, goOn };
    this.#ask();
  }

  /** Writes bytes, which must not change any more. */
  write(part: Uint8Array): void {
    if (this.#isEnding || part.length === 0) return;
    this.#parts.push(part);
    this.#partBytes += part.length;
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
    const bytes = this.#partBytes;
    if (parts.length > 0) this.#parts = [];
    if (credits.length > 0) this.#credits = [];
    this.#partBytes = 0;
    if (parts.length === 0 || this.#socket.destroyed || this.#write(parts)) {
      this.progress++;
      settle(credits);
    } else {
      this.#inFlight.push({ bytes, credits });
      this.#inFlightBytes += bytes;
    }
    if (this.#isEnding && !this.#socket.destroyed) this.#socket.end();
    this.#tellRoom();
  }

  /** Whether the socket took it at once. */
  #write(parts: readonly Uint8Array[]): boolean {
    const { joiner } = this.#flusher;
    const joined = this.#sink.isBehind ? joiner.join(parts).map(keptOf) : joiner.joinBriefly(parts);
    return this.#sink.write(joined, this.#taken);
  }

  /** The socket took the oldest write. */
  readonly #taken = (): void => {
    const taken = this.#inFlight.shift();
    if (taken === undefined) return;
    this.#inFlightBytes -= taken.bytes;
    this.progress++;
    settle(taken.credits);
    this.#tellRoom();
  };

  #tellRoom(): void {
    const waiting = this.#waiting;
    if (waiting === null || this.heldBytes > waiting.maxBytes) return;
    this.#waiting = null;
    waiting.goOn();
  }

  #released(): void {
    this.#waiting = null;
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
