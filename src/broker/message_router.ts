/**
 * Hands what is published in one tenant to those who are subscribed: encoded once for each kind of transport, once
 * to each connection however many of its patterns match, and to one member of each queue group. Messages of one
 * publisher to one topic stay in order, because each is handed on before the next is read.
 */
import type { Clock } from "../core/ports.ts";
import type { OutgoingMessage } from "../core/transport.ts";
import type { KeyedBuckets } from "../limits/token_bucket.ts";
import { encodeTextMessage, parseTextMessage, type TextMessage } from "../wire/text_message.ts";
import type { KeepRules, KeptMessage } from "../store/message_store.ts";
import type { BrokerStats } from "./broker_stats.ts";
import { KeptDelivery } from "./kept_delivery.ts";
import type { MessageIds } from "./message_ids.ts";
import { PublishedMessage } from "./outgoing.ts";
import type { QueueGroup } from "./queue_group.ts";
import type { Subscriber } from "./subscription.ts";
import type { SubscriptionManager, TopicRoute } from "./subscription_manager.ts";
import type { Arrived, KeepingPublisher, TenantArchive } from "./tenant_archive.ts";
import type { TenantTraffic } from "./tenant_traffic.ts";
import { hasHistory, type TopicSettings } from "./topic_policies.ts";

/** What a router works with. */
export interface MessageRouterOptions {
  readonly subscriptions: SubscriptionManager;
  readonly ids: MessageIds;
  readonly stats: BrokerStats;
  /** Counts for this tenant. */
  readonly traffic: TenantTraffic;
  /** A bucket for each topic that has a rate. */
  readonly topicRates: KeyedBuckets;
  /** Time for rates, which may lag behind by a turn of the event loop. */
  readonly cachedClock: Clock;
  /** Exact time, for measuring. */
  readonly clock: Clock;
  /** What is kept of the tenant, and who catches up with it; `null`: nothing is kept. */
  readonly keeping: Keeping | null;
  /** Told how long routing took, in seconds, of one message in {@link LATENCY_SAMPLE}. */
  readonly onLatency: (seconds: number) => void;
}

/** What a router needs where messages are kept. */
export interface Keeping {
  readonly archive: TenantArchive;
  readonly replays: HoldsBack;
}

/** Knows who catches up, and gets what is published meanwhile in turn. */
export interface HoldsBack {
  /** Whether anybody catches up. */
  readonly isActive: boolean;
  /** Whether a subscriber is not to get a message of this topic, in lower case, now. */
  holdsBack(subscriber: Subscriber, topicKey: string): boolean;
}

/** What came of a publish. */
export type PublishOutcome =
  /** It was handed to so many subscribers. */
  | {
    readonly kind: "routed";
    readonly receivers: number;
    /** What that took, counted in deliveries. */
    readonly cost: number;
  }
  /** It is kept, and answered when that is safe; what it will take, counted in deliveries. */
  | { readonly kind: "kept"; readonly cost: number }
  /** It came before, and is answered as it was then. */
  | { readonly kind: "duplicate" }
  /** It cannot be kept now, so nobody gets it. */
  | { readonly kind: "not_kept"; readonly reason: "behind" | "nowhere" }
  /** The topic is published to too often. */
  | { readonly kind: "rate_limited"; readonly retryAfterMs: number };

/** Of so many messages one is measured. */
export const LATENCY_SAMPLE = 64;
/** To write so many bytes of a notice takes as long as a delivery. */
const BYTES_PER_DELIVERY = 1024;

/** Routes the messages of one tenant. */
export class MessageRouter {
  readonly #options: MessageRouterOptions;
  #untilSample = 1;
  /** What notices of the hub took, counted in deliveries. */
  announced = 0;

  constructor(options: MessageRouterOptions) {
    this.#options = options;
  }

  /**
   * Routes one message. `isKnownText`: its payload was found to be valid UTF-8 already.
   */
  publish(
    message: TextMessage,
    isKnownText: boolean,
    publisher: KeepingPublisher | null = null,
  ): PublishOutcome {
    const { subscriptions, stats, traffic, clock, onLatency } = this.#options;
    const isSampled = --this.#untilSample === 0;
    if (isSampled) this.#untilSample = LATENCY_SAMPLE;
    const startedMs = isSampled ? clock.now() : 0;
    const route = subscriptions.route(message.topicKey);
    const retryAfterMs = this.#takeRate(message.topicKey, route);
    if (retryAfterMs > 0) return { kind: "rate_limited", retryAfterMs };
    const { keep } = route.settings;
    if (keep !== null) return this.#keep({ message, isKnownText, publisher }, keep, route);
    const receivers = this.#deliver(message, route, { isKnownText });
    stats.published++;
    traffic.published++;
    if (receivers === 0) stats.unmatched++;
    if (isSampled) onLatency((clock.now() - startedMs) / 1000);
    return { kind: "routed", receivers, cost: receivers + route.groupCost };
  }

