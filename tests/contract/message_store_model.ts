/** What a store of messages has to do, written as plainly as can be: lists, and going through all of them. */
import { matchesTopic } from "../../src/core/topic.ts";
import { keptBytes, TOPIC_OVERHEAD_BYTES } from "../../src/store/kept_bytes.ts";
import type { KeepResult, KeepRules, KeptMessage, ReplayFrom } from "../../src/store/message_store.ts";
import type { StoreLimits } from "../../src/store/tenant_memory.ts";

interface Entry {
  readonly message: KeptMessage;
  readonly atMs: number;
}

interface TopicModel {
  entries: Entry[];
  rules: { size: number; ttlMs: number };
}

/** The model of one tenant. */
export class TenantModel {
  lastId: string | null = null;
  readonly #limits: StoreLimits;
  readonly #knownFromMs: number;
  readonly #topics = new Map<string, TopicModel>();
  readonly #retained = new Map<string, KeptMessage>();
  readonly #gone: Entry[] = [];
  #firstId: string | null = null;
  #latestMs = -Infinity;

  constructor(limits: StoreLimits, knownFromMs: number) {
    this.#limits = limits;
    this.#knownFromMs = knownFromMs;
  }

  keep(message: KeptMessage, rules: KeepRules): KeepResult {
    if (!rules.retain && rules.history === null) return "kept";
    this.lastId = message.id;
    this.#firstId ??= message.id;
    this.#latestMs = Math.max(this.#latestMs, message.atMs);
    const result = rules.retain ? this.#retain(message) : "kept";
    if (rules.history !== null) this.#remember(message, rules.history);
    return result;
  }

  retained(pattern: string): KeptMessage[] {
    return [...this.#retained.values()].filter((message) => matchesTopic(pattern, message.topicKey)).sort(
      byId,
    );
  }

  shown(pattern: string, nowMs: number): KeptMessage[] {
    this.#expire(nowMs);
    return this.#entries().filter(({ message }) => matchesTopic(pattern, message.topicKey)).map((entry) =>
      entry.message
    );
  }

  /** The messages that a replay gives, and whether all are there that were asked for. */
  replay(
    pattern: string,
    from: ReplayFrom,
    nowMs: number,
  ): { messages: KeptMessage[]; isComplete: boolean } {
    const shown = this.shown(pattern, nowMs);
    if (from.kind === "last") {
      return { messages: from.count === 0 ? [] : shown.slice(-from.count), isComplete: true };
    }
    const isWanted = ({ message, atMs }: Entry) =>
      matchesTopic(pattern, message.topicKey) &&
      (from.kind === "after" ? message.id > from.id : atMs >= from.atMs);
    const isKnown = from.kind === "after"
      ? this.#firstId !== null && from.id >= this.#firstId
      : from.atMs >= this.#knownFromMs;
    const messages = this.#entries().filter(isWanted).map(({ message }) => message);
    return { messages, isComplete: isKnown && !this.#gone.some(isWanted) };
  }

  #entries(): Entry[] {
    return [...this.#topics.values()].flatMap(({ entries }) => entries).sort((a, b) =>
      byId(a.message, b.message)
    );
  }

  #retain(message: KeptMessage): KeepResult {
    const earlier = this.#retained.get(message.topicKey);
    this.#retained.delete(message.topicKey);
    if (message.payload.length === 0) return "kept";
    const { maxCount, maxBytes } = this.#limits.retained;
    const bytes = [...this.#retained.values(), message].map(valueBytes).reduce((a, b) => a + b, 0);
    const isSmaller = earlier !== undefined && valueBytes(message) <= valueBytes(earlier);
    if (!isSmaller && (this.#retained.size + 1 > maxCount || bytes > maxBytes)) {
      if (earlier !== undefined) this.#retained.set(message.topicKey, earlier);
      return "full";
    }
    this.#retained.set(message.topicKey, message);
    return "kept";
  }

  #remember(message: KeptMessage, rules: { size: number; ttlMs: number }): void {
    const topic = this.#topics.get(message.topicKey) ?? { entries: [], rules };
    this.#topics.set(message.topicKey, topic);
    topic.rules = rules;
    const entry = { message, atMs: this.#latestMs };
    const { maxBytes } = this.#limits.history;
    if (keptBytes(message) + TOPIC_OVERHEAD_BYTES + message.topicKey.length > maxBytes) {
      this.#gone.push(entry);
    } else topic.entries.push(entry);
    this.#expire(this.#latestMs);
    while (this.#bytes() > maxBytes) {
      const oldest = this.#entries()[0];
      if (oldest === undefined) break;
      this.#remove(oldest);
    }
  }

  #bytes(): number {
    let bytes = 0;
    for (const [key, { entries }] of this.#topics) {
      if (entries.length > 0) bytes += TOPIC_OVERHEAD_BYTES + key.length;
      for (const { message } of entries) bytes += keptBytes(message);
    }
    return bytes;
  }

  #expire(nowMs: number): void {
    for (const { entries, rules } of this.#topics.values()) {
      const tooMany = entries.slice(0, Math.max(entries.length - rules.size, 0));
      const tooOld = entries.filter(({ atMs }) => atMs < nowMs - rules.ttlMs);
      for (const entry of new Set([...tooMany, ...tooOld])) this.#remove(entry);
    }
  }

  #remove(entry: Entry): void {
    this.#gone.push(entry);
    for (const topic of this.#topics.values()) topic.entries = topic.entries.filter((one) => one !== entry);
  }
}

function valueBytes(message: KeptMessage): number {
  return keptBytes(message) + TOPIC_OVERHEAD_BYTES + message.topicKey.length;
}

function byId(a: KeptMessage, b: KeptMessage): number {
  return a.id < b.id ? -1 : 1;
}
