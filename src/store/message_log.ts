/**
 * All messages in the histories of one tenant, in the order of ids: whose each is and where it stands there. So the
 * oldest of all is at hand, and whoever reads many histories goes along here instead of merging them. What is trimmed
 * from a history stays here until a sweep comes by; each new part of the log pays for a few.
 */
import type { KeptMessage } from "./message_store.ts";
import type { TopicHistory } from "./topic_history.ts";

/** Messages of one part. */
const PART_SIZE = 512;
/** Parts that are swept when one is full: less is dead then than a half of what is not. */
const SWEPT_PARTS = 3;

interface Part {
  /** No message of it has a lower id, and all before it have lower ones. */
  readonly firstId: string;
  histories: TopicHistory[];
  numbers: number[];
}

/** Where a walk along the log has come to. */
export interface Walk {
  /** The id of the message that was seen last. */
  readonly lastId: string | null;
  /** Whether there is nothing behind it. */
  readonly isAtEnd: boolean;
}

/** The log. */
export class MessageLog {
  readonly #partSize: number;
  readonly #parts: Part[] = [];
  /** The place in the first part before which all is dead. */
  #head = 0;
  /** The part that is swept next. */
  #sweep = 0;

  constructor(partSize = PART_SIZE) {
    this.#partSize = partSize;
  }

  /** Places that are taken, also by what is not there any more. */
  get length(): number {
    return this.#parts.reduce((sum, { numbers }) => sum + numbers.length, 0);
  }

  /** Adds a message, whose id has to be above all others, by its number in its history. */
  add(id: string, history: TopicHistory, number: number): void {
    let part = this.#parts.at(-1);
    if (part === undefined || part.numbers.length >= this.#partSize) {
      for (let swept = 0; swept < SWEPT_PARTS; swept++) this.sweep();
      part = { firstId: id, histories: [], numbers: [] };
      this.#parts.push(part);
    }
    part.histories.push(history);
    part.numbers.push(number);
  }

  /** The history that has the oldest message. */
  oldest(): TopicHistory | undefined {
    for (let part = this.#parts[0]; part !== undefined; part = this.#parts[0]) {
      for (; this.#head < part.numbers.length; this.#head++) {
        const history = part.histories[this.#head];
        if (history?.get(part.numbers[this.#head] ?? 0) !== undefined) return history;
      }
      this.#parts.shift();
      this.#head = 0;
      this.#sweep = Math.max(this.#sweep - 1, 0);
    }
    return undefined;
  }

  /**
   * Shows the messages behind an id (`null`: all), in order, until `visit` says that it was enough or so many places were
   * looked at.
   */
  walk(
    { afterId, maxPlaces }: { readonly afterId: string | null; readonly maxPlaces: number },
    visit: (message: KeptMessage, history: TopicHistory, number: number) => boolean,
  ): Walk {
    let [left, lastId] = [maxPlaces, afterId];
    for (let at = this.#partOf(afterId); at < this.#parts.length; at++) {
      const { histories, numbers } = this.#parts[at] ?? { histories: [], numbers: [] };
      for (let place = 0; place < numbers.length; place++) {
        if (--left < 0) return { lastId, isAtEnd: false };
        const history = histories[place];
        const number = numbers[place] ?? 0;
        const message = history?.get(number);
        if (message === undefined || history === undefined || (afterId !== null && message.id <= afterId)) {
          continue;
        }
        lastId = message.id;
        if (!visit(message, history, number)) return { lastId, isAtEnd: false };
      }
    }
    return { lastId, isAtEnd: true };
  }

  /**
   * Shows all messages, the last first, until `visit` says that it was enough or so many places were looked at. Tells
   * whether it showed them all.
   */
  walkBack(
    maxPlaces: number,
    visit: (message: KeptMessage, history: TopicHistory, number: number) => boolean,
  ): boolean {
    let left = maxPlaces;
    for (let at = this.#parts.length - 1; at >= 0; at--) {
      const { histories, numbers } = this.#parts[at] ?? { histories: [], numbers: [] };
      for (let place = numbers.length - 1; place >= 0; place--) {
        if (--left < 0) return false;
        const number = numbers[place] ?? 0;
        const history = histories[place];
        const message = history?.get(number);
        if (message !== undefined && history !== undefined && !visit(message, history, number)) return false;
      }
    }
    return true;
  }

  /** Takes out of one part what is not there any more, each time of the next. */
  sweep(): void {
    if (this.#sweep >= this.#parts.length) this.#sweep = 0;
    const part = this.#parts[this.#sweep];
    if (part === undefined) return;
    const { histories, numbers } = part;
    const isThere = (place: number) => histories[place]?.get(numbers[place] ?? 0) !== undefined;
    const places = [...numbers.keys()].filter(isThere);
    if (this.#sweep === 0) this.#head = 0;
    part.histories = places.map((place) => histories[place]).filter((history) => history !== undefined);
    part.numbers = places.map((place) => numbers[place] ?? 0);
    const before = this.#parts[this.#sweep - 1];
    if (before !== undefined && before.numbers.length + places.length <= this.#partSize) {
      before.histories.push(...part.histories);
      before.numbers.push(...part.numbers);
      this.#parts.splice(this.#sweep, 1);
    } else this.#sweep++;
  }

  /** The last part that may hold the first message behind an id. */
  #partOf(afterId: string | null): number {
    if (afterId === null) return 0;
    let [low, high] = [0, this.#parts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#parts[middle]?.firstId ?? "") <= afterId) low = middle + 1;
      else high = middle;
    }
    return Math.max(low - 1, 0);
  }
}
