/**
 * Feeds a receiver from a socket within a read budget: in whole messages or in small slices, because a receiver that
 * is stopped still hands out everything that the slice in its hands holds. When the budget is used up the socket is
 * paused and the rest waits for the next turn. Its owner may hold it back for longer, and may take what was read and not
 * fed away with the socket.
 */
import { concat } from "../core/concat.ts";
import type { GatedStream } from "./gated_socket.ts";
import type { ReadBudget } from "./read_budget.ts";
import type { Turns, Waiting } from "./turns.ts";

/**
 * The largest piece that a receiver takes at once, unless it ends a message. Smaller ones would leave fewer deliveries to
 * join in a turn: with one message at a time a fan-out to 1,000 costs a third more.
 */
export const SLICE_BYTES = 1024;

/** So long a wait is looked at again. */
const LOOK_AGAIN_MS = 1000;

/** Who gets the bytes. */
export interface SliceReceiver {
  /**
   * Takes the messages that begin within {@link SLICE_BYTES} from `from`, or a slice; gives where that ended: at `from`
   * itself when the budget was used up in it. The bytes stay valid.
   */
  takeFrom(chunk: Uint8Array, from: number): number;
  /** Everything that waited for a later turn was fed. */
  caughtUp(): void;
}

/** What a reader is made of. */
export interface BudgetedReaderOptions {
  readonly link: GatedStream;
  readonly budget: ReadBudget;
  readonly turns: Turns;
  readonly receiver: SliceReceiver;
}

const NOTHING: readonly Uint8Array[] = [];

/** Reads one socket. */
export class BudgetedReader implements Waiting {
  readonly #link: GatedStream;
  readonly #budget: ReadBudget;
  readonly #turns: Turns;
  readonly #receiver: SliceReceiver;
  /** Chunks that wait, the first from `#offset` on. */
  #backlog: readonly Uint8Array[] = NOTHING;
  #offset = 0;
  #isWaiting = false;
  #isHeld = false;
  #isStopped = false;
  /** Runs while the pace lets nothing be read. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ link, budget, turns, receiver }: BudgetedReaderOptions) {
    this.#link = link;
    this.#budget = budget;
    this.#turns = turns;
    this.#receiver = receiver;
  }

  /** Whether bytes that were read wait for the next turn. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Whether it feeds nothing until {@link release}. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Starts with bytes that were read already, then reads the socket, unless it was stopped before. */
  start(head: Uint8Array): void {
    if (this.#isStopped) return;
    this.#link.socket.on("data", this.#take);
    if (head.length > 0) this.#take(head);
    this.#readOn();
  }

  /** Feeds nothing from now on and holds back the peer, until {@link release}. */
  hold(): void {
    this.#isHeld = true;
    this.#link.pause();
  }

  /** Goes on where it was held. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.#isWaiting) this.#turns.next(this);
    else this.#readOn();
  }

  /** Lets go of the socket, which stays paused; gives what was read and not fed. */
  detach(): Uint8Array {
    this.#link.pause();
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#link.socket.removeListener("data", this.#take);
    const [first, ...others] = this.#backlog;
    this.#backlog = NOTHING;
    if (first === undefined) return new Uint8Array(0);
    const rest = first.subarray(this.#offset);
    return others.length === 0 ? rest : concat([rest, ...others]);
  }

  /** Feeds nothing more; what still comes is read and thrown away, so that the peer can read our last words. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#backlog = NOTHING;
    clearTimeout(this.#timer);
    this.#link.socket.removeListener("data", this.#take);
    this.#link.socket.on("data", discard);
    this.#link.resume();
  }

  /** The socket is gone: waits for nothing any more. */
  closed(): void {
    clearTimeout(this.#timer);
  }

  nextTurn(): void {
    if (this.#isHeld) return;
    this.#isWaiting = false;
    if (this.#isStopped || this.#link.socket.destroyed) return;
    const waiting = this.#backlog;
    this.#backlog = NOTHING;
    this.#feedAll(waiting);
    if (this.#isWaiting || this.#isStopped) return;
    this.#readOn();
    this.#receiver.caughtUp();
  }

  readonly #take = (chunk: Uint8Array): void => {
    if (this.#isWaiting) this.#backlog = [...this.#backlog, chunk];
    else this.#feedAll([chunk]);
  };

  /** Feeds chunks until the budget is used up; what is left becomes the backlog. */
  #feedAll(chunks: readonly Uint8Array[]): void {
    for (const [index, chunk] of chunks.entries()) {
      if (!this.#isHeld && this.#feed(chunk)) continue;
      if (!this.#isStopped) this.#giveWay(chunks.slice(index));
      return;
    }
  }

  /** Feeds the rest of a chunk; whether it was fed whole. */
  #feed(chunk: Uint8Array): boolean {
    while (this.#offset < chunk.length) {
      if (this.#isHeld || this.#budget.isSpent()) return false;
      const from = this.#offset;
      const end = this.#receiver.takeFrom(chunk, from);
      this.#offset = end;
      this.#budget.spendBytes(end - from);
      if (this.#isStopped || end === from) return false;
    }
    this.#offset = 0;
    return true;
  }

  #giveWay(backlog: readonly Uint8Array[]): void {
    this.#backlog = backlog;
    this.#isWaiting = true;
    this.#link.pause();
    if (this.#isHeld) return;
    const waitMs = this.#budget.lookAgainMs;
    if (waitMs === 0) return this.#turns.next(this);
    clearTimeout(this.#timer);
    // What is waited for may be over before, as load is.
    this.#timer = setTimeout(() => this.nextTurn(), Math.min(waitMs, LOOK_AGAIN_MS));
  }

  #readOn(): void {
    if (!this.#isWaiting && !this.#isStopped && !this.#isHeld) this.#link.resume();
  }
}

function discard(): void {}
