/**
 * What was published lately, so that a publisher who sends a message again because its answer did not come is answered
 * the same, and nobody gets the message twice. Bounded in count and time; pure, time is handed in.
 */

/** Messages that are remembered for each tenant. */
export const MAX_RECENT = 10_000;
/** For how long, in milliseconds. */
export const RECENT_MS = 120_000;

/** What tells a message of a publisher from all others. */
export interface PublishKey {
  readonly requestId: string;
  /** In lower case. */
  readonly topicKey: string;
  /** Who sent it. */
  readonly who: string;
}

interface Recent {
  readonly topicKey: string;
  /** `null`: it was kept before the hub started, and nobody knows who sent it. */
  readonly who: string | null;
  readonly id: string;
  readonly atMs: number;
}

/** The publishes of one tenant. */
export class RecentPublishes {
  /** In the order in which they came, by request id; those of which another has the same request id by all they are. */
  readonly #recent = new Map<string, Recent>();

  /** How many are remembered. */
  get size(): number {
    return this.#recent.size;
  }

  /** The message id that the same publish got before; `null` when it is new. */
  find(key: PublishKey, nowMs: number): string | null {
    const first = this.#recent.get(key.requestId);
    if (first === undefined) return null;
    const same = isSame(first, key) ? first : this.#recent.get(wholeKey(key));
    return same === undefined || nowMs - same.atMs > RECENT_MS ? null : same.id;
  }

  /** Remembers a publish under the message id that it got. */
  add(key: PublishKey, id: string, nowMs: number): void {
    const { topicKey, who } = key;
    this.#set(key, { topicKey, who, id, atMs: nowMs });
  }

  /** A publish is new when it comes again. */
  forget(key: PublishKey): void {
    const first = this.#recent.get(key.requestId);
    if (first !== undefined) this.#recent.delete(isSame(first, key) ? key.requestId : wholeKey(key));
  }

  /** Remembers what was kept before the hub started. */
  restore(
    { requestId, topicKey, id }: Omit<PublishKey, "who"> & { readonly id: string },
    nowMs: number,
  ): void {
    this.#set({ requestId, topicKey, who: "" }, { topicKey, who: null, id, atMs: nowMs });
  }

  #set(key: PublishKey, recent: Recent): void {
    const known = this.#recent.get(key.requestId);
    const isTaken = known !== undefined && !isSame(known, key);
    const name = isTaken ? wholeKey(key) : key.requestId;
    // What is set anew is the newest.
    if (known !== undefined) this.#recent.delete(name);
    this.#recent.set(name, recent);
    this.forgetOld(recent.atMs);
  }

  /** Forgets what is too old or too many. */
  forgetOld(nowMs: number): void {
    for (const [name, { atMs }] of this.#recent) {
      if (this.#recent.size <= MAX_RECENT && nowMs - atMs <= RECENT_MS) return;
      this.#recent.delete(name);
    }
  }
}

function isSame({ topicKey, who }: Recent, key: PublishKey): boolean {
  return topicKey === key.topicKey && (who === null || who === key.who);
}

function wholeKey({ requestId, topicKey, who }: PublishKey): string {
  return `${requestId} ${topicKey} ${who}`;
}