  /** The ids of its messages. */
  get ids(): MessageIds {
    return this.#options.ids;
  }

  /** The id of the message that is published next. */
  get nextId(): string {
    return this.#options.ids.nextPosition;
  }

  /** Whether somebody is subscribed to what is published to a topic, in lower case. */
  isHeard(topic: string): boolean {
    const { subscribers, groups } = this.#options.subscriptions.route(topic);
    return subscribers.length + groups.length > 0;
  }

  /**
   * Publishes a notice of the hub to those who are subscribed to it, whatever the rates; gives what that cost, counted
   * in deliveries.
   */
  announce(topic: string, payload: string): number {
    const route = this.#options.subscriptions.route(topic);
    const receivers = route.subscribers.length + route.groups.length;
    if (receivers === 0) return 0;
    const bytes = encodeTextMessage({ action: "publish", topic }, payload);
    const message = parseTextMessage(bytes, { maxTimeoutMs: 0 });
    if (message.kind === "message") this.#deliver(message, route, { isKnownText: true });
    const cost = receivers + route.groupCost + Math.floor(bytes.length / BYTES_PER_DELIVERY);
    this.announced += cost;
    return cost;
  }

  #keep(arrived: Arrived, rules: KeepRules, route: TopicRoute): PublishOutcome {
    const { keeping, stats, traffic } = this.#options;
    if (keeping === null) return { kind: "not_kept", reason: "nowhere" };
    const outcome = keeping.archive.keep(arrived, rules);
    if (outcome === "duplicate") return { kind: "duplicate" };
    if (outcome !== "kept") return { kind: "not_kept", reason: outcome };
    const receivers = route.subscribers.length + route.groups.length;
    stats.published++;
    traffic.published++;
    if (receivers === 0) stats.unmatched++;
    return { kind: "kept", cost: receivers + route.groupCost };
  }

  /** Hands a kept message to those who are subscribed now and do not catch up; gives the number of deliveries. */
  deliverKept(message: KeptMessage, isKnownText: boolean): number {
    const { subscriptions, keeping, stats, traffic } = this.#options;
    const route = subscriptions.route(message.topicKey);
    const { subscribers, groups, settings } = route;
    if (subscribers.length + groups.length === 0) return 0;
    const published = new KeptDelivery(message, isKnownText);
    const replays = keeping !== null && keeping.replays.isActive && hasHistory(settings)
      ? keeping.replays
      : null;
    let delivered = 0;
    for (const subscriber of subscribers) {
      if (replays !== null && replays.holdsBack(subscriber, message.topicKey)) continue;
      if (subscriber.publish(published, settings.channel) === "queued") delivered++;
    }
    if (groups.length > 0) delivered += deliverToGroups(published, route);
    stats.delivered += delivered;
    traffic.delivered += delivered;
    return delivered;
  }

  #takeRate(topic: string, { settings: { ratePerSecond } }: TopicRoute): number {
    if (ratePerSecond === 0) return 0;
    const { topicRates, cachedClock } = this.#options;
    return topicRates.take(topic, { ratePerSecond, nowMs: cachedClock.now() });
  }

  /** Gives the number of those who the message was meant for. */
  #deliver(message: TextMessage, route: TopicRoute, { isKnownText }: { isKnownText: boolean }): number {
    const { subscribers, groups, settings: { channel } } = route;
    const receivers = subscribers.length + groups.length;
    const id = this.#options.ids.next();
    if (receivers === 0) return 0;
    const published = new PublishedMessage(message, { id, isKnownText });
    let delivered = 0;
    for (const subscriber of subscribers) {
      if (subscriber.publish(published, channel) === "queued") delivered++;
    }
    if (groups.length > 0) delivered += deliverToGroups(published, route);
    this.#options.stats.delivered += delivered;
    this.#options.traffic.delivered += delivered;
    return receivers;
  }
}

/** Gives the number of members that got it. */
function deliverToGroups(
  message: OutgoingMessage,
  { groups, groupsOverlap, settings }: TopicRoute,
): number {
  if (groupsOverlap) return deliverToOverlapping(message, groups, settings);
  let delivered = 0;
  for (const group of groups) {
    const member = group.choose(message);
    if (member?.publish(message, settings.channel) === "queued") delivered++;
  }
  return delivered;
}

/** Who is in two groups and got it for one of them has got it for both, so nobody else of either is to get it. */
function deliverToOverlapping(
  message: OutgoingMessage,
  groups: readonly QueueGroup[],
  { channel }: TopicSettings,
): number {
  const reached = new Set<Subscriber>();
  const served = new Set<Subscriber>();
  for (const group of groups) {
    if (group.members.some((member) => reached.has(member))) continue;
    const member = group.choose(message, served);
    if (member?.publish(message, channel) !== "queued") continue;
    reached.add(member);
    for (const each of group.members) served.add(each);
  }
  return reached.size;
}
