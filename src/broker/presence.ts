/**
 * Who is there: the members of topics, and the events that tell of those who come and go where the configuration asks
 * for it. An event names the pattern that its member subscribed to or left. What one client asks for is told at once
 * and counted; what the end of a connection causes, which may be thousands of events, is told little by little.
 */
import { isTopic, patternsOverlap } from "../core/topic.ts";
import type { BrokerStats } from "./broker_stats.ts";
import type { ServiceDescription } from "./service_registry.ts";
import type { Subscription } from "./subscription.ts";

/** Where members are asked for, and where events are published. */
export const PRESENCE_TOPIC = "system.topic.presence";
/** So many deliveries of events about ended connections are made in one turn of the event loop, with one event at least. */
export const DELIVERIES_PER_TURN = 1024;
/** Events that wait for their turn; those beyond it are only counted. */
export const MAX_WAITING_EVENTS = 50_000;

/** Somebody who is there; what only services say is `null` of others. */
export interface PresenceMember {
  readonly serviceId: string;
  readonly name: string | null;
  readonly metadata: ServiceDescription["metadata"] | null;
}

/** Which topics are looked after. */
export interface PresenceRules {
  /** Whether a topic, in lower case, is to be told of. */
  hasPresence(topic: string): boolean;
  /** The patterns that events are configured for, in lower case. */
  readonly patterns: readonly string[];
}

/** What presence works with. */
export interface PresenceOptions {
  readonly rules: PresenceRules;
  readonly describe: (id: string) => ServiceDescription | null;
  /** Publishes an event; gives the number of deliveries. */
  readonly announce: (topic: string, payload: string) => number;
  /** Whether somebody is subscribed to a topic. */
  readonly isHeard: (topic: string) => boolean;
  readonly stats: BrokerStats;
  /** Runs a function once in a later turn of the event loop. */
  readonly later: (run: () => void) => void;
}

/** The end of a subscription that was not told of yet. */
interface Departure {
  readonly pattern: string;
  readonly member: PresenceMember;
}

/** What was told already is thrown away when it is so much, and more than what waits. */
const MIN_TOLD = 1024;

/** Presence in one tenant. */
export class Presence {
  readonly #options: PresenceOptions;
  /** Who left what and is to be told of, from `#next` on. */
  #waiting: Departure[] = [];
  #next = 0;
  #lost = 0;
  #isScheduled = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Events that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }

  /** Somebody as others see him. */
  memberOf(id: string): PresenceMember {
    const service = this.#options.describe(id);
    return { serviceId: id, name: service?.name ?? null, metadata: service?.metadata ?? null };
  }

  /** Somebody is subscribed to what is published to a pattern. */
  joined({ key, pattern, subscriber }: Subscription): void {
    if (!this.#isTold(key)) return;
    this.#tell("join", { pattern, member: this.memberOf(subscriber.id) });
  }

  /** Somebody is not subscribed to what is published to a pattern any more; `isGone`: because he went. */
  left({ key, pattern, subscriber }: Subscription, isGone: boolean): void {
    if (!this.#isTold(key)) return;
    const departure = { pattern, member: this.memberOf(subscriber.id) };
    if (!isGone) this.#tell("leave", departure);
    else if (this.waiting < MAX_WAITING_EVENTS) {
      this.#waiting.push(departure);
      this.#schedule();
    } else this.#lost++;
  }

  #isTold(key: string): boolean {
    const { rules, isHeard } = this.#options;
    if (rules.patterns.length === 0 || !isHeard(PRESENCE_TOPIC)) return false;
    if (isTopic(key)) return rules.hasPresence(key);
    return rules.patterns.some((pattern) => patternsOverlap(pattern, key));
  }

  /** Gives the number of deliveries. */
  #tell(event: "join" | "leave", { pattern, member }: Departure): number {
    this.#options.stats.presenceEvents[event]++;
    return this.#options.announce(PRESENCE_TOPIC, JSON.stringify({ event, topic: pattern, member }));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.later(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    if (!this.#options.isHeard(PRESENCE_TOPIC)) this.#forget();
    let deliveries = 0;
    while (deliveries < DELIVERIES_PER_TURN) {
      const departure = this.#waiting[this.#next];
      if (departure === undefined) return this.#tellLost();
      this.#next++;
      deliveries += Math.max(1, this.#tell("leave", departure));
    }
    if (this.#next > MIN_TOLD && this.#next > this.waiting) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    this.#schedule();
  }

  /** All that waited was told. */
  #tellLost(): void {
    const dropped = this.#lost;
    this.#forget();
    if (dropped === 0) return;
    this.#options.stats.presenceEvents.lost += dropped;
    this.#options.announce(PRESENCE_TOPIC, JSON.stringify({ event: "lost", dropped }));
  }

  #forget(): void {
    this.#waiting = [];
    this.#next = 0;
    this.#lost = 0;
  }
}
