/**
 * The subscriptions of one tenant and what they mean for a topic: which subscribers get what is published there.
 * Matching ignores case. What was found for a topic is kept until a subscription changes that could change it, so
 * that a hot topic costs one look-up.
 */
import type { QuotaRefusal } from "../limits/quota_scope.ts";
import { QueueGroup } from "./queue_group.ts";
import { RouteCache } from "./route_cache.ts";
import { type Subscriber, Subscription, type SubscriptionAction } from "./subscription.ts";
import type { TopicSettings } from "./topic_policies.ts";
import { TopicTrie } from "./topic_trie.ts";

/** What a subscriber asks for. */
export interface SubscribeOptions {
  /** A well-formed pattern. */
  readonly pattern: string;
  readonly action: SubscriptionAction;
  /** Who is asked first when a request comes. */
  readonly priority: number;
  /** The queue group, for what is published: one member of it gets each message. */
  readonly group: string | null;
}

/** What a subscriber does not want any more. */
export type UnsubscribeOptions = Pick<SubscribeOptions, "pattern" | "action">;

/**
 * What came of a subscription. `limit`: the subscriber has as many as it may have; a refusal: whoever pays for it has.
 * Nothing changed then.
 */
export type SubscribeResult = "subscribed" | "updated" | "limit" | QuotaRefusal;

/** Somebody who answers requests. */
export interface Responder {
  readonly subscriber: Subscriber;
  /** The highest of his subscriptions. */
  readonly priority: number;
}

/** Who gets what is published to one topic. Never changed once made, but for whose turn it is in a group. */
export interface TopicRoute {
  readonly settings: TopicSettings;
  /** Everybody here gets every message, once. */
  readonly subscribers: readonly Subscriber[];
  /** One member of each group gets a message. Nobody of them is among the subscribers. The smallest groups first. */
  readonly groups: readonly QueueGroup[];
  /** What choosing members of the groups takes, counted in deliveries. */
  readonly groupCost: number;
  /** Whether somebody is in more than one of the groups. */
  readonly groupsOverlap: boolean;
  /** Who answers requests, everybody once. */
  readonly responders: readonly Responder[];
}

/** Told who begins and ends to get what is published. Never while a subscription is half made. */
export interface SubscriptionObserver {
  joined(subscription: Subscription): void;
  /** `isGone`: because the subscriber is gone with all that he had. */
  left(subscription: Subscription, isGone: boolean): void;
}

/** What a manager is made of. */
export interface SubscriptionManagerOptions {
  /** The most patterns of one subscriber. */
  readonly maxPerSubscriber: number;
  /** What holds for a topic, in lower case. */
  readonly settingsOf: (topic: string) => TopicSettings;
  readonly observer?: SubscriptionObserver;
}

/** Looking at so many members of a group takes as long as a delivery. */
const MEMBERS_PER_DELIVERY = 16;
const CACHE_BOUNDS = { maxEntries: 10_000, maxWeight: 500_000 };

/** The subscriptions of one tenant. */
export class SubscriptionManager {
  readonly #options: SubscriptionManagerOptions;
  readonly #trie = new TopicTrie<Subscription>();
  readonly #bySubscriber = new Map<Subscriber, Map<string, Subscription>>();
  readonly #cache = new RouteCache<TopicRoute>(CACHE_BOUNDS);
  #size = 0;
  /** Routes that were found in the cache, and those that had to be made. */
  cacheHits = 0;
  cacheMisses = 0;
  /** Branches of the trie and subscriptions that were looked at for the routes that had to be made: what that cost. */
  searched = 0;

  constructor(options: SubscriptionManagerOptions) {
    this.#options = options;
  }

  /** What holds for topics changed. */
  settingsChanged(): void {
    this.#cache.clear();
  }

  /** How many subscriptions there are; one to both counts as one. */
  get size(): number {
    return this.#size;
  }

