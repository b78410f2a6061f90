/**
 * Feeds a receiver from a socket within a read budget: in small slices, because a receiver that is stopped still
 * hands out everything that the slice in its hands holds. When the budget is used up the socket is paused and the
 * rest waits for the next turn.
 */
import type { GatedSocket } from "./gated_socket.ts";
import type { ReadBudget } from "./read_budget.ts";
import type { Turns } from "./turns.ts";

/** The largest piece that a receiver gets at once. */
export const SLICE_BYTES = 1024;

/** What a reader is made of. */
export interface BudgetedReaderOptions {
  readonly link: GatedSocket;
  readonly budget: ReadBudget;
  readonly turns: Turns;
  /** Takes a slice; the bytes stay valid. */
  readonly feed: (slice: Uint8Array) => void;
}

/** Reads one socket. */
export class BudgetedReader {
  readonly #options: BudgetedReaderOptions;
  /** Chunks that wait, the first from `#offset` on. */
  #backlog: Uint8Array[] = [];
  #offset = 0;
  #isWaiting = false;
  #isStopped = false;

  constructor(options: BudgetedReaderOptions) {
    this.#options = options;
  }

  /** Starts with bytes that were read already, then reads the socket. */
  start(head: Uint8Array): void {
    this.#options.link.socket.on("data", this.#take);
    if (head.length > 0) this.#take(head);
    if (!this.#isWaiting && !this.#isStopped) this.#options.link.resume();
  }

  /** Feeds nothing more; what still comes is read and thrown away, so that the peer can read our last words. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#backlog = [];
    const { link } = this.#options;
    link.socket.removeListener("data", this.#take);
    link.socket.on("data", discard);
    link.resume();
  }

  readonly #take = (chunk: Uint8Array): void => {
    this.#backlog.push(chunk);
    if (!this.#isWaiting && this.#backlog.length === 1) this.#feedBacklog();
  };

  readonly #continue = (): void => {
    this.#isWaiting = false;
    if (this.#isStopped || this.#options.link.socket.destroyed) return;
    this.#feedBacklog();
    if (!this.#isWaiting) this.#options.link.resume();
  };

  #feedBacklog(): void {
    const { budget, feed } = this.#options;
    for (let chunk = this.#backlog[0]; chunk !== undefined; chunk = this.#backlog[0]) {
      while (this.#offset < chunk.length) {
        if (budget.isSpent()) {
          this.#giveWay();
          return;
        }
        const slice = chunk.subarray(this.#offset, this.#offset + SLICE_BYTES);
        this.#offset += slice.length;
        budget.spendBytes(slice.length);
        feed(slice);
        if (this.#isStopped) return;
      }
      this.#backlog.shift();
      this.#offset = 0;
    }
  }

  #giveWay(): void {
    this.#isWaiting = true;
    this.#options.link.pause();
    this.#options.turns.next(this.#continue);
  }
}

function discard(): void {}
