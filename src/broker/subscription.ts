/**
 * Who gets what: a subscriber, one of its subscriptions, and the words for both.
 */
import type { Channel, PushResult } from "../core/delivery.ts";
import type { OutgoingMessage } from "../core/transport.ts";
import type { QuotaRefusal } from "../limits/quota_scope.ts";
import { TrieEntry } from "./topic_trie.ts";

/** What of a topic a subscription is about. */
export const SUBSCRIPTION_ACTIONS = ["publish", "request", "both"] as const;
/** An action of {@link SUBSCRIPTION_ACTIONS}. */
export type SubscriptionAction = typeof SUBSCRIPTION_ACTIONS[number];

/** Who pays for subscriptions. */
export interface SubscriptionPayer {
  /** One more; gives what is in the way, or `null`. */
  add(what: "subscriptions"): QuotaRefusal | null;
  /** So many less. */
  remove(what: "subscriptions", count: number): void;
}

/** Who gets messages. */
export interface Subscriber {
  /** Unique in its tenant. */
  readonly id: string;
  /** Who pays for its subscriptions; `null` or left out: nobody. */
  readonly quota?: SubscriptionPayer | null;
  /** Bytes that wait to be written to it. */
  readonly heldBytes: number;
  publish(message: OutgoingMessage, channel: Channel): PushResult;
  /** Queues what is meant for it alone. */
  send(message: OutgoingMessage, lane: "control" | "request"): PushResult;
  /** Whether a message would be queued without anything being dropped for it. */
  hasRoomFor(message: OutgoingMessage): boolean;
}

/** Who can be sent what was published before, as fast as it reads. */
export interface Reader extends Subscriber {
  /** Whether so few publishes wait that what is in no hurry may be queued too. */
  readonly hasSpareRoom: boolean;
  /** Messages that were dropped because it was too slow; never falls. */
  readonly lost: number;
  /** Calls back once, when there is spare room again; the last call counts. */
  whenSpare(run: () => void): void;
}

/** One subscriber's interest in one pattern: in what is published there, in requests, or in both. */
export class Subscription extends TrieEntry {
  readonly subscriber: Subscriber;
  /** The pattern as the subscriber wrote it. */
  readonly pattern: string;
  override readonly key: string;
  /** `null` while it is not about what is published. */
  publish: { readonly group: string | null } | null = null;
  /** The id behind which everything kept came, or comes, to its subscriber; `null`: nothing is known. */
  since: string | null = null;
  /** What its subscriber had lost by then. */
  lostBefore = 0;
  /** `null` while it is not about requests. The highest priority is asked first. */
  request: { readonly priority: number } | null = null;

  constructor(subscriber: Subscriber, pattern: string) {
    super();
    this.subscriber = subscriber;
    this.pattern = pattern;
    this.key = pattern.toLowerCase();
  }

  /** What it is about. One that is about nothing is removed. */
  get action(): SubscriptionAction {
    if (this.publish === null) return "request";
    return this.request === null ? "publish" : "both";
  }
}
