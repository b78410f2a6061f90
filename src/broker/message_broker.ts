/**
 * The broker: joins router, subscriptions and system topics, and gives a session to each connection that speaks
 * text messages.
 */
import type { SlowConsumerPolicy } from "../core/delivery.ts";
import type { Clock, LogControl, Logger } from "../core/ports.ts";
import type { SecurityEvents } from "../core/security_event.ts";
import type { ConnectionUser } from "../hub/connection.ts";
import type { LoginDesk } from "../hub/login.ts";
import { KeyedBuckets } from "../limits/token_bucket.ts";
import type { MessageStore, StoreFigures } from "../store/message_store.ts";
import { KnownDestinations } from "../wire/destination.ts";
import { MAX_HEADER_BYTES } from "../wire/header_fields.ts";
import { Archives } from "./archives.ts";
import { type BrokerRules, LiveLimits } from "./broker_rules.ts";
import type { BrokerLimits, BrokerParts } from "./broker_parts.ts";
import { BrokerStats } from "./broker_stats.ts";
import type { ReloadOutcome } from "./control_topics.ts";
import { LogFeed } from "./log_feed.ts";
import { MessageRouter } from "./message_router.ts";
import { MessageTaps } from "./message_taps.ts";
import type { ReadMetrics } from "./metrics_topics.ts";
import { HubMessage } from "./outgoing.ts";
import { LOG_TOPIC, Permissions } from "./permissions.ts";
import { Presence } from "./presence.ts";
import { Replays } from "./replays.ts";
import { ReplayTurns } from "./replay_turns.ts";
import { RequestRouter } from "./request_router.ts";
import { BrokerSession } from "./session.ts";
import { ServiceRegistry, type ServiceTimes } from "./service_registry.ts";
import { SubscriptionManager } from "./subscription_manager.ts";
import type { Subscriber } from "./subscription.ts";
import { SystemTopics } from "./system_topics.ts";
import type { TenantArchive } from "./tenant_archive.ts";
import { TenantIds } from "./tenant_ids.ts";
import { type TenantFigures, tenantFigures } from "./tenant_figures.ts";
import { type TenantParts, TenantSpaces } from "./tenant_space.ts";
import { TenantTraffics } from "./tenant_traffic.ts";
import type { ListTunnels } from "./tunnel_topics.ts";
import { WallClock } from "./wall_clock.ts";
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
  /** After how long a silent service is asked for a sign of life. */
  readonly heartbeatIntervalMs: number;
  readonly clock: Clock;
  /** Time that may lag behind by a turn of the event loop. */
  readonly cachedClock: Clock;
  readonly logger: Logger;
  /** The log that administrators follow and change; `null` without one. */
  readonly log: LogControl | null;
  /** Begins to stop the hub because an administrator asks for it. */
  readonly stopHub: () => void;
  /** Reads the configuration again because an administrator asks for it. @default it cannot be read again */
  readonly reload?: () => Promise<ReloadOutcome>;
  /** Whether tenants are customers who must not see anything of each other. */
  readonly multiTenant: boolean;
  readonly readMetrics: ReadMetrics;
  /** The tunnels that somebody may see. */
  readonly listTunnels: ListTunnels;
  /** How long an answer may take when the request does not say, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Whether a request is tried once more when the service that has it goes away. */
  readonly failover: boolean;
  /** The most requests of a tenant that wait for their answers. */
  readonly maxOutstandingRequests: number;
  /** Told how long an answer took, in seconds; of those that come in one turn only the first. */
  readonly onAnswered: (seconds: number) => void;
  /** Decides who may come in; `null`: everybody may. */
  readonly logins: LoginDesk | null;
  readonly events: SecurityEvents;
  /** Where what topics keep is kept. */
  readonly store: MessageStore;
  /** When the hub started, in milliseconds since 1970: ids of messages begin with it. */
  readonly epochMs: number;
  /** Told how long the routing of a message took, in seconds; not of every message. */
  readonly onLatency: (seconds: number) => void;
}

/** Buckets of topics that are kept for each tenant. */
const MAX_TOPIC_BUCKETS = 100_000;
/** How often services are looked at, in milliseconds. */
const [MIN_CHECK_MS, MAX_CHECK_MS] = [10, 5000];

/** One broker. */
export class MessageBroker {
  readonly stats = new BrokerStats();
  readonly #options: MessageBrokerOptions;
  readonly #parts: BrokerParts;
  readonly #policies: TopicPolicies;
  #topics: readonly TopicPolicy[];
  readonly #limits: LiveLimits;
  #maxOutstanding: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** They outlive the connections of a tenant, as ids do, so that positions of one hub only rise. */
  readonly #archives: Archives;
  readonly #replayTurns = new ReplayTurns(later);
  readonly #wallClock: WallClock;
  readonly #traffics = new TenantTraffics();

