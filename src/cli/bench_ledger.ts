/**
 * What became of every message of a fan-out, for each subscriber: received, lost with a notice of the hub, or
 * missing. Every publisher's messages have numbers that rise by one, and come in that order. Pure; its memory is
 * publishers times subscribers.
 */

/** Who takes part. */
export interface LedgerOptions {
  readonly publishers: number;
  readonly subscribers: number;
}

/** Where a message came from. */
export interface Delivery {
  readonly publisher: number;
  readonly sequence: number;
}

/** What became of all messages. `expected` is `received`, `dropped` and `missing` together. */
export interface LedgerTotals {
  readonly published: number;
  readonly expected: number;
  readonly received: number;
  /** Lost, and the hub said so. */
  readonly dropped: number;
  /** Lost without a word. */
  readonly missing: number;
  /** Received after a later one. */
  readonly outOfOrder: number;
  /** Received once more, or so late that this cannot be told from it; not among those received. */
  readonly twice: number;
}

/** How many of the last messages of a publisher are remembered one by one. */
const REMEMBERED = 32;

/** Keeps count. */
export class DeliveryLedger {
  readonly #subscribers: number;
  /** By publisher, how many there are. */
  readonly #published: Float64Array;
  /** By subscriber and publisher: which number comes next, and a bit for each of the last ones, set if it came. */
  readonly #next: Float64Array;
  readonly #latest: Uint32Array;
  /** By subscriber. */
  readonly #received: Float64Array;
  /** How many were overtaken and have not come. */
  readonly #skipped: Float64Array;
  readonly #dropped: Float64Array;
  readonly #hasLeft: Uint8Array;
  #total = 0;
  #here: number;
  #outstanding = 0;
  #outOfOrder = 0;
  #twice = 0;

  constructor({ publishers, subscribers }: LedgerOptions) {
    this.#subscribers = subscribers;
    this.#here = subscribers;
    this.#published = new Float64Array(publishers);
    this.#next = new Float64Array(publishers * subscribers);
    this.#latest = new Uint32Array(publishers * subscribers);
    this.#received = new Float64Array(subscribers);
    this.#skipped = new Float64Array(subscribers);
    this.#dropped = new Float64Array(subscribers);
    this.#hasLeft = new Uint8Array(subscribers);
  }

  /** How many deliveries may still come, to those subscribers that are there. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** How many subscribers are there. */
  get here(): number {
    return this.#here;
  }

  /** A publisher has sent its next messages. */
  publish(publisher: number, count: number): void {
    this.#published[publisher] = at(this.#published, publisher) + count;
    this.#total += count;
    this.#outstanding += count * this.#here;
  }

  /** A subscriber got a message. False when no such message was published, or it had come before. */
  receive(subscriber: number, { publisher, sequence }: Delivery): boolean {
    if (publisher >= this.#published.length || sequence >= at(this.#published, publisher)) return false;
    const cell = subscriber * this.#published.length + publisher;
    const ahead = sequence - at(this.#next, cell);
    if (ahead < 0 && !this.#isLate(cell, -ahead - 1)) {
      this.#twice++;
      return false;
    }
    const before = this.#settled(subscriber);
    if (ahead >= 0) this.#advance(cell, ahead + 1);
    else this.#outOfOrder++;
    this.#skipped[subscriber] = at(this.#skipped, subscriber) + (ahead >= 0 ? ahead : -1);
    const received = at(this.#received, subscriber) + 1;
    this.#received[subscriber] = received;
    // What comes after it was told lost is not lost.
    this.#dropped[subscriber] = Math.min(at(this.#dropped, subscriber), this.#total - received);
    this.#settle(subscriber, before);
    return true;
  }

  /** The hub told a subscriber that it lost so many; never more than can be lost are believed. */
  drop(subscriber: number, count: number): void {
    const before = this.#settled(subscriber);
    const lost = this.#total - at(this.#received, subscriber) - at(this.#dropped, subscriber);
    this.#dropped[subscriber] = at(this.#dropped, subscriber) + Math.min(count, lost);
    this.#settle(subscriber, before);
  }

  /** A subscriber is gone: nothing more comes, and what had not come is missing. */
  leave(subscriber: number): void {
    if (at(this.#hasLeft, subscriber) === 1) return;
    this.#outstanding -= this.#total - this.#settled(subscriber);
    this.#hasLeft[subscriber] = 1;
    this.#here--;
  }

  /** The sums. */
  totals(): LedgerTotals {
    let [received, dropped] = [0, 0];
    for (let subscriber = 0; subscriber < this.#subscribers; subscriber++) {
      received += at(this.#received, subscriber);
      dropped += at(this.#dropped, subscriber);
    }
    const expected = this.#total * this.#subscribers;
    return {
      published: this.#total,
      expected,
      received,
      dropped,
      missing: expected - received - dropped,
      outOfOrder: this.#outOfOrder,
      twice: this.#twice,
    };
  }

  /** Notes a message that so many came after, unless it came before; false if it did, or nobody knows any more. */
  #isLate(cell: number, age: number): boolean {
    if (age >= REMEMBERED) return false;
    const bit = (1 << age) >>> 0;
    const latest = at(this.#latest, cell);
    if ((latest & bit) !== 0) return false;
    this.#latest[cell] = latest | bit;
    return true;
  }

  #advance(cell: number, by: number): void {
    this.#next[cell] = at(this.#next, cell) + by;
    this.#latest[cell] = by >= REMEMBERED ? 1 : at(this.#latest, cell) << by | 1;
  }

  /** What need not be waited for: a loss may be seen in the numbers, or be told, or both. */
  #settled(subscriber: number): number {
    const lost = Math.max(at(this.#skipped, subscriber), at(this.#dropped, subscriber));
    return at(this.#received, subscriber) + lost;
  }

  #settle(subscriber: number, before: number): void {
    if (at(this.#hasLeft, subscriber) === 0) this.#outstanding -= this.#settled(subscriber) - before;
  }
}

function at(numbers: Float64Array | Uint32Array | Uint8Array, index: number): number {
  return numbers[index] ?? 0;
}
