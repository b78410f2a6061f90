/**
 * One subscriber catching up with what was published before: the answer to its subscription, the retained values, and
 * then its history page by page, until nothing is left up to what everybody else has got. It reads and decides; sending
 * is for others.
 */
import type { Channel } from "../core/delivery.ts";
import { isTopic, matchesTopic } from "../core/topic.ts";
import type { Clock } from "../core/ports.ts";
import type { OutgoingMessage } from "../core/transport.ts";
import type { KeptMessage } from "../store/message_store.ts";
import { KeptDelivery } from "./kept_delivery.ts";
import { HubMessage } from "./outgoing.ts";
import type { Reader } from "./subscription.ts";
import type { TenantArchive } from "./tenant_archive.ts";
import { hasHistory, type TopicSettings } from "./topic_policies.ts";

/** Below every id of a message. */
export const NO_POSITION = "00000000-0000-4000-8000-000000000000";

/** What was delivered to the same subscriber by another of its subscriptions. */
export interface Cover {
  /** The pattern, in lower case. */
  readonly key: string;
  /** It got everything behind this id. */
  readonly after: string;
  /** And up to this one; or as far as another catching up came. */
  readonly upTo: string | CatchUp;
  /** What the subscriber had lost when that began: with more, nothing is sure. */
  readonly lostBefore: number;
}

/** Where catching up begins, and what it works with. */
export interface CatchUpOptions {
  readonly reader: Reader;
  /** The pattern, in lower case. */
  readonly key: string;
  /** The answer to the subscription, which comes first; `null` where none is wanted. */
  readonly answer: OutgoingMessage | null;
  /** What is published later than this id comes live, where nothing is replayed. */
  readonly until: string;
  /** Behind which id history begins; `null`: only retained values are wanted. */
  readonly after: string | null;
  readonly covers: readonly Cover[];
  readonly archive: TenantArchive;
  /** The settings of a topic, in lower case. */
  readonly settingsOf: (topicKey: string) => TopicSettings;
  readonly wallClock: Clock;
}

/** What is to be sent next. */
export interface CatchUpItem {
  readonly kind: "answer" | "retained" | "replayed" | "gap";
  readonly message: OutgoingMessage;
  readonly channel: Channel;
  /** What it is the delivery of; `null` for what the hub itself says. */
  readonly id: string | null;
}

/** Messages that are read at a time; it keeps none of them while it waits. */
export const PAGE_MESSAGES = 128;
/** Topics with a retained value that are remembered at a time: finding them looks at all that there are. */
const RETAINED_PAGE = 16_384;
/** Sent only where there is room. */
const OWN_CHANNEL: Channel = { name: "system.topic.subscribe", slowConsumer: "close", gapNotice: null };

/** One subscriber catching up with one pattern. */
export class CatchUp {
  readonly reader: Reader;
  readonly key: string;
  /** Whether history is replayed, and not only retained values told. */
  readonly isReplay: boolean;
  /** Behind which id the replay began. */
  readonly after: string;
  /** The id up to which history was sent, or need not be. */
  position: string;
  /** The subscription is gone, but others of the same subscriber wait for what it held back. */
  isLeftOver = false;
  readonly #options: CatchUpOptions;
  #answer: OutgoingMessage | null;
  #values: readonly string[] | null = null;
  #nextValue = 0;
  #valuesAfter = "";
  #page: readonly KeptMessage[] = [];
  #nextMessage = 0;
  readonly #isOneTopic: boolean;
  /** How much had been trimmed when what is gone was told last: in the answer at first. */
  #trimmedBefore: number;
  /** Whether nothing was gone then. */
  #wasComplete: boolean;
  /** A notice was made and nothing was read since. */
  #isGapPending = false;
  #lastTopic = "";
  #selectsLast = false;

