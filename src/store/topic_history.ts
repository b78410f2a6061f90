/**
 * The history of one topic: a ring in the order of ids, and how much of what it held is gone. What is too old or too
 * many is not shown any more from that moment on, also when nobody has come by to trim it.
 */
import type { HistoryRules, KeptMessage } from "./message_store.ts";

const FIRST_CAPACITY = 4;
/** A ring that is larger than this is given back when it becomes empty. */
const KEPT_CAPACITY = 64;

/** A message that goes into a history. */
export interface HistoryItem {
  readonly message: KeptMessage;
  /** When it came, not before the one that came before it. */
  readonly atMs: number;
  /** Its number in a journal. */
  readonly seq: number;
}

/** The history. */
export class TopicHistory {
  /** What holds for it; the rules of the last message that came. */
  rules: HistoryRules;
  /** The highest id that was taken away, and the latest time; `null` and minus infinity when none was. */
  trimmedId: string | null = null;
  trimmedAtMs = -Infinity;
  #messages: (KeptMessage | undefined)[] = [];
  #times: number[] = [];
  #seqs: number[] = [];
  #head = 0;
  #length = 0;

  constructor(rules: HistoryRules) {
    this.rules = rules;
  }

  /** How many messages it holds, those that are not shown any more with them. */
  get length(): number {
    return this.#length;
  }

  /** Adds at the end. */
  push({ message, atMs, seq }: HistoryItem): void {
    if (this.#length === this.#messages.length) this.#resize(Math.max(FIRST_CAPACITY, 2 * this.#length));
    const at = this.#slot(this.#length);
    this.#messages[at] = message;
    this.#times[at] = atMs;
    this.#seqs[at] = seq;
    this.#length++;
  }

  /** Takes the oldest message away. */
  shift(): KeptMessage | undefined {
    const message = this.#messages[this.#head];
    if (this.#length === 0 || message === undefined) return undefined;
    this.miss(message.id, this.timeAt(0));
    this.#messages[this.#head] = undefined;
    this.#head = this.#slot(1);
    this.#length--;
    if (this.#length === 0 && this.#messages.length > KEPT_CAPACITY) this.#resize(0);
    return message;
  }

  /** Remembers that a message is not there. */
  miss(id: string, atMs: number): void {
    if (this.trimmedId === null || id > this.trimmedId) this.trimmedId = id;
    if (atMs > this.trimmedAtMs) this.trimmedAtMs = atMs;
  }

  /** A message by its place: 0 is the oldest. */
  at(index: number): KeptMessage | undefined {
    return index >= 0 && index < this.#length ? this.#messages[this.#slot(index)] : undefined;
  }

  timeAt(index: number): number {
    return this.#times[this.#slot(index)] ?? 0;
  }

  seqAt(index: number): number {
    return this.#seqs[this.#slot(index)] ?? 0;
  }

  /** The place of the oldest message that is shown at `nowMs`. */
  firstShown(nowMs: number): number {
    return Math.max(this.#length - this.rules.size, this.firstSince(nowMs - this.rules.ttlMs), 0);
  }

  /** The place of the first message whose id is higher. */
  firstAfter(id: string): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const message = this.#messages[this.#slot(middle)];
      if (message !== undefined && message.id <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The place of the first message that came then or later. */
  firstSince(atMs: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.timeAt(middle) < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #slot(index: number): number {
    return (this.#head + index) & (this.#messages.length - 1);
  }

  #resize(capacity: number): void {
    const messages = new Array<KeptMessage | undefined>(capacity);
    const times: number[] = [];
    const seqs: number[] = [];
    for (let index = 0; index < this.#length; index++) {
      messages[index] = this.at(index);
      times.push(this.timeAt(index));
      seqs.push(this.seqAt(index));
    }
    [this.#messages, this.#times, this.#seqs, this.#head] = [messages, times, seqs, 0];
  }
}
