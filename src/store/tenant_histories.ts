/**
 * The histories of one tenant, within the tenant's limit of bytes: over it the oldest messages go, whatever their topic.
 * Of a topic whose whole history is gone it is remembered how far it went; of the oldest of many such topics only
 * how far all of them went.
 */
import { patternLevels } from "../core/topic.ts";
import { pageOfMany, pageOfOne, type PageOptions } from "./history_page.ts";
import { keptBytes, TOPIC_OVERHEAD_BYTES } from "./kept_bytes.ts";
import { MessageLog } from "./message_log.ts";
import type { HistoryRules, KeptMessage } from "./message_store.ts";
import { idBeforeLast } from "./replay_start.ts";
import type { TenantJournal } from "./store_journal.ts";
import type { StoreTally } from "./store_tally.ts";
import { TopicHistory } from "./topic_history.ts";
import { isWildcard, selectsLevels, type Topic, type TopicTree } from "./topic_tree.ts";

/** Topics without a message whose history is remembered. */
export const MAX_EMPTY_HISTORIES = 10_000;
/** How many messages of a topic, or of the tenant, one new message pushes out at once; the rest goes by and by. */
const MAX_TRIMMED_AT_ONCE = 10_000;
/** Topics whose histories are merged without further ado. */
const MAX_MERGED = 32;
/** How far a page goes along the messages of all topics before it merges those of the wanted ones. */
const MAX_WALK = 4_096;
/** How far the last messages are counted back before they are found by cutting all histories: about as long as that. */
const MAX_WALK_BACK = 32_768;
/** How many messages that got too old one new message takes along. */
const MAX_EXPIRED_AT_ONCE = 16;

function historiesOf(topics: readonly Topic[]): TopicHistory[] {
  return topics.map(({ history }) => history).filter((history) => history !== null);
}

/** What the histories of a tenant work with. */
export interface TenantHistoriesOptions {
  readonly topics: TopicTree;
  readonly tally: StoreTally;
  readonly journal: TenantJournal | null;
  /** Most bytes of the histories, with what a message costs beside its payload. */
  readonly maxBytes: number;
}

/** A message that goes into a history. */
export interface NewItem {
  readonly message: KeptMessage;
  /** When it came; not before the one that came before it. */
  readonly atMs: number;
  readonly seq: number;
}

/** The histories. */
export class TenantHistories {
  /** The rest of what is over a lowered limit goes by and by. */
  maxBytes: number;
  /** How far the histories went that are not remembered any more. */
  forgottenId: string | null = null;
  forgottenAtMs = -Infinity;
  readonly #options: TenantHistoriesOptions;
  readonly #log = new MessageLog();
  /** Topics whose history holds nothing, the one that became so first comes first. */
  readonly #empty = new Set<Topic>();
  #bytes = 0;
  #visits: Iterator<Topic> | null = null;

  constructor(options: TenantHistoriesOptions) {
    this.#options = options;
    this.maxBytes = options.maxBytes;
  }