  /** What is gone already is for the answer to tell. */
  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.reader = options.reader;
    this.key = options.key;
    this.isReplay = options.after !== null;
    this.after = options.after ?? options.until;
    this.position = this.after;
    this.#answer = options.answer;
    this.#isOneTopic = isTopic(options.key);
    this.#trimmedBefore = options.archive.trimmed;
    this.#wasComplete = !this.isReplay || !this.#isOneTopic || this.#isComplete();
  }

  /** Whether its pattern selects a topic, in lower case. */
  selects(topicKey: string): boolean {
    if (topicKey !== this.#lastTopic) {
      this.#lastTopic = topicKey;
      this.#selectsLast = matchesTopic(this.key, topicKey);
    }
    return this.#selectsLast;
  }

  /**
   * What is to be sent next. `again`: so much had to be passed over that others come first. `null`: nothing is left, and
   * what is published from now on may come live.
   */
  next(): CatchUpItem | "again" | null {
    if (this.#answer !== null) return this.#takeAnswer(this.#answer);
    // Values come last: who keeps the last id as its position has got all that is below it then.
    return (this.isReplay ? this.#nextReplayed() : null) ?? this.#nextValueItem();
  }

  /** An item was sent. */
  sent({ id, kind }: CatchUpItem): void {
    if (kind === "replayed" && id !== null) this.position = id;
  }

  /** It has to wait: what was read ahead is read again then. */
  rest(): void {
    this.#page = [];
    this.#nextMessage = 0;
  }

  #takeAnswer(answer: OutgoingMessage): CatchUpItem {
    this.#answer = null;
    return { kind: "answer", message: answer, channel: OWN_CHANNEL, id: null };
  }

  #nextValueItem(): CatchUpItem | "again" | null {
    const { archive, settingsOf } = this.#options;
    this.#values ??= this.#readValues();
    for (let looked = 0; looked < PAGE_MESSAGES; looked++) {
      const topicKey = this.#values[this.#nextValue];
      if (topicKey === undefined) {
        if (this.#values.length < RETAINED_PAGE) return null;
        this.#values = this.#readValues();
        this.#nextValue = 0;
        continue;
      }
      this.#nextValue++;
      const [value] = archive.tenant.retained(topicKey);
      if (value === undefined || !this.#isWanted(value)) continue;
      const { channel } = settingsOf(topicKey);
      return { kind: "retained", message: new KeptDelivery(value), channel, id: value.id };
    }
    return "again";
  }

  /** A newer value came live, or will; what is replayed is not told twice. */
  #isWanted({ id, topicKey }: KeptMessage): boolean {
    const { archive, settingsOf, until } = this.#options;
    const { keep } = settingsOf(topicKey);
    if (keep === null || !keep.retain || id > until || id > archive.released) return false;
    return !this.isReplay || keep.history === null;
  }

  /** The topics whose values are told next. */
  #readValues(): readonly string[] {
    const values = this.#options.archive.tenant.retained(this.key);
    const page: string[] = [];
    for (const { id, topicKey } of values) {
      if (id <= this.#valuesAfter) continue;
      page.push(topicKey);
      if (page.length === RETAINED_PAGE) {
        this.#valuesAfter = id;
        break;
      }
    }
    return page;
  }

  #nextReplayed(): CatchUpItem | "again" | null {
    const { archive, settingsOf } = this.#options;
    const isNewPage = this.#nextMessage === this.#page.length;
    if (isNewPage) {
      const gap = this.#findGap();
      if (gap !== null) return gap;
      this.#isGapPending = false;
      this.#readPage();
    }
    while (this.#nextMessage < this.#page.length) {
      const message = this.#page[this.#nextMessage++];
      if (message === undefined || message.id > archive.released) break;
      const settings = settingsOf(message.topicKey);
      if (hasHistory(settings) && !this.#isCovered(message)) {
        const { channel } = settings;
        return { kind: "replayed", message: new KeptDelivery(message), channel, id: message.id };
      }
      this.position = message.id;
    }
    // What is not yet safe comes live when it is. Behind the end of an older page there may be more by now.
    const isThrough = (this.#page.at(-1)?.id ?? "") > archive.released ||
      (isNewPage && this.#page.length < PAGE_MESSAGES);
    this.rest();
    if (!isThrough) return "again";
    this.position = archive.released;
    return null;
  }

  #readPage(): void {
    const { archive, wallClock } = this.#options;
    const options = { afterId: this.position, max: PAGE_MESSAGES, nowMs: wallClock.now() };
    this.#page = archive.tenant.page(this.key, options);
    this.#nextMessage = 0;
  }

  /**
   * Tells of what was trimmed away before it could be sent: once, until more was trimmed. Of a pattern all its topics
   * have to be looked at, which nobody does in vain.
   */
  #findGap(): CatchUpItem | null {
    const { trimmed } = this.#options.archive;
    const isUnchanged = trimmed === this.#trimmedBefore;
    if (isUnchanged && !this.#isOneTopic) return null;
    const isComplete = this.#isComplete();
    const isTold = isUnchanged && !this.#wasComplete;
    this.#trimmedBefore = trimmed;
    this.#wasComplete = isComplete;
    return isComplete || isTold || this.#isGapPending ? null : this.#tellGap();
  }

  /** Whether all behind the position is still there. */
  #isComplete(): boolean {
    const { archive, wallClock } = this.#options;
    return archive.tenant.start(this.key, { kind: "after", id: this.position }, wallClock.now()).isComplete;
  }

  #tellGap(): CatchUpItem {
    this.#isGapPending = true;
    const header = { action: "publish", topic: "system.topic.gap", requestId: crypto.randomUUID() } as const;
    const message = new HubMessage(header, JSON.stringify({ topic: this.key, dropped: null }));
    return { kind: "gap", message, channel: OWN_CHANNEL, id: null };
  }

  /** Whether another subscription has brought it. */
  #isCovered({ id, topicKey }: KeptMessage): boolean {
    for (const { key, after, upTo, lostBefore } of this.#options.covers) {
      const until = typeof upTo === "string" ? upTo : upTo.position;
      if (id > after && id <= until && lostBefore === this.reader.lost && matchesTopic(key, topicKey)) {
        return true;
      }
    }
    return false;
  }
}
