/** The retained values of one tenant: at most one of each topic, within the tenant's limits. */
import { keptBytes, TOPIC_OVERHEAD_BYTES } from "./kept_bytes.ts";
import type { KeptMessage } from "./message_store.ts";
import type { StoreTally } from "./store_tally.ts";
import type { Topic, TopicTree } from "./topic_tree.ts";

/** How many values a tenant may have. */
export interface RetainedLimits {
  readonly maxCount: number;
  /** With what each costs beside its payload. */
  readonly maxBytes: number;
}

/** The values. */
export class RetainedValues {
  /** Values that are there stay when the limits are lowered. */
  limits: RetainedLimits;
  readonly #topics: TopicTree;
  readonly #tally: StoreTally;
  #count = 0;
  #bytes = 0;

  constructor(topics: TopicTree, { limits, tally }: { limits: RetainedLimits; tally: StoreTally }) {
    this.#topics = topics;
    this.#tally = tally;
    this.limits = limits;
  }

  /** Whether a message may be the value of its topic. Only what it adds to the value before it counts. */
  hasRoomFor(message: KeptMessage): boolean {
    const earlier = this.#topics.get(message.topicKey)?.retained ?? null;
    const more = valueBytes(message) - (earlier === null ? 0 : valueBytes(earlier));
    if (earlier === null && this.#count >= this.limits.maxCount) return false;
    return more <= 0 && earlier !== null || this.#bytes + more <= this.limits.maxBytes;
  }

  /** A message is the value of its topic from now on. */
  set(topic: Topic, message: KeptMessage): void {
    this.clear(topic);
    topic.retained = message;
    this.#add(1, valueBytes(message));
  }

  /** The topic has no value from now on. */
  clear(topic: Topic): void {
    if (topic.retained === null) return;
    this.#add(-1, -valueBytes(topic.retained));
    topic.retained = null;
  }

  /** The values of the topics that a pattern selects, oldest first. */
  select(pattern: string): KeptMessage[] {
    if (this.#count === 0) return [];
    const values = this.#topics.select(pattern).map(({ retained }) => retained).filter((value) =>
      value !== null
    );
    return values.sort((a, b) => a.id < b.id ? -1 : 1);
  }

  #add(count: number, bytes: number): void {
    this.#count += count;
    this.#bytes += bytes;
    this.#tally.retained += count;
    this.#tally.bytes += bytes;
  }
}

function valueBytes(message: KeptMessage): number {
  return keptBytes(message) + TOPIC_OVERHEAD_BYTES + message.topicKey.length;
}
