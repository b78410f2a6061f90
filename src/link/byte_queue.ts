/**
 * A first-in first-out queue of encoded messages that knows how many bytes it holds.
 */
import type { Encoded } from "../core/transport.ts";
import { RingQueue } from "./ring_queue.ts";

/** A lane without a policy: control, requests, stream data. */
export class ByteQueue {
  readonly #queue = new RingQueue<Encoded>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** `maxBytes` bounds what is queued; an empty queue takes one message of any size. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of all queued messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many messages are queued. */
  get length(): number {
    return this.#queue.length;
  }

  /** Queues a message; `false` when there is no room for it. */
  offer(message: Encoded): boolean {
    if (this.#bytes > 0 && this.#bytes + message.bytes > this.#maxBytes) return false;
    this.#queue.push(message);
    this.#bytes += message.bytes;
    return true;
  }

  /** The bytes of the oldest message; 0 when there is none. */
  peekBytes(): number {
    return this.#queue.peek()?.bytes ?? 0;
  }

  /** Takes the oldest message. */
  take(): Encoded | undefined {
    const message = this.#queue.shift();
    if (message !== undefined) this.#bytes -= message.bytes;
    return message;
  }

  /** Forgets everything. */
  clear(): void {
    this.#queue.clear();
    this.#bytes = 0;
  }
}
