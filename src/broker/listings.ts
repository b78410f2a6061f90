/**
 * What the system topics list of subscriptions: entries one by one, so that a list ends where a message would be too
 * long instead of being made whole.
 */
import type { Subscription } from "./subscription.ts";
import type { SubscriptionManager } from "./subscription_manager.ts";

/** The most characters of a list. */
export const MAX_LISTED_CHARACTERS = 256 * 1024;
/** The most subscribers that are listed for one pattern and action. */
export const MAX_LISTED_SUBSCRIBERS = 2000;

/** The beginning of a list. */
export interface CutList {
  readonly kept: readonly unknown[];
  /** Whether something was left out. */
  readonly isCut: boolean;
  /** Of its JSON, about. */
  readonly characters: number;
}

/** An entry that was cut itself. */
class CutEntry {
  readonly entry: unknown;

  constructor(entry: unknown) {
    this.entry = entry;
  }
}

/** As many entries as go into a message. */
export function cutList(entries: Iterable<unknown>): CutList {
  const kept: unknown[] = [];
  let characters = 0;
  let isCut = false;
  for (const each of entries) {
    const entry = each instanceof CutEntry ? each.entry : each;
    const more = JSON.stringify(entry).length + 1;
    if (characters + more > MAX_LISTED_CHARACTERS) return { kept, isCut: true, characters };
    if (each instanceof CutEntry) isCut = true;
    characters += more;
    kept.push(entry);
  }
  return { kept, isCut, characters };
}

/** Subscriptions as their subscriber is told of them. */
export function* describeAll(subscriptions: Iterable<Subscription>): Generator<unknown> {
  for (const { pattern, action, publish, request } of subscriptions) {
    yield {
      topic: pattern,
      action,
      ...(request === null ? {} : { priority: request.priority }),
      ...(publish === null || publish.group === null ? {} : { group: publish.group }),
    };
  }
}

/** The patterns that somebody is subscribed to, as one of its subscribers wrote each. */
export function* topicsOf(subscriptions: SubscriptionManager): Generator<string> {
  for (const [first] of subscriptions.byPattern()) if (first !== undefined) yield first.pattern;
}

/** Who is subscribed to what. */
export function* byTopic(subscriptions: SubscriptionManager): Generator<unknown> {
  for (const samePattern of subscriptions.byPattern()) {
    for (const [action, all] of Map.groupBy(samePattern, (subscription) => subscription.action)) {
      const subscribers = all.slice(0, MAX_LISTED_SUBSCRIBERS).map(subscriberOf);
      const entry = { action, topic: all[0]?.pattern, subscribers };
      yield subscribers.length < all.length ? new CutEntry(entry) : entry;
    }
  }
}

function subscriberOf({ subscriber, request }: Subscription) {
  return { serviceId: subscriber.id, ...(request === null ? {} : { priority: request.priority }) };
}