  /** The histories of the topics that a pattern selects, in no order. */
  select(pattern: string): TopicHistory[] {
    return historiesOf(this.#options.topics.select(pattern));
  }

  /** The next messages of the topics that a pattern selects, in the order of ids. */
  page(pattern: string, options: PageOptions): KeptMessage[] {
    const levels = patternLevels(pattern);
    if (!levels.some(isWildcard)) {
      const history = this.#options.topics.get(pattern)?.history ?? null;
      return history === null ? [] : pageOfOne(history, options);
    }
    const few = this.#options.topics.select(pattern, MAX_MERGED);
    if (few.length <= MAX_MERGED) return pageOfMany(historiesOf(few), options);
    const page: KeptMessage[] = [];
    const { afterId, max, nowMs } = options;
    const walk = this.#log.walk({ afterId, maxPlaces: MAX_WALK + max }, (message, history, number) => {
      const isWanted = selectsLevels(levels, history.levels) && history.isShown(number, nowMs);
      if (isWanted) page.push(message);
      return page.length < max;
    });
    if (walk.isAtEnd || page.length >= max) return page;
    // Few of the messages are wanted: it is cheaper to go along the histories that have them.
    const rest = { afterId: walk.lastId, max: max - page.length, nowMs };
    return page.concat(pageOfMany(this.select(pattern), rest));
  }

  /** The id behind which the last so many messages stand; `null` when there are no more than that. */
  idBeforeLast(
    pattern: string,
    { count, nowMs }: { readonly count: number; readonly nowMs: number },
  ): string | null {
    const topics = this.#options.topics.select(pattern, MAX_MERGED);
    if (topics.length <= MAX_MERGED) return idBeforeLast(historiesOf(topics), { count, nowMs });
    const levels = patternLevels(pattern);
    let left = count;
    const found: string[] = [];
    const isThrough = this.#log.walkBack(MAX_WALK_BACK, (message, history, number) => {
      if (!selectsLevels(levels, history.levels) || !history.isShown(number, nowMs)) return true;
      if (left-- === 0) found.push(message.id);
      return left >= 0;
    });
    const [id] = found;
    if (id !== undefined) return id;
    return isThrough ? null : idBeforeLast(this.select(pattern), { count, nowMs });
  }

  /** Whether one message is not more than all together may be. */
  hasRoomFor(message: KeptMessage): boolean {
    return keptBytes(message) + TOPIC_OVERHEAD_BYTES + message.topicKey.length <= this.maxBytes;
  }

  /** Remembers, or forgets, the topics of which a restart left nothing; after all was put back. */
  settle(): void {
    const { topics, journal } = this.#options;
    for (const topic of topics.all()) {
      if (topic.history?.length === 0) this.#remember(topic);
      else if (topic.history === null && topic.retained === null) {
        topics.remove(topic);
        journal?.remove(topic);
      }
    }
  }

  /** The topic has a history, by these rules from now on. */
  open(topic: Topic, rules: HistoryRules): void {
    const earlier = topic.history?.rules;
    const history = topic.history ??= new TopicHistory(topic.key, rules);
    if (earlier?.size === rules.size && earlier.ttlMs === rules.ttlMs) return;
    history.rules = rules;
    this.#options.journal?.note(topic);
  }

  /** Adds a message, and takes away what that makes too many. The topic has to have a history. */
  add(topic: Topic, { message, atMs, seq }: NewItem): void {
    const { history } = topic;
    if (history === null) return;
    if (history.length === 0) this.#fill(topic);
    this.#log.add(message.id, history, history.nextNumber);
    history.push({ message, atMs, seq });
    this.#count(1, keptBytes(message));
    this.#trimExpired(topic, atMs, MAX_EXPIRED_AT_ONCE);
    this.#trimTooMany(topic, MAX_TRIMMED_AT_ONCE);
    this.#trimTooLarge(MAX_TRIMMED_AT_ONCE);
  }

  /** Puts back a message that was there before a restart; what is too old by now goes at once. */
  readd(topic: Topic, { nowMs, ...item }: NewItem & { readonly nowMs: number }): void {
    const { history } = topic;
    if (history === null || item.atMs >= nowMs - history.rules.ttlMs) return this.add(topic, item);
    history.miss(item.message.id, item.atMs);
    this.#options.tally.trimmedByAge++;
    this.#gone(topic, item);
  }

  /** A message that would have gone into a history is too large for it. */
  miss(topic: Topic, { message, atMs }: Omit<NewItem, "seq">): void {
    const { history } = topic;
    if (history === null) return;
    history.miss(message.id, atMs);
    this.#options.tally.trimmedBySize++;
    if (history.length === 0) this.#remember(topic);
    this.#options.journal?.note(topic);
  }

  /**
   * Takes away what is too old, too many or too large: so many steps, each a message or a topic to look at, and tells how
   * many it took and whether it has been at every topic.
   */
  trim(nowMs: number, maxSteps: number): { readonly steps: number; readonly isThrough: boolean } {
    let steps = this.#trimTooLarge(maxSteps);
    this.#log.sweep();
    const visits = this.#visits ??= this.#options.topics.all();
    while (steps < maxSteps) {
      const { value: topic, done } = visits.next();
      if (done === true) {
        this.#visits = null;
        return { steps: steps + 1, isThrough: true };
      }
      steps++;
      steps += this.#trimExpired(topic, nowMs, maxSteps - steps);
      steps += this.#trimTooMany(topic, maxSteps - steps);
    }
    return { steps, isThrough: false };
  }

  #trimExpired(topic: Topic, nowMs: number, max: number): number {
    const { history } = topic;
    if (history === null) return 0;
    const limit = nowMs - history.rules.ttlMs;
    let trimmed = 0;
    while (trimmed < max && history.length > 0 && history.timeAt(0) < limit) {
      this.#shift(topic, history);
      trimmed++;
    }
    this.#options.tally.trimmedByAge += trimmed;
    return trimmed;
  }

  #trimTooMany(topic: Topic, max: number): number {
    const { history } = topic;
    if (history === null) return 0;
    let trimmed = 0;
    while (trimmed < max && history.length > history.rules.size) {
      this.#shift(topic, history);
      trimmed++;
    }
    this.#options.tally.trimmedBySize += trimmed;
    return trimmed;
  }

  #trimTooLarge(max: number): number {
    let trimmed = 0;
    while (trimmed < max && this.#bytes > this.maxBytes) {
      const history = this.#log.oldest();
      const topic = history === undefined ? undefined : this.#options.topics.get(history.key);
      if (history === undefined || topic === undefined) break;
      this.#shift(topic, history);
      trimmed++;
    }
    this.#options.tally.trimmedBySize += trimmed;
    return trimmed;
  }

  #shift(topic: Topic, history: TopicHistory): void {
    const seq = history.seqAt(0);
    const message = history.shift();
    if (message === undefined) return;
    this.#count(-1, -keptBytes(message));
    this.#gone(topic, { message, seq });
    if (history.length > 0) return;
    this.#addBytes(-TOPIC_OVERHEAD_BYTES - topic.key.length);
    this.#remember(topic);
  }

  #gone(topic: Topic, { message, seq }: { message: KeptMessage; seq: number }): void {
    const { journal } = this.#options;
    if (topic.retained === message) journal?.demote(seq);
    else journal?.drop(seq);
    journal?.note(topic);
  }

  /** A history that held nothing gets a message. */
  #fill(topic: Topic): void {
    this.#empty.delete(topic);
    this.#addBytes(TOPIC_OVERHEAD_BYTES + topic.key.length);
  }

  /** Remembers a history that holds nothing, and forgets the first of too many. */
  #remember(topic: Topic): void {
    this.#empty.add(topic);
    if (this.#empty.size <= MAX_EMPTY_HISTORIES) return;
    for (const first of this.#empty) {
      this.#forget(first);
      break;
    }
  }

  #forget(topic: Topic): void {
    this.#empty.delete(topic);
    const { history } = topic;
    const { topics, journal } = this.#options;
    topic.history = null;
    if (topic.retained === null) {
      topics.remove(topic);
      journal?.remove(topic);
    } else journal?.note(topic);
    if (history === null) return;
    const { trimmedId, trimmedAtMs } = history;
    if (trimmedId !== null && (this.forgottenId === null || trimmedId > this.forgottenId)) {
      this.forgottenId = trimmedId;
    }
    this.forgottenAtMs = Math.max(this.forgottenAtMs, trimmedAtMs);
    journal?.advance();
  }

  #count(messages: number, bytes: number): void {
    this.#options.tally.messages += messages;
    this.#addBytes(bytes);
  }

  #addBytes(bytes: number): void {
    this.#bytes += bytes;
    this.#options.tally.bytes += bytes;
  }
}