  /** Subscribes, or changes the subscription that the subscriber has to the pattern. */
  subscribe(subscriber: Subscriber, options: SubscribeOptions): SubscribeResult {
    const own = this.#bySubscriber.get(subscriber);
    const existing = own?.get(options.pattern.toLowerCase());
    if (existing !== undefined) {
      const wasPublish = existing.publish !== null;
      fill(existing, options);
      this.#changed(existing.key);
      if (!wasPublish && existing.publish !== null) this.#options.observer?.joined(existing);
      return "updated";
    }
    if ((own?.size ?? 0) >= this.#options.maxPerSubscriber) return "limit";
    const refusal = subscriber.quota?.add("subscriptions") ?? null;
    if (refusal !== null) return refusal;
    const subscription = new Subscription(subscriber, options.pattern);
    fill(subscription, options);
    if (own === undefined) this.#bySubscriber.set(subscriber, new Map([[subscription.key, subscription]]));
    else own.set(subscription.key, subscription);
    this.#trie.add(subscription);
    this.#size++;
    this.#changed(subscription.key);
    if (subscription.publish !== null) this.#options.observer?.joined(subscription);
    return "subscribed";
  }

  /** Ends what a subscription is about, and the subscription when nothing is left. `false`: nothing changed. */
  unsubscribe(subscriber: Subscriber, { pattern, action }: UnsubscribeOptions): boolean {
    const own = this.#bySubscriber.get(subscriber);
    const subscription = own?.get(pattern.toLowerCase());
    if (own === undefined || subscription === undefined) return false;
    if (action !== "both" && subscription.action !== "both" && subscription.action !== action) return false;
    const hasLeft = action !== "request" && subscription.publish !== null;
    if (action !== "request") subscription.publish = null;
    if (action !== "publish") subscription.request = null;
    if (subscription.publish === null && subscription.request === null) {
      own.delete(subscription.key);
      subscriber.quota?.remove("subscriptions", 1);
      if (own.size === 0) this.#bySubscriber.delete(subscriber);
      this.#forget(subscription);
    }
    this.#changed(subscription.key);
    if (hasLeft) this.#options.observer?.left(subscription, false);
    return true;
  }

  /** Ends all subscriptions of a subscriber; gives how many there were. */
  remove(subscriber: Subscriber): number {
    const own = this.#bySubscriber.get(subscriber);
    if (own === undefined) return 0;
    this.#bySubscriber.delete(subscriber);
    subscriber.quota?.remove("subscriptions", own.size);
    for (const subscription of own.values()) {
      this.#forget(subscription);
      this.#changed(subscription.key);
    }
    const { observer } = this.#options;
    if (observer === undefined) return own.size;
    for (const subscription of own.values()) {
      if (subscription.publish !== null) observer.left(subscription, true);
    }
    return own.size;
  }

  /** The subscriptions of one subscriber, in the order in which they were made. */
  of(subscriber: Subscriber): Iterable<Subscription> {
    return this.#bySubscriber.get(subscriber)?.values() ?? [];
  }

  /** The subscription that a subscriber has to a pattern. */
  find(subscriber: Subscriber, pattern: string): Subscription | undefined {
    return this.#bySubscriber.get(subscriber)?.get(pattern.toLowerCase());
  }

  /** All subscriptions, those to the same pattern together, whatever its case. */
  byPattern(): Iterable<readonly Subscription[]> {
    return this.#trie.byPattern();
  }

  /** Who is subscribed to what is published to a topic, in lower case; everybody once, members of groups too. */
  membersOf(topic: string): ReadonlySet<Subscriber> {
    const members = new Set<Subscriber>();
    for (const { subscriber, publish } of this.#find(topic).flat()) {
      if (publish !== null) members.add(subscriber);
    }
    return members;
  }

  /** Who gets what is published to a topic, in lower case. */
  route(topic: string): TopicRoute {
    const known = this.#cache.get(topic);
    if (known !== undefined) {
      this.cacheHits++;
      return known;
    }
    this.cacheMisses++;
    const route = makeRoute(this.#find(topic), this.#options.settingsOf(topic));
    this.#cache.set(topic, route, weightOf(route));
    return route;
  }

  #find(topic: string): readonly (readonly Subscription[])[] {
    const found: (readonly Subscription[])[] = [];
    this.searched += this.#trie.match(topic, found);
    for (const subscriptions of found) this.searched += subscriptions.length;
    return found;
  }

  #forget(subscription: Subscription): void {
    this.#trie.remove(subscription);
    this.#size--;
  }

  /** A pattern without wildcards is one topic; one with wildcards may be any. */
  #changed(key: string): void {
    const isTopic = !key.includes("+") && !key.includes("#");
    if (isTopic) this.#cache.delete(key);
    else this.#cache.clear();
  }
}

function fill(subscription: Subscription, { action, priority, group }: SubscribeOptions): void {
  if (action !== "request") subscription.publish = { group };
  if (action !== "publish") subscription.request = { priority };
}

function weightOf({ subscribers, groups, responders }: TopicRoute): number {
  const alone = 1 + subscribers.length + responders.length;
  return groups.reduce((weight, { members }) => weight + members.length, alone);
}

function makeRoute(found: readonly (readonly Subscription[])[], settings: TopicSettings): TopicRoute {
  const subscribers = new Set<Subscriber>();
  const groups = new Map<string, Set<Subscriber>>();
  const priorities = new Map<Subscriber, number>();
  for (const subscriptions of found) {
    for (const { subscriber, publish, request } of subscriptions) {
      if (request !== null) {
        const known = priorities.get(subscriber) ?? -Infinity;
        priorities.set(subscriber, Math.max(known, request.priority));
      }
      if (publish === null) continue;
      if (publish.group === null) {
        subscribers.add(subscriber);
        continue;
      }
      const members = groups.get(publish.group);
      if (members === undefined) groups.set(publish.group, new Set([subscriber]));
      else members.add(subscriber);
    }
  }
  // A group one of whose members gets the message anyway has got it.
  const waiting = [...groups.values()].filter((members) => members.isDisjointFrom(subscribers));
  // Who is alone in a group gets it in any case: what he is a member of besides need not look further.
  waiting.sort((one, other) => one.size - other.size);
  return {
    settings,
    subscribers: [...subscribers],
    groups: waiting.map((members) => new QueueGroup([...members])),
    groupCost: waiting.reduce((cost, { size }) => cost + Math.floor(size / MEMBERS_PER_DELIVERY), 0),
    groupsOverlap: doOverlap(waiting),
    responders: [...priorities].map(([subscriber, priority]) => ({ subscriber, priority })),
  };
}

function doOverlap(groups: readonly ReadonlySet<Subscriber>[]): boolean {
  const seen = new Set<Subscriber>();
  for (const members of groups) {
    if (groups.length > 1 && !members.isDisjointFrom(seen)) return true;
    for (const member of members) seen.add(member);
  }
  return false;
}
