/**
 * Who of one tenant catches up with what was published before: one pattern of a connection after the other, as fast as
 * it reads. Until a pattern has caught up, what is published to its topics with history is held back from that
 * connection and comes in turn; the change to live messages happens in one turn, so that nothing is missing or doubled.
 */
import type { Clock } from "../core/ports.ts";
import { matchesTopic, patternsOverlap } from "../core/topic.ts";
import type { OutgoingMessage } from "../core/transport.ts";
import type { ReplayFrom } from "../store/message_store.ts";
import type { BrokerStats } from "./broker_stats.ts";
import { CatchUp, type CatchUpItem, type Cover, NO_POSITION } from "./catch_up.ts";
import type { HoldsBack } from "./message_router.ts";
import { REPLAYED_AT_ONCE, type ReplayJob, type ReplayTurns } from "./replay_turns.ts";
import type { Reader, Subscriber, Subscription } from "./subscription.ts";
import type { SubscriptionManager } from "./subscription_manager.ts";
import type { TenantArchive } from "./tenant_archive.ts";
import type { TopicSettings } from "./topic_policies.ts";

/** Replays that one connection may have in progress. */
export const MAX_REPLAYS = 16;
/** To find so many retained values takes as long as a delivery. */
const VALUES_PER_DELIVERY = 16;
/** A message of so many bytes counts as two. */
const BYTES_PER_MESSAGE = 4096;

/** What is configured about keeping. */
export interface KeepingRules {
  /** Whether anything is kept of any topic. */
  readonly keepsAnything: boolean;
  /** Whether a pattern, in lower case, selects topics with a history. */
  hasHistory(pattern: string): boolean;
}

/** What replays work with. */
export interface ReplaysOptions {
  readonly archive: TenantArchive;
  readonly subscriptions: SubscriptionManager;
  readonly rules: KeepingRules;
  readonly turns: ReplayTurns;
  readonly stats: BrokerStats;
  /** The time of day. */
  readonly wallClock: Clock;
}

/** What a subscriber is told, and gets. */
export interface BegunCatchUp {
  /** What belongs into the answer. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** Sends the answer and what follows it; gives what that took, counted in deliveries. */
  readonly begin: (answer: OutgoingMessage | null) => number;
}

/** Everybody of one tenant who catches up. */
export class Replays implements HoldsBack {
  readonly #options: ReplaysOptions;
  readonly #byReader = new Map<Subscriber, Catching>();

  constructor(options: ReplaysOptions) {
    this.#options = options;
  }

  get isActive(): boolean {
    return this.#byReader.size > 0;
  }

  /** Replays in progress. */
  get size(): number {
    let size = 0;
    for (const { replays } of this.#byReader.values()) size += replays;
    return size;
  }

  holdsBack(subscriber: Subscriber, topicKey: string): boolean {
    return this.#byReader.get(subscriber)?.holdsBack(topicKey) ?? false;
  }

  /** Whether a connection may have one more replay. */
  hasRoomFor(reader: Reader, key: string): boolean {
    return (this.#byReader.get(reader)?.replaysBeside(key) ?? 0) < MAX_REPLAYS;
  }

  /**
   * Somebody subscribed, without a group, to what is published to a pattern. `null`: nothing was asked for and nothing
   * is to be told.
   */
  subscribed(subscription: Subscription, reader: Reader, replay: ReplayFrom | null): BegunCatchUp | null {
    const { archive, rules } = this.#options;
    const { key } = subscription;
    const own = this.#byReader.get(reader);
    const isRunning = own?.isReplaying(key) ?? false;
    if (!isRunning || replay !== null) {
      subscription.since = archive.released;
      subscription.lostBefore = reader.lost;
    }
    if (replay !== null) return this.#replay(subscription, reader, replay);
    if (!rules.keepsAnything || isRunning) return null;
    const retained = archive.tenant.retained(key).length;
    if (retained === 0) return null;
    const until = archive.ids.position;
    return {
      answer: { retained, until },
      begin: (answer) => {
        const sent = this.#begin(reader, { key, answer, until, after: null, covers: [] });
        return sent + Math.floor(retained / VALUES_PER_DELIVERY);
      },
    };
  }

  /** A pattern is not subscribed to any more, or by a group only: of others that overlap nothing is lost. */
  left(subscriber: Subscriber, key: string): void {
    this.#byReader.get(subscriber)?.left(key);
  }

  /** A connection is gone. */
  leave(subscriber: Subscriber): void {
    this.#byReader.get(subscriber)?.end();
    this.#byReader.delete(subscriber);
  }

  #replay(subscription: Subscription, reader: Reader, replay: ReplayFrom): BegunCatchUp {
    const { archive, stats } = this.#options;
    const { key } = subscription;
    const { after: wanted, isComplete } = this.#start(key, replay);
    const covers = this.#coversOf(reader, key);
    // What an earlier replay of the pattern still holds back for others comes by this one.
    const heldAfter = this.#byReader.get(reader)?.leftOverOf(key)?.position ?? wanted;
    const after = heldAfter < wanted ? heldAfter : wanted;
    subscription.since = after;
    const until = archive.ids.position;
    stats.replays.started++;
    if (!isComplete) stats.replays.unrecovered++;
    const isBehind = this.#isBehind(key, after);
    return {
      answer: { recovered: isComplete, position: isBehind ? after : archive.released, until },
      begin: (answer) => this.#begin(reader, { key, answer, until, after, covers }),
    };
  }

  /** Whether there is something to be sent. */
  #isBehind(key: string, after: string): boolean {
    const { archive, wallClock } = this.#options;
    return archive.tenant.page(key, { afterId: after, max: 1, nowMs: wallClock.now() }).length > 0;
  }

