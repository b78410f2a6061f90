/** What is kept of one tenant, in memory: its retained values and its histories. */
import { pageOfOne, type PageOptions } from "./history_page.ts";
import type { KnownIds } from "./known_ids.ts";
import type { KeepResult, KeepRules, KeptMessage, ReplayFrom, TenantStore } from "./message_store.ts";
import { goneAtMs, goneId, idBefore, type ReplayStart } from "./replay_start.ts";
import { type RetainedLimits, RetainedValues } from "./retained_values.ts";
import type { KeptPlaces, TenantJournal } from "./store_journal.ts";
import type { StoreTally } from "./store_tally.ts";
import { TenantHistories } from "./tenant_histories.ts";
import type { TopicHistory } from "./topic_history.ts";
import { type Topic, TopicTree } from "./topic_tree.ts";

/** How much is kept of each tenant. */
export interface StoreLimits {
  readonly retained: RetainedLimits;
  readonly history: {
    /** Most bytes of all histories, with what a message costs beside its payload. */
    readonly maxBytes: number;
  };
}

/** What a tenant's memory is made with. */
export interface TenantMemoryOptions {
  readonly limits: StoreLimits;
  readonly known: KnownIds;
  readonly tally: StoreTally;
  readonly journal: TenantJournal | null;
}

/** What a tenant is like as a whole. */
export interface TenantState {
  readonly lastId: string | null;
  readonly latestMs: number;
  readonly known: KnownIds;
  readonly forgottenId: string | null;
  readonly forgottenAtMs: number;
}

/** A message that was there before a restart. */
export interface RestoredMessage {
  readonly message: KeptMessage;
  readonly seq: number;
  readonly places: KeptPlaces;
  readonly nowMs: number;
}

/** The memory of one tenant. */
export class TenantMemory implements TenantStore {
  readonly #topics = new TopicTree();
  readonly #retained: RetainedValues;
  readonly #histories: TenantHistories;
  readonly #journal: TenantJournal | null;
  readonly #known: KnownIds;
  #lastId: string | null = null;
  /** The latest time of a message: the clock of the wall may go back, the order of messages does not. */
  #latestMs = -Infinity;

  constructor({ limits, known, tally, journal }: TenantMemoryOptions) {
    const topics = this.#topics;
    this.#retained = new RetainedValues(topics, { limits: limits.retained, tally });
    this.#histories = new TenantHistories({ topics, tally, journal, maxBytes: limits.history.maxBytes });
    this.#journal = journal;
    this.#known = known;
  }

  get lastId(): string | null {
    return this.#lastId;
  }

  /** Other limits from now on. */
  change({ retained, history }: StoreLimits): void {
    this.#retained.limits = retained;
    this.#histories.maxBytes = history.maxBytes;
  }

  /** Throws a `RangeError` for an id that is not above all before it. */
  keep(message: KeptMessage, rules: KeepRules): KeepResult {
    if (!rules.retain && rules.history === null) return "kept";
    this.#advance(message);
    const isValue = rules.retain && message.payload.length > 0;
    const isFull = isValue && !this.#retained.hasRoomFor(message);
    if (rules.retain && !isValue) this.#clear(message.topicKey);
    const isKept = this.#place(message, { history: rules.history, isRetained: isValue && !isFull });
    if (!isKept) return "lost";
    return isFull ? "full" : "kept";
  }

  retained(pattern: string): readonly KeptMessage[] {
    return this.#retained.select(pattern);
  }

  history(topicKey: string, nowMs: number): readonly KeptMessage[] {
    const history = this.#topics.get(topicKey)?.history ?? null;
    return history === null ? [] : pageOfOne(history, { afterId: null, max: history.length, nowMs });
  }

  page(pattern: string, options: PageOptions): readonly KeptMessage[] {
    return this.#histories.page(pattern, options);
  }