  constructor(options: MessageBrokerOptions) {
    const { limits, cachedClock, logger, readMetrics, listTunnels, log, stopHub, reload = null } = options;
    this.#options = options;
    this.#topics = options.topics;
    this.#policies = new TopicPolicies({
      policies: options.topics,
      slowConsumer: options.slowConsumer,
      rates: options.topicRates,
      ratePerSecond: options.ratePerTopic,
      stats: this.stats,
    });
    this.#wallClock = new WallClock(cachedClock);
    this.#archives = new Archives({
      store: options.store,
      ids: new TenantIds(options.epochMs),
      cachedClock,
      wallClock: this.#wallClock,
      stats: this.stats,
      later,
    });
    const maxMessageBytes = 2 * limits.maxPayloadBytes + MAX_HEADER_BYTES;
    const permissions = new Permissions(options);
    const logs = new LogFeed({
      log,
      channel: this.#policies.settingsOf(LOG_TOPIC).channel,
      showsHubLines: permissions.showsHubLines,
      clock: options.clock,
      stats: this.stats,
    });
    this.#limits = new LiveLimits({ ...limits, maxMessageBytes });
    this.#maxOutstanding = options.maxOutstandingRequests;
    const events = options.events;
    const shared = { readMetrics, listTunnels, cachedClock, logger, log, stopHub, reload, events };
    this.#parts = {
      limits: this.#limits,
      reading: { maxTimeoutMs: limits.maxTimeoutMs, destinations: new KnownDestinations() },
      stats: this.stats,
      systemTopics: new SystemTopics({ ...shared, limits: this.#limits, permissions, logs }),
      permissions,
      logs,
      spaces: new TenantSpaces(
        (tenant) => this.#createTenant(tenant),
        ({ tenant }) => this.#archives.leave(tenant),
      ),
      logins: options.logins,
      events,
      cachedClock,
      greeting: createGreeting(options, this.#limits),
    };
  }

  /** Other rules from now on, for those who are connected too. Subscriptions stay, however many there are. */
  change({ topics, topicRates, ratePerTopic, maxOutstandingRequests, limits }: BrokerRules): void {
    this.#limits.change(limits);
    this.#maxOutstanding = maxOutstandingRequests;
    if (keepingOf(topics) !== keepingOf(this.#topics)) this.#archives.rulesChanged();
    this.#topics = topics;
    this.#policies.change({ policies: topics, rates: topicRates, ratePerSecond: ratePerTopic });
    for (const { subscriptions } of this.#parts.spaces.all()) subscriptions.settingsChanged();
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

  /** How many connections follow the log. */
  get logListenerCount(): number {
    return this.#parts.logs.size;
  }

  /** How many services are registered. */
  get serviceCount(): number {
    return this.#parts.spaces.serviceCount;
  }

  /** How many services of each label are in each state. */
  get serviceStates(): Map<string, Record<"active" | "late", number>> {
    const byLabel = new Map<string, Record<"active" | "late", number>>();
    for (const { label } of this.stats.services.all()) byLabel.set(label, { active: 0, late: 0 });
    for (const { services } of this.#parts.spaces.all()) {
      for (const { name, state } of services.states()) {
        const counts = byLabel.get(this.stats.services.shownAs(name));
        if (counts !== undefined && state !== "gone") counts[state]++;
      }
    }
    return byLabel;
  }

  /** How many replays are in progress. */
  get replayCount(): number {
    return this.#parts.spaces.replayCount;
  }

  /** What is kept. */
  get kept(): StoreFigures {
    return this.#options.store.figures;
  }

  /** How many requests wait for their answer. */
  get outstandingRequests(): number {
    return this.#parts.spaces.outstandingRequests;
  }

  /** What each tenant has and did; nothing while tenants are not kept apart. */
  tenants(): readonly TenantFigures[] {
    return this.#options.multiTenant ? tenantFigures(this.#traffics, this.#parts.spaces) : [];
  }

  /** Starts to look after the services. */
  start(): void {
    const tickMs = Math.max(MIN_CHECK_MS, Math.min(this.#options.heartbeatIntervalMs / 10, MAX_CHECK_MS));
    this.#timer ??= setInterval(() => this.#check(), tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Takes no new requests from now on. */
  drain(): void {
    for (const { requests } of this.#parts.spaces.all()) requests.drain();
  }

  /** Whether a connection waits for an answer or owes one. */
  isBusy(connection: Subscriber): boolean {
    for (const { requests } of this.#parts.spaces.all()) if (requests.isBusy(connection)) return true;
    return false;
  }

  #check(): void {
    const nowMs = this.#options.clock.now();
    for (const { services } of this.#parts.spaces.all()) services.check(nowMs);
    this.#parts.logs.check();
    this.#options.store.trim(this.#wallClock.now());
  }

  /** The user of one new connection. */
  createSession(): ConnectionUser {
    return new BrokerSession(this.#parts);
  }

  #createTenant(tenant: string): TenantParts {
    const { clock, cachedClock, onLatency } = this.#options;
    const limits = this.#limits;
    const subscriptions = new SubscriptionManager({
      get maxPerSubscriber() {
        return limits.maxSubscriptions;
      },
      settingsOf: (topic) => this.#policies.settingsOf(topic),
      observer: {
        joined(subscription) {
          taps.joined(subscription);
          presence.joined(subscription);
        },
        left(subscription, isGone) {
          if (!isGone) replays.left(subscription.subscriber, subscription.key);
          taps.left(subscription);
          presence.left(subscription, isGone);
        },
      },
    });
    const archive = this.#archives.enter(
      tenant,
      (message, isKnownText) => router.deliverKept(message, isKnownText),
    );
    const replays = this.#createReplays(archive, subscriptions);
    const router = new MessageRouter({
      subscriptions,
      ids: archive.ids,
      keeping: { archive, replays },
      stats: this.stats,
      traffic: this.#traffics.of(tenant),
      topicRates: new KeyedBuckets(MAX_TOPIC_BUCKETS),
      clock,
      cachedClock,
      onLatency,
    });
    const taps = new MessageTaps({
      announce: (topic, payload) => router.announce(topic, payload),
      stats: this.stats,
    });
    const requests = this.#createRequests(subscriptions, taps);
    const services = this.#createServices(router);
    const presence = this.#createPresence(router, services);
    return { subscriptions, router, requests, services, taps, presence, archive, replays };
  }

  #createReplays(archive: TenantArchive, subscriptions: SubscriptionManager): Replays {
    return new Replays({
      archive,
      subscriptions,
      rules: this.#policies,
      turns: this.#replayTurns,
      stats: this.stats,
      wallClock: this.#wallClock,
    });
  }

  #createRequests(subscriptions: SubscriptionManager, taps: MessageTaps): RequestRouter {
    const maxOutstanding = () => this.#maxOutstanding;
    return new RequestRouter({
      subscriptions,
      taps,
      stats: this.stats,
      clock: this.#options.clock,
      cachedClock: this.#options.cachedClock,
      timeoutMs: this.#options.requestTimeoutMs,
      failover: this.#options.failover,
      get maxOutstanding() {
        return maxOutstanding();
      },
      onAnswered: this.#options.onAnswered,
    });
  }

  #createServices(router: MessageRouter): ServiceRegistry {
    return new ServiceRegistry({
      times: this.#times(),
      // With the length prefix the transport asks by message; pings and heartbeats are answered without the program's
      // help.
      ask: (connection) => {
        if (connection.kind !== "text") connection.send(heartbeatRequest(), "control");
      },
      onEvent: (event, service) =>
        router.announce("system.service.events", JSON.stringify({ event, service })),
    });
  }

  #createPresence(router: MessageRouter, services: ServiceRegistry): Presence {
    return new Presence({
      rules: this.#policies,
      describe: (id) => services.descriptionOf(id),
      announce: (topic, payload) => router.announce(topic, payload),
      isHeard: (topic) => router.isHeard(topic),
      stats: this.stats,
      later,
    });
  }

  /** Who does not answer in half the time that is left to him is late. */
  #times(): ServiceTimes {
    const { heartbeatIntervalMs, heartbeatTimeoutMs } = this.#options;
    return {
      askAfterMs: heartbeatIntervalMs,
      lateAfterMs: heartbeatIntervalMs + (heartbeatTimeoutMs - heartbeatIntervalMs) / 2,
    };
  }
}

function later(run: () => void): void {
  setImmediate(run);
}

/** What policies say about keeping, to be compared. */
function keepingOf(topics: readonly TopicPolicy[]): string {
  return JSON.stringify(topics.map(({ pattern, retain, history }) => [pattern, retain, history]));
}

function heartbeatRequest(): HubMessage {
  const header = { action: "request", topic: "system.heartbeat", requestId: crypto.randomUUID() } as const;
  return new HubMessage(header, "{}");
}

function createGreeting({ version, heartbeatTimeoutMs }: MessageBrokerOptions, limits: BrokerLimits) {
  const hub = crypto.randomUUID();
  const told = () => ({
    maxPayloadBytes: limits.maxPayloadBytes,
    maxHeaderBytes: MAX_HEADER_BYTES,
    maxSubscriptions: limits.maxSubscriptions,
    maxTimeoutMs: limits.maxTimeoutMs,
    heartbeatTimeoutMs,
  });
  return (serviceId: string) => ({ serviceId, hub, version, limits: told() });
}