  #start(key: string, from: ReplayFrom): { readonly after: string; readonly isComplete: boolean } {
    const { archive, rules, wallClock } = this.#options;
    const isKnown = rules.hasHistory(key) && archive.knows(from);
    // An id that was never given is of another hub, or of messages that are lost: the only safe place is the beginning.
    if (from.kind === "after" && from.id > archive.ids.position) {
      return { after: NO_POSITION, isComplete: false };
    }
    if (from.kind === "last" && from.count === 0) return { after: archive.released, isComplete: isKnown };
    const { afterId, isComplete } = archive.tenant.start(key, from, wallClock.now());
    return { after: afterId ?? NO_POSITION, isComplete: isComplete && isKnown };
  }

  #begin(reader: Reader, { key, answer, until, after, covers }: Beginning): number {
    const { archive, wallClock, subscriptions } = this.#options;
    const settingsOf = (topicKey: string): TopicSettings => subscriptions.route(topicKey).settings;
    const parts = { reader, key, answer, until, after, covers, archive, wallClock, settingsOf };
    return this.#catching(reader).start(new CatchUp(parts));
  }

  #catching(reader: Reader): Catching {
    let catching = this.#byReader.get(reader);
    if (catching === undefined) {
      catching = new Catching(reader, this.#options, () => this.#byReader.delete(reader));
      this.#byReader.set(reader, catching);
    }
    return catching;
  }

  /** What other subscriptions of a connection brought it, or will. */
  #coversOf(reader: Reader, key: string): readonly Cover[] {
    const { archive, subscriptions } = this.#options;
    const covers: Cover[] = [];
    for (const other of subscriptions.of(reader)) {
      const { key: otherKey, publish, since, lostBefore } = other;
      if (publish === null || publish.group !== null || since === null || otherKey === key) continue;
      if (!patternsOverlap(otherKey, key)) continue;
      const upTo = this.#byReader.get(reader)?.replayOf(otherKey) ?? archive.released;
      covers.push({ key: otherKey, after: since, upTo, lostBefore });
    }
    return covers;
  }
}

type Beginning = Pick<
  ConstructorParameters<typeof CatchUp>[0],
  "key" | "answer" | "until" | "after" | "covers"
>;

/** What one connection catches up with. */
class Catching implements ReplayJob {
  readonly #reader: Reader;
  readonly #options: ReplaysOptions;
  readonly #onEmpty: () => void;
  /** The first is at work, the others wait for it. */
  #queue: CatchUp[] = [];
  #unsent: CatchUpItem | null = null;
  /** Whether a turn, or room, is waited for already. */
  #isWaiting = false;
  #isOver = false;

  constructor(reader: Reader, options: ReplaysOptions, onEmpty: () => void) {
    this.#reader = reader;
    this.#options = options;
    this.#onEmpty = onEmpty;
  }

  get replays(): number {
    return this.#queue.reduce((count, { isReplay }) => count + (isReplay ? 1 : 0), 0);
  }

  /** Replays of other patterns. */
  replaysBeside(key: string): number {
    return this.#queue.reduce((count, own) => count + (own.isReplay && own.key !== key ? 1 : 0), 0);
  }

  isReplaying(key: string): boolean {
    return this.replayOf(key) !== undefined;
  }

