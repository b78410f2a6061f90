/**
 * What is configured for topics: how slow subscribers of each are treated, and how often each may be published
 * to. The first pattern that selects a topic decides.
 */
import type { Channel, SlowConsumerPolicy } from "../core/delivery.ts";
import { isSystemTopic, isTopic, patternsOverlap } from "../core/topic.ts";
import type { HistoryRules, KeepRules } from "../store/message_store.ts";
import type { BrokerStats } from "./broker_stats.ts";
import { HubMessage } from "./outgoing.ts";
import { LOG_TOPIC, TAP_TOPIC } from "./permissions.ts";
import type { PresenceRules } from "./presence.ts";
import { TopicTrie, TrieEntry } from "./topic_trie.ts";

/** What is configured for the topics that a pattern selects. */
export interface TopicPolicy {
  readonly pattern: string;
  /** `null`: as everywhere else. */
  readonly slowConsumer: SlowConsumerPolicy | null;
  /** Whether it is told who comes and goes. @default false */
  readonly presence?: boolean;
  /** Whether the last message is kept for who subscribes. @default false */
  readonly retain?: boolean;
  /** How many messages are kept for replay. @default none */
  readonly history?: HistoryRules | null;
}

/** How often each topic that a pattern selects may be published to. */
export interface TopicRate {
  readonly pattern: string;
  /** Messages a second; 0: without a limit. */
  readonly perSecond: number;
}

/** All policies of one hub. */
export interface TopicPoliciesOptions {
  readonly policies: readonly TopicPolicy[];
  /** For topics without a policy of their own. */
  readonly slowConsumer: SlowConsumerPolicy;
  readonly rates: readonly TopicRate[];
  /** For topics without a rate of their own, in messages a second; 0: without a limit. */
  readonly ratePerSecond: number;
  readonly stats: BrokerStats;
}

/** What holds for one topic. */
export interface TopicSettings {
  /** How what is published to it reaches slow subscribers. Two channels of a topic have the same name. */
  readonly channel: Channel;
  /** How often it may be published to, in messages a second; 0: without a limit. */
  readonly ratePerSecond: number;
  /** What is kept of what is published to it; `null`: nothing. */
  readonly keep: KeepRules | null;
}

/** Whether messages of a topic are kept for replay. */
export function hasHistory({ keep }: TopicSettings): boolean {
  return keep !== null && keep.history !== null;
}

/** What watches the hub must neither be ended by what it watches nor hold it up. */
const WATCHING_TOPICS: ReadonlySet<string> = new Set([LOG_TOPIC, TAP_TOPIC]);

/** Decides by topic, in lower case. */
export class TopicPolicies implements PresenceRules {
  #options: TopicPoliciesOptions;
  #policies: FirstMatch<TopicPolicy>;
  #rates: FirstMatch<TopicRate>;

  constructor(options: TopicPoliciesOptions) {
    this.#options = options;
    this.#policies = new FirstMatch(options.policies);
    this.#rates = new FirstMatch(options.rates);
  }

  /** Other policies and rates from now on. What was asked before is to be asked again. */
  change(rules: Pick<TopicPoliciesOptions, "policies" | "rates" | "ratePerSecond">): void {
    this.#options = { ...this.#options, ...rules };
    this.#policies = new FirstMatch(rules.policies);
    this.#rates = new FirstMatch(rules.rates);
  }

  /** The patterns of policies with presence. */
  get patterns(): readonly string[] {
    const present = this.#options.policies.filter(({ presence }) => presence === true);
    return present.map(({ pattern }) => pattern.toLowerCase());
  }

  hasPresence(topic: string): boolean {
    return this.#policies.of(topic)?.presence ?? false;
  }

  settingsOf(topic: string): TopicSettings {
    const { slowConsumer, ratePerSecond, stats } = this.#options;
    const policy = this.#policies.of(topic);
    const channel = {
      name: topic,
      slowConsumer: policy?.slowConsumer ?? (WATCHING_TOPICS.has(topic) ? "drop_oldest" : slowConsumer),
      gapNotice: (dropped: number) => gapNotice(topic, dropped, stats),
    };
    const perSecond = this.#rates.of(topic)?.perSecond ?? ratePerSecond;
    return { channel, ratePerSecond: perSecond, keep: keepRules(policy, topic) };
  }

  /** Whether anything is kept of any topic. */
  get keepsAnything(): boolean {
    return this.#options.policies.some(({ retain, history }) =>
      retain === true || (history ?? null) !== null
    );
  }

  /** Whether a pattern, in lower case, selects topics with a history, as far as policies tell. */
  hasHistory(pattern: string): boolean {
    if (isTopic(pattern)) return hasHistory(this.settingsOf(pattern));
    return this.#options.policies.some(({ pattern: own, history }) =>
      (history ?? null) !== null && patternsOverlap(own.toLowerCase(), pattern)
    );
  }
}

/** The hub's own topics are events, of which nothing is kept. */
function keepRules(policy: TopicPolicy | undefined, topic: string): KeepRules | null {
  const { retain = false, history = null } = policy ?? {};
  return (retain || history !== null) && !isSystemTopic(topic) ? { retain, history } : null;
}

function gapNotice(topic: string, dropped: number, stats: BrokerStats): HubMessage {
  stats.gapNotices++;
  const requestId = crypto.randomUUID();
  const header = { action: "publish", topic: "system.topic.gap", requestId } as const;
  return new HubMessage(header, JSON.stringify({ topic, dropped }));
}

/** A rule and its place in the configuration. */
class Rule<R extends { readonly pattern: string }> extends TrieEntry {
  override readonly key: string;
  readonly rule: R;
  readonly order: number;

  constructor(rule: R, order: number) {
    super();
    this.key = rule.pattern.toLowerCase();
    this.rule = rule;
    this.order = order;
  }
}

/** Rules of which the first that selects a topic counts. */
class FirstMatch<R extends { readonly pattern: string }> {
  readonly #trie = new TopicTrie<Rule<R>>();

  constructor(rules: readonly R[]) {
    rules.forEach((rule, order) => this.#trie.add(new Rule(rule, order)));
  }

  of(topic: string): R | undefined {
    const found: (readonly Rule<R>[])[] = [];
    this.#trie.match(topic, found);
    let first: Rule<R> | undefined;
    for (const rule of found.flat()) if (first === undefined || rule.order < first.order) first = rule;
    return first?.rule;
  }
}
