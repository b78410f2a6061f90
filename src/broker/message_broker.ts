/**
 * The broker: joins router, subscriptions and system topics, and gives a session to each connection that speaks
 * text messages.
 */
import type { SlowConsumerPolicy } from "../core/delivery.ts";
import type { Clock, Logger } from "../core/ports.ts";
import type { ConnectionUser } from "../hub/connection.ts";
import { KeyedBuckets } from "../limits/token_bucket.ts";
import { MAX_HEADER_BYTES } from "../wire/header_fields.ts";
import type { BrokerLimits, BrokerParts } from "./broker_parts.ts";
import { BrokerStats } from "./broker_stats.ts";
import { MessageIds } from "./message_ids.ts";
import { MessageRouter } from "./message_router.ts";
import { BrokerSession } from "./session.ts";
import { SubscriptionManager } from "./subscription_manager.ts";
import { type ReadMetrics, SystemTopics } from "./system_topics.ts";
import { type TenantParts, TenantSpaces } from "./tenant_space.ts";
import { TopicPolicies, type TopicPolicy, type TopicRate } from "./topic_policies.ts";

/** How a broker behaves. */
export interface MessageBrokerOptions {
  readonly limits: Omit<BrokerLimits, "maxMessageBytes">;
  readonly topics: readonly TopicPolicy[];
  /** For topics without a policy of their own. */
  readonly slowConsumer: SlowConsumerPolicy;
  readonly topicRates: readonly TopicRate[];
  /** For topics without a rate of their own, in messages a second; 0: without a limit. */
  readonly ratePerTopic: number;
  /** Version of Trunkline, for the greeting. */
  readonly version: string;
  /** After how long a silent connection is given up, for the greeting. */
  readonly heartbeatTimeoutMs: number;
  readonly clock: Clock;
  /** Time that may lag behind by a turn of the event loop. */
  readonly cachedClock: Clock;
  readonly logger: Logger;
  readonly readMetrics: ReadMetrics;
  /** Told how long the routing of a message took, in seconds; not of every message. */
  readonly onLatency: (seconds: number) => void;
}

/** Buckets of topics that are kept for each tenant. */
const MAX_TOPIC_BUCKETS = 100_000;

/** One broker. */
export class MessageBroker {
  readonly stats = new BrokerStats();
  readonly #options: MessageBrokerOptions;
  readonly #parts: BrokerParts;
  readonly #policies: TopicPolicies;
  /** By tenant. They outlive the connections of a tenant, so that positions of one hub only rise. */
  readonly #ids = new Map<string, MessageIds>();
  readonly #epochMs = Date.now();

  constructor(options: MessageBrokerOptions) {
    const { limits, cachedClock, logger, readMetrics } = options;
    this.#options = options;
    this.#policies = new TopicPolicies({
      policies: options.topics,
      slowConsumer: options.slowConsumer,
      rates: options.topicRates,
      ratePerSecond: options.ratePerTopic,
      stats: this.stats,
    });
    const maxMessageBytes = 2 * limits.maxPayloadBytes + MAX_HEADER_BYTES;
    this.#parts = {
      limits: { ...limits, maxMessageBytes },
      stats: this.stats,
      spaces: new TenantSpaces((tenant) => this.#createTenant(tenant)),
      systemTopics: new SystemTopics({ maxSubscriptions: limits.maxSubscriptions, readMetrics, logger }),
      cachedClock,
      greeting: createGreeting(options),
    };
  }

  /** How many subscriptions there are. */
  get subscriptionCount(): number {
    return this.#parts.spaces.subscriptionCount;
  }

  /** How often the subscribers of a topic were known already, and how often they had to be found. */
  get routeLookups(): { readonly hits: number; readonly misses: number } {
    const { cacheHits, cacheMisses } = this.#parts.spaces;
    return { hits: cacheHits, misses: cacheMisses };
  }

  /** The user of one new connection. */
  createSession(): ConnectionUser {
    return new BrokerSession(this.#parts);
  }

  #createTenant(tenant: string): TenantParts {
    const { clock, cachedClock, onLatency, limits } = this.#options;
    const ids = this.#ids.get(tenant) ?? new MessageIds(this.#epochMs);
    this.#ids.set(tenant, ids);
    const subscriptions = new SubscriptionManager({
      maxPerSubscriber: limits.maxSubscriptions,
      settingsOf: (topic) => this.#policies.settingsOf(topic),
    });
    const router = new MessageRouter({
      subscriptions,
      ids,
      stats: this.stats,
      topicRates: new KeyedBuckets(MAX_TOPIC_BUCKETS),
      clock,
      cachedClock,
      onLatency,
    });
    return { ids, subscriptions, router };
  }
}

function createGreeting({ limits, version, heartbeatTimeoutMs }: MessageBrokerOptions) {
  const hub = crypto.randomUUID();
  const told = {
    maxPayloadBytes: limits.maxPayloadBytes,
    maxHeaderBytes: MAX_HEADER_BYTES,
    maxSubscriptions: limits.maxSubscriptions,
    maxTimeoutMs: limits.maxTimeoutMs,
    heartbeatTimeoutMs,
  };
  return (serviceId: string): string => JSON.stringify({ serviceId, hub, version, limits: told });
}