  replayOf(key: string): CatchUp | undefined {
    return this.#queue.find((own) => own.isReplay && !own.isLeftOver && own.key === key);
  }

  leftOverOf(key: string): CatchUp | undefined {
    return this.#queue.find((own) => own.isLeftOver && own.key === key);
  }

  holdsBack(topicKey: string): boolean {
    for (const own of this.#queue) if (own.isReplay && own.selects(topicKey)) return true;
    return false;
  }

  /** Begins at once where nothing else is at work; gives how many messages were sent. */
  start(catchUp: CatchUp): number {
    this.#drop((own) => own.key === catchUp.key);
    this.#queue.push(catchUp);
    if (this.#isWaiting) return 1;
    const { sent, goesOn } = this.takeTurn(REPLAYED_AT_ONCE);
    if (goesOn) this.#waitForTurn();
    return sent;
  }

  takeTurn(max: number): { readonly sent: number; readonly goesOn: boolean } {
    this.#isWaiting = false;
    let sent = 0;
    while (sent < max) {
      const [first] = this.#queue;
      if (first === undefined || this.#isOver) return { sent, goesOn: false };
      const item = this.#unsent ?? first.next();
      this.#unsent = null;
      if (item === "again") return { sent: max, goesOn: this.#goesOn() };
      if (item === null) {
        this.#finish(first);
        continue;
      }
      if (!this.#hasRoomFor(item)) return { sent, goesOn: this.#waitForRoom(first, item) };
      if (!this.#send(first, item)) return { sent, goesOn: false };
      sent += 1 + Math.floor(item.message.encodedFor("text").bytes / BYTES_PER_MESSAGE);
    }
    return { sent, goesOn: this.#goesOn() };
  }

  /** A pattern is not subscribed to any more. */
  left(key: string): void {
    for (const own of [...this.#queue]) {
      if (own.key !== key && !own.isLeftOver) continue;
      own.isLeftOver = own.isReplay && this.#isNeeded(own);
      if (!own.isLeftOver) this.#drop((each) => each === own);
    }
    if (this.#queue.length === 0) this.#onEmpty();
  }

  end(): void {
    this.#isOver = true;
    this.#queue = [];
    this.#unsent = null;
  }

  /** The turn that was asked for is this one's alone. */
  #goesOn(): boolean {
    this.#isWaiting = this.#queue.length > 0;
    return this.#isWaiting;
  }

  #hasRoomFor({ message }: CatchUpItem): boolean {
    return this.#reader.hasSpareRoom && this.#reader.hasRoomFor(message);
  }

  #send(first: CatchUp, item: CatchUpItem): boolean {
    const { stats } = this.#options;
    if (first.isLeftOver && item.kind === "replayed" && !this.#isSelected(item)) {
      first.sent(item);
      return true;
    }
    const result = this.#reader.publish(item.message, item.channel);
    if (result === "closed" || result === "full") return false;
    first.sent(item);
    if (item.kind === "replayed") stats.replays.messages++;
    else if (item.kind === "retained") stats.retainedSent++;
    else if (item.kind === "gap") stats.replays.gaps++;
    return true;
  }

  #isSelected({ channel }: CatchUpItem): boolean {
    for (const { key, publish } of this.#options.subscriptions.of(this.#reader)) {
      if (publish !== null && publish.group === null && matchesTopic(key, channel.name)) return true;
    }
    return false;
  }

  /** Whether another subscription waits for what it holds back. */
  #isNeeded({ key: own }: CatchUp): boolean {
    for (const { key, publish } of this.#options.subscriptions.of(this.#reader)) {
      if (publish !== null && publish.group === null && key !== own && patternsOverlap(key, own)) return true;
    }
    return false;
  }

  #finish(first: CatchUp): void {
    this.#drop((own) => own === first);
    if (this.#queue.length === 0) this.#onEmpty();
  }

  #drop(isDropped: (own: CatchUp) => boolean): void {
    const [first] = this.#queue;
    if (first !== undefined && isDropped(first)) this.#unsent = null;
    this.#queue = this.#queue.filter((own) => !isDropped(own));
  }

  #waitForTurn(): void {
    this.#isWaiting = true;
    this.#options.turns.add(this);
  }

  #waitForRoom(first: CatchUp, item: CatchUpItem): false {
    this.#unsent = item;
    first.rest();
    this.#isWaiting = true;
    this.#reader.whenSpare(() => {
      if (!this.#isOver) this.#waitForTurn();
    });
    return false;
  }
}
