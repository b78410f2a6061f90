/** What is kept of one tenant, in memory: its retained values and its histories. */
import { pageOfMany, pageOfOne, type PageOptions } from "./history_page.ts";
import type { KeepResult, KeepRules, KeptMessage, ReplayFrom, TenantStore } from "./message_store.ts";
import { goneAtMs, goneId, idBefore, idBeforeLast, type ReplayStart } from "./replay_start.ts";
import { type RetainedLimits, RetainedValues } from "./retained_values.ts";
import type { TenantJournal } from "./store_journal.ts";
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

/** From where on a tenant's store knows what was kept and what of it is gone. */
export interface KnownFrom {
  /** Messages of this id and above; `null`: from the first on that comes. */
  readonly id: string | null;
  /** Messages of this time and later, in milliseconds since 1970. */
  readonly atMs: number;
}

/** What a tenant's memory is made with. */
export interface TenantMemoryOptions {
  readonly limits: StoreLimits;
  readonly knownFrom: KnownFrom;
  readonly tally: StoreTally;
  readonly journal: TenantJournal | null;
}

/** The memory of one tenant. */
export class TenantMemory implements TenantStore {
  readonly #topics = new TopicTree();
  readonly #retained: RetainedValues;
  readonly #histories: TenantHistories;
  readonly #journal: TenantJournal | null;
  #knownFrom: KnownFrom;
  #lastId: string | null = null;
  /** The latest time of a message: the clock of the wall may go back, the order of messages does not. */
  #latestMs = -Infinity;

  constructor({ limits, knownFrom, tally, journal }: TenantMemoryOptions) {
    const topics = this.#topics;
    this.#retained = new RetainedValues(topics, { limits: limits.retained, tally });
    this.#histories = new TenantHistories({ topics, tally, journal, maxBytes: limits.history.maxBytes });
    this.#journal = journal;
    this.#knownFrom = knownFrom;
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
    this.#place(message, { history: rules.history, isRetained: isValue && !isFull });
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
    const histories = this.#select(pattern);
    const [only] = histories;
    if (only === undefined) return [];
    return histories.length === 1 ? pageOfOne(only, options) : pageOfMany(histories, options);
  }

  start(pattern: string, from: ReplayFrom, nowMs: number): ReplayStart {
    const histories = this.#select(pattern);
    switch (from.kind) {
      case "after":
        return { afterId: from.id, isComplete: this.#hasAllAfter(from.id, { histories, nowMs }) };
      case "since": {
        const isComplete = this.#hasAllSince(from.atMs, { histories, nowMs });
        return { afterId: idBefore(histories, from.atMs), isComplete };
      }
      case "last":
        return { afterId: idBeforeLast(histories, { count: from.count, nowMs }), isComplete: true };
    }
  }

  /** Forgets what is over the rules, so many steps; tells how many it took and whether it has been everywhere. */
  trim(nowMs: number, maxSteps: number): { readonly steps: number; readonly isThrough: boolean } {
    return this.#histories.trim(nowMs, maxSteps);
  }

  #advance({ id, atMs }: KeptMessage): void {
    if (this.#lastId !== null && id <= this.#lastId) {
      throw new RangeError(`Cannot keep the message ${id}: its id is not above ${this.#lastId}`);
    }
    this.#lastId = id;
    this.#latestMs = Math.max(this.#latestMs, atMs);
    if (this.#knownFrom.id === null) this.#knownFrom = { ...this.#knownFrom, id };
  }

  #clear(topicKey: string): void {
    const topic = this.#topics.get(topicKey);
    if (topic === undefined || topic.retained === null) return;
    const isInHistory = isHeld(topic.history, topic.retained);
    this.#journal?.clear(topic);
    if (!isInHistory) this.#journal?.drop(topic.retainedSeq);
    this.#retained.clear(topic);
    if (topic.history === null) this.#topics.remove(topic);
  }

  #place(
    message: KeptMessage,
    { history, isRetained }: { history: KeepRules["history"]; isRetained: boolean },
  ): void {
    const inHistory = history !== null && this.#histories.hasRoomFor(message);
    if (history === null && !isRetained) return this.#journal?.pass(message.id);
    const topic = this.#topics.get(message.topicKey) ?? this.#topics.add(message.topicKey);
    if (history !== null) this.#histories.open(topic, history);
    let seq = 0;
    if (inHistory || isRetained) {
      seq = this.#journal?.keep(topic, message, { inHistory, isRetained }) ?? 0;
    } else this.#journal?.pass(message.id);
    if (isRetained) this.#retain(topic, { message, seq });
    const atMs = this.#latestMs;
    if (inHistory) this.#histories.add(topic, { message, atMs, seq });
    else if (history !== null) this.#histories.miss(topic, { message, atMs });
  }

  #retain(topic: Topic, { message, seq }: { message: KeptMessage; seq: number }): void {
    const earlier = topic.retained;
    if (earlier !== null && !isHeld(topic.history, earlier)) this.#journal?.drop(topic.retainedSeq);
    this.#retained.set(topic, message);
    topic.retainedSeq = seq;
  }

  #select(pattern: string): TopicHistory[] {
    const histories: TopicHistory[] = [];
    for (const { history } of this.#topics.select(pattern)) if (history !== null) histories.push(history);
    return histories;
  }

  #hasAllAfter(id: string, { histories, nowMs }: Shown): boolean {
    const { id: known } = this.#knownFrom;
    const { forgottenId } = this.#histories;
    if (known === null || id < known || (forgottenId !== null && id < forgottenId)) return false;
    return histories.every((history) => {
      const gone = goneId(history, nowMs);
      return gone === null || gone <= id;
    });
  }

  #hasAllSince(atMs: number, { histories, nowMs }: Shown): boolean {
    if (atMs < this.#knownFrom.atMs || atMs <= this.#histories.forgottenAtMs) return false;
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
