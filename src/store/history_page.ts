/** Parts of histories: of one topic as they stand there, of several merged in the order of ids. */
import { Heap } from "./heap.ts";
import type { KeptMessage } from "./message_store.ts";
import type { TopicHistory } from "./topic_history.ts";

/** What is wanted of histories. */
export interface PageOptions {
  /** Messages behind this id; `null`: from the oldest on. */
  readonly afterId: string | null;
  readonly max: number;
  readonly nowMs: number;
}

/** The next messages of one history. */
export function pageOfOne(history: TopicHistory, options: PageOptions): KeptMessage[] {
  const from = startOf(history, options);
  const page: KeptMessage[] = [];
  const end = Math.min(from + options.max, history.length);
  for (let index = from; index < end; index++) {
    const message = history.at(index);
    if (message !== undefined) page.push(message);
  }
  return page;
}

interface Place {
  readonly history: TopicHistory;
  index: number;
  message: KeptMessage;
}

/** The next messages of several histories. */
export function pageOfMany(histories: readonly TopicHistory[], options: PageOptions): KeptMessage[] {
  const places = new Heap<Place>((a, b) => a.message.id < b.message.id);
  for (const history of histories) {
    const index = startOf(history, options);
    const message = history.at(index);
    if (message !== undefined) places.push({ history, index, message });
  }
  const page: KeptMessage[] = [];
  while (page.length < options.max) {
    const place = places.peek();
    if (place === undefined) break;
    page.push(place.message);
    const next = place.history.at(++place.index);
    if (next === undefined) places.pop();
    else {
      place.message = next;
      places.settle();
    }
  }
  return page;
}

function startOf(history: TopicHistory, { afterId, nowMs }: PageOptions): number {
  const last = history.at(history.length - 1);
  // Most of many histories have nothing new.
  if (last === undefined || (afterId !== null && last.id <= afterId)) return history.length;
  const shown = history.firstShown(nowMs);
  return afterId === null ? shown : Math.max(shown, history.firstAfter(afterId));
}
