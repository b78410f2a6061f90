/**
 * A first-in first-out queue of encoded messages that knows how many bytes it holds.
 */
import type { Encoded } from "../core/transport.ts";
import type { LaneBounds } from "./lane.ts";
import { RingQueue } from "./ring_queue.ts";

/** A lane without a policy: control, requests, stream data. */
export class ByteQueue {
  readonly #queue = new RingQueue<Encoded>();
  readonly #bounds: LaneBounds;
  #bytes = 0;

  constructor(bounds: LaneBounds) {
    this.#bounds = bounds;
  }

  /** Bytes that all queued messages take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many messages are queued. */
  get length(): number {
    return this.#queue.length;
  }

  /** Queues a message; `false` when there is no room for it. */
  offer(message: Encoded): boolean {
    const bytes = message.bytes + this.#bounds.messageOverheadBytes;
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bounds.maxBytes) return false;
    this.#queue.push(message);
    this.#bytes += bytes;
    return true;
  }

  /** The bytes of the oldest message; 0 when there is none. */
  peekBytes(): number {
    return this.#queue.peek()?.bytes ?? 0;
  }

  /** Takes the oldest message. */
  take(): Encoded | undefined {
    const message = this.#queue.shift();
    if (message !== undefined) this.#bytes -= message.bytes + this.#bounds.messageOverheadBytes;
    return message;
  }

  /** Forgets everything. */
  clear(): void {
    this.#queue.clear();
    this.#bytes = 0;
  }
}
