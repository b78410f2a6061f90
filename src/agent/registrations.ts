/**
 * What a client wants from its hub, for as long as it wants it, whatever becomes of the connections meanwhile: its
 * subscriptions, found by the topic of a message.
 */
import { matchesTopic } from "../core/topic.ts";
import type { WorkQueue } from "../limits/work_queue.ts";
import type { TextMessage } from "../wire/text_message.ts";

/** What is subscribed to: what others publish, or what they ask. */
export type RegisteredAction = "publish" | "request";

/** One wish. */
export interface Registration {
  readonly action: RegisteredAction;
  /** The pattern as it was written. */
  readonly topic: string;
  /** The pattern in lower case. */
  readonly topicKey: string;
  readonly group: string | null;
  readonly priority: number;
  /** Runs its handler. */
  readonly queue: WorkQueue;
  /** Gets what came for it. */
  readonly handle: (message: TextMessage) => void;
  /** Messages of this topic were lost on the way to this client. */
  readonly lost: (topic: string, messages: number) => void;
  /** Told once: `null` when the hub took it for the first time, or why it never will. */
  settled: ((error: Error | null) => void) | null;
}

const WILDCARD = /[+#]/;

/** All wishes of one client. */
export class Registrations {
  readonly #all = new Map<string, Registration>();
  /** Those with wildcards; the others are found by their topic. */
  readonly #wild: Record<RegisteredAction, Set<Registration>> = { publish: new Set(), request: new Set() };

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): IterableIterator<Registration> {
    return this.#all.values();
  }

  /** Adds one; `false` when there is one with the same action and pattern. */
  add(registration: Registration): boolean {
    const key = keyOf(registration.action, registration.topicKey);
    if (this.#all.has(key)) return false;
    this.#all.set(key, registration);
    if (WILDCARD.test(registration.topicKey)) this.#wild[registration.action].add(registration);
    return true;
  }

  /** Takes one out; whether it was there. */
  delete(registration: Registration): boolean {
    if (!this.has(registration)) return false;
    this.#wild[registration.action].delete(registration);
    return this.#all.delete(keyOf(registration.action, registration.topicKey));
  }

  /** Whether it is still wanted. */
  has(registration: Registration): boolean {
    return this.#all.get(keyOf(registration.action, registration.topicKey)) === registration;
  }

  /** Whether something with the same action and pattern is wanted. */
  hasLike({ action, topicKey }: Registration): boolean {
    return this.#all.has(keyOf(action, topicKey));
  }

  /** Those whose pattern selects a topic in lower case, the exact one first. */
  of(action: RegisteredAction, topicKey: string): Registration[] {
    const exact = this.#all.get(keyOf(action, topicKey));
    const found = exact === undefined ? [] : [exact];
    for (const registration of this.#wild[action]) {
      if (matchesTopic(registration.topicKey, topicKey)) found.push(registration);
    }
    return found;
  }

  clear(): void {
    this.#all.clear();
    this.#wild.publish.clear();
    this.#wild.request.clear();
  }
}

function keyOf(action: RegisteredAction, topicKey: string): string {
  return `${action}:${topicKey}`;
}
