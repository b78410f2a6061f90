/**
 * The way of a complete answer to its visitor, who may be slow: it is over when the socket took all of it, however long
 * that takes, as long as the visitor takes something of it now and then.
 */
import type { Credited, SocketWriter } from "../link/socket_writer.ts";

/** A visitor that takes nothing for so long does not want it any more. */
export const STALL_MS = 60_000;

/** The deliveries over one connection, one at a time. */
export class Delivery implements Credited {
  readonly #writer: SocketWriter;
  readonly #onOver: () => void;
  #waitingBytes = Infinity;
  /** When the visitor was last seen to take something. */
  #takenMs = 0;

  /** `onOver`: the socket took it, or is gone. */
  constructor(writer: SocketWriter, onOver: () => void) {
    this.#writer = writer;
    this.#onOver = onOver;
  }

  /** What was written up to now is on its way. */
  begin(nowMs: number): void {
    this.#waitingBytes = Infinity;
    this.#takenMs = nowMs;
    this.#writer.credit(this, 1);
  }

  consumed(): void {
    this.#onOver();
  }

  /** Looks whether the visitor took nothing for too long. */
  isStalled(nowMs: number): boolean {
    const { waitingBytes } = this.#writer;
    if (waitingBytes < this.#waitingBytes) {
      this.#waitingBytes = waitingBytes;
      this.#takenMs = nowMs;
    }
    return nowMs - this.#takenMs >= STALL_MS;
  }
}