  start(pattern: string, from: ReplayFrom, nowMs: number): ReplayStart {
    if (from.kind === "last") {
      return {
        afterId: this.#histories.idBeforeLast(pattern, { count: from.count, nowMs }),
        isComplete: true,
      };
    }
    const histories = this.#histories.select(pattern);
    switch (from.kind) {
      case "after":
        return { afterId: from.id, isComplete: this.#hasAllAfter(from.id, { histories, nowMs }) };
      case "since": {
        const isComplete = this.#hasAllSince(from.atMs, { histories, nowMs });
        return { afterId: idBefore(histories, from.atMs), isComplete };
      }
    }
  }

  /** Forgets what is over the rules, so many steps; tells how many it took and whether it has been everywhere. */
  trim(nowMs: number, maxSteps: number): { readonly steps: number; readonly isThrough: boolean } {
    return this.#histories.trim(nowMs, maxSteps);
  }

  /** What the tenant is like as a whole. */
  get state(): TenantState {
    const [lastId, latestMs, known] = [this.#lastId, this.#latestMs, this.#known];
    const { forgottenId, forgottenAtMs } = this.#histories;
    return { lastId, latestMs, known, forgottenId, forgottenAtMs };
  }

  /** Puts back what was before a restart. */
  restore({ lastId, latestMs, forgottenId, forgottenAtMs }: Omit<TenantState, "known">): void {
    [this.#lastId, this.#latestMs] = [lastId, latestMs];
    [this.#histories.forgottenId, this.#histories.forgottenAtMs] = [forgottenId, forgottenAtMs];
  }

  /** Puts back a topic, with an empty history if it has one. */
  restoreTopic(key: string, { number, history }: { number: number; history: TopicHistory | null }): Topic {
    const topic = this.#topics.add(key);
    topic.number = number;
    topic.history = history;
    return topic;
  }

  /** Everything was put back. */
  settle(): void {
    this.#histories.settle();
  }

  /** Puts back a message; it has to come after those before it. What is too old by now goes at once. */
  restoreMessage(topic: Topic, { message, seq, places, nowMs }: RestoredMessage): void {
    if (places.isRetained) {
      this.#retained.set(topic, message);
      topic.retainedSeq = seq;
    }
    if (places.inHistory) this.#histories.readd(topic, { message, seq, atMs: places.placedMs, nowMs });
    else if (!places.isRetained) this.#journal?.drop(seq);
  }

  #advance({ id, atMs }: KeptMessage): void {
    if (this.#lastId !== null && id <= this.#lastId) {
      throw new RangeError(`Cannot keep the message ${id}: its id is not above ${this.#lastId}`);
    }
    this.#lastId = id;
    this.#latestMs = Math.max(this.#latestMs, atMs);
    this.#known.add(id);
    this.#journal?.advance();
  }

  #clear(topicKey: string): void {
    const topic = this.#topics.get(topicKey);
    if (topic === undefined || topic.retained === null) return;
    const isInHistory = isHeld(topic.history, topic.retained);
    this.#journal?.clear(topic);
    if (!isInHistory) this.#journal?.drop(topic.retainedSeq);
    this.#retained.clear(topic);
    if (topic.history !== null) return;
    this.#topics.remove(topic);
    this.#journal?.remove(topic);
  }

  /** `false`: the journal did not take it. */
  #place(
    message: KeptMessage,
    { history, isRetained }: { history: KeepRules["history"]; isRetained: boolean },
  ): boolean {
    const inHistory = history !== null && this.#histories.hasRoomFor(message);
    if (history === null && !isRetained) return true;
    const topic = this.#topics.get(message.topicKey) ?? this.#topics.add(message.topicKey);
    if (history !== null) this.#histories.open(topic, history);
    const atMs = this.#latestMs;
    const places = { inHistory, isRetained, placedMs: atMs };
    const taken = inHistory || isRetained ? this.#journal?.keep(topic, message, places) : undefined;
    const seq = taken ?? 0;
    if (isRetained) this.#retain(topic, { message, seq });
    if (inHistory) this.#histories.add(topic, { message, atMs, seq });
    else if (history !== null) this.#histories.miss(topic, { message, atMs });
    return taken !== 0;
  }

  #retain(topic: Topic, { message, seq }: { message: KeptMessage; seq: number }): void {
    const earlier = topic.retained;
    if (earlier !== null && !isHeld(topic.history, earlier)) this.#journal?.drop(topic.retainedSeq);
    this.#retained.set(topic, message);
    topic.retainedSeq = seq;
  }

  #hasAllAfter(id: string, { histories, nowMs }: Shown): boolean {
    const { forgottenId } = this.#histories;
    if (!this.#known.includes(id) || (forgottenId !== null && id < forgottenId)) return false;
    return histories.every((history) => {
      const gone = goneId(history, nowMs);
      return gone === null || gone <= id;
    });
  }

  #hasAllSince(atMs: number, { histories, nowMs }: Shown): boolean {
    if (atMs < this.#known.fromMs || atMs <= this.#histories.forgottenAtMs) return false;
    return histories.every((history) => goneAtMs(history, nowMs) < atMs);
  }
}

interface Shown {
  readonly histories: readonly TopicHistory[];
  readonly nowMs: number;
}

/** Whether a history holds a message. */
function isHeld(history: TopicHistory | null, message: KeptMessage): boolean {
  return history !== null && history.at(history.firstAfter(message.id) - 1) === message;
}
