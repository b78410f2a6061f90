/**
 * Writes to a socket what a turn of the event loop brought, in one write. Bytes of streams that are handed over with it
 * count as passed on once the socket took them, or is gone: none counts twice, and none for ever. What waits in the socket
 * does not keep the large buffer alive that it was read from.
 */
import type { Socket } from "node:net";
import { keptOf } from "../core/views.ts";
import type { Flushable, Flusher } from "./flusher.ts";
import { passedOn, passedOnCopied } from "./read_memory.ts";
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

/** What has to be told once the socket took a write. */
interface Sent {
  readonly credits: Credit[];
  /** Parts of it that are watched: {@link passedOn}. */
  readonly reads: readonly Uint8Array[];
}

/** What a turn brought, as it waits for its turn. */
interface Batch extends Sent {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
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
  /** The writes that the socket has and did not take yet, the oldest first. */
  readonly #inFlight = new RingQueue<Sent>();
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
    if (this.#socket.destroyed) credit(credits);
    else if (parts.length === 0) this.#creditNewest(credits);
    else if (this.#heldBytes > 0 || this.#isFull) this.#hold(parts, credits);
    else this.#write(parts, credits);
    this.#endIfDue();
  }

  /** Whether the socket gets nothing more before it took of what it has. */
  get #isFull(): boolean {
    return this.#inFlight.length > 0 && this.#sink.waitingBytes >= MAX_IN_SOCKET_BYTES;
  }

  /** Nothing was written with them: they count with what was written before. */
  #creditNewest(credits: readonly Credit[]): void {
    if (this.#newest === null) return credit(credits);
    this.#newest.push(...credits);
  }

  #hold(parts: readonly Uint8Array[], credits: Credit[]): void {
    const bytes = bytesOf(parts);
    const kept = this.#flusher.joiner.join(parts).map(keptOf);
    this.#held.push({ parts: kept, bytes, credits, reads: passedOnCopied(parts, kept) });
    this.#heldBytes += bytes;
    this.#newest = credits;
  }

  #endIfDue(): void {
    if (this.#isEnding && this.#heldBytes === 0 && !this.#socket.destroyed) this.#socket.end();
  }

  #write(parts: readonly Uint8Array[], credits: Credit[]): void {
    const { joiner } = this.#flusher;
    const joined = this.#sink.isBehind ? joiner.join(parts).map(keptOf) : joiner.joinBriefly(parts);
    const sent = { credits, reads: passedOnCopied(parts, joined) };
    if (this.#sink.write(joined, this.#taken)) return settle(sent);
    this.#inFlight.push(sent);
    this.#newest = credits;
  }

  /** The socket took the oldest write. */
  readonly #taken = (): void => {
    const sent = this.#inFlight.shift();
    if (sent === undefined) return;
    if (sent.credits === this.#newest) this.#newest = null;
    settle(sent);
    if (this.#heldBytes === 0) return;
    while (this.#heldBytes > 0 && !this.#isFull) this.#sendHeld();
    this.#endIfDue();
  };

  #sendHeld(): void {
    const batch = this.#held.shift();
    if (batch === undefined) return;
    this.#heldBytes -= batch.bytes;
    if (!this.#sink.write(batch.parts, this.#taken)) return this.#inFlight.push(batch);
    if (batch.credits === this.#newest) this.#newest = null;
    settle(batch);
  }

  /** The socket is gone. */
  #released(): void {
    this.#newest = null;
    for (const queue of [this.#inFlight, this.#held]) {
      for (let sent = queue.shift(); sent !== undefined; sent = queue.shift()) credit(sent.credits);
    }
    this.#heldBytes = 0;
  }

  #ask(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#flusher.schedule(this);
  }
}

/** The socket took it. */
function settle({ credits, reads }: Sent): void {
  for (const read of reads) passedOn(read);
  credit(credits);
}

function credit(credits: readonly Credit[]): void {
  for (const { stream, bytes } of credits) stream.consumed(bytes);
}

function bytesOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { length } of parts) bytes += length;
  return bytes;
}
