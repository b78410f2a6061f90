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

/** What a turn brought, as it waits for its turn. */
interface Batch {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly credits: Credit[];
}

/**
 * A socket that has so much gets nothing more before it took of it. It passes on all that it has in one write, of which
 * nobody sees a part: only in small steps it shows whether the peer takes anything.
 */
const MAX_IN_SOCKET_BYTES = 256 * 1024;

/** The writer. */
export class SocketWriter implements Flushable {
  readonly #socket: Socket;
  readonly #sink: SocketSink;
  readonly #flusher: Flusher;
  #parts: Uint8Array[] = [];
  #credits: Credit[] = [];
  /** What the socket did not get yet. */
  readonly #held = new RingQueue<Batch>();
  #heldBytes = 0;
  #writtenBytes = 0;
  /** The credits of each write that the socket has and did not take yet, the oldest first. */
  readonly #inFlight = new RingQueue<readonly Credit[]>();
  /** The credits of what was written last, as long as it was not taken. */
  #newest: Credit[] | null = null;
  #isDue = false;
  #isEnding = false;

  constructor(socket: Socket, flusher: Flusher) {
    this.#socket = socket;
    this.#sink = new SocketSink(socket);
    this.#flusher = flusher;
    socket.once("close", () => this.#released());
  }

  /** What was written and the socket did not take; it shrinks as the peer takes it. */
  get waitingBytes(): number {
    return bytesOf(this.#parts) + this.#heldBytes + this.#sink.waitingBytes;
  }

  /** What the peer's side took so far; rises as long as it takes anything. */
  get takenBytes(): number {
    return this.#writtenBytes - this.waitingBytes;
  }

  /** Writes bytes, which must not change any more. */
  write(part: Uint8Array): void {
    if (this.#isEnding || part.length === 0) return;
    this.#parts.push(part);
    this.#writtenBytes += part.length;
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
    // Credits of what is written may get others later, which are none of the next flush.
    if (parts.length + credits.length > 0) this.#credits = [];
    if (this.#socket.destroyed) settle(credits);
    else if (parts.length === 0) this.#creditNewest(credits);
    else if (this.#heldBytes > 0 || this.#isFull) this.#hold(parts, credits);
    else if (this.#write(parts)) settle(credits);
    else this.#sent(credits);
    this.#endIfDue();
  }

  /** Whether the socket gets nothing more before it took of what it has. */
  get #isFull(): boolean {
    return this.#inFlight.length > 0 && this.#sink.waitingBytes >= MAX_IN_SOCKET_BYTES;
  }

  /** Nothing was written with them: they count with what was written before. */
  #creditNewest(credits: readonly Credit[]): void {
    if (this.#newest === null) return settle(credits);
    this.#newest.push(...credits);
  }

  #hold(parts: readonly Uint8Array[], credits: Credit[]): void {
    const bytes = bytesOf(parts);
    this.#held.push({ parts: this.#flusher.joiner.join(parts).map(keptOf), bytes, credits });
    this.#heldBytes += bytes;
    this.#newest = credits;
  }

  #sent(credits: Credit[]): void {
    this.#inFlight.push(credits);
    this.#newest = credits;
  }

  #endIfDue(): void {
    if (this.#isEnding && this.#heldBytes === 0 && !this.#socket.destroyed) this.#socket.end();
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
    if (credits === undefined) return;
    if (credits === this.#newest) this.#newest = null;
    settle(credits);
    if (this.#heldBytes === 0) return;
    while (this.#heldBytes > 0 && !this.#isFull) this.#sendHeld();
    this.#endIfDue();
  };

  #sendHeld(): void {
    const batch = this.#held.shift();
    if (batch === undefined) return;
    this.#heldBytes -= batch.bytes;
    if (!this.#sink.write(batch.parts, this.#taken)) return this.#inFlight.push(batch.credits);
    if (batch.credits === this.#newest) this.#newest = null;
    settle(batch.credits);
  }

  /** The socket is gone. */
  #released(): void {
    this.#newest = null;
    for (let credits = this.#inFlight.shift(); credits !== undefined; credits = this.#inFlight.shift()) {
      settle(credits);
    }
    for (let batch = this.#held.shift(); batch !== undefined; batch = this.#held.shift()) {
      settle(batch.credits);
    }
    this.#heldBytes = 0;
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

function bytesOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { length } of parts) bytes += length;
  return bytes;
}
