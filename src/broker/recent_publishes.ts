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

/** What became of a publish. */
export interface Published {
  /** The message id that it got. */
  readonly id: string;
  /** It is in the history of its topic, and not its value. */
  readonly isFull: boolean;
}

interface Recent extends Published {
  readonly requestId: string;
  readonly topicKey: string;
  /** `null`: it was kept before the hub started, and nobody knows who sent it. */
  readonly who: string | null;
  readonly atMs: number;
}

/** The publishes of one tenant. */
export class RecentPublishes {
  /** In the order in which they came, by request id; one of which another has the same request id by all that it is. */
  readonly #recent = new Map<string, Recent>();
  /** How many stand under all that they are, by request id. */
  readonly #others = new Map<string, number>();

  /** How many are remembered. */
  get size(): number {
    return this.#recent.size;
  }

  /** What the same publish was answered before; `null` when it is new. */
  find(key: PublishKey, nowMs: number): Published | null {
    const name = this.#nameOf(key);
    const same = name === null ? undefined : this.#recent.get(name);
    return same === undefined || nowMs - same.atMs > RECENT_MS ? null : same;
  }

  /** Remembers a publish and what it was answered. */
  add(key: PublishKey, { id, isFull }: Published, nowMs: number): void {
    const { requestId, topicKey, who } = key;
    this.#set(key, { requestId, topicKey, who, id, isFull, atMs: nowMs });
  }

  /** A publish is new when it comes again. */
  forget(key: PublishKey): void {
    const name = this.#nameOf(key);
    if (name !== null) this.#delete(name);
  }

  /** Remembers what was kept before the hub started. */
  restore(
    { requestId, topicKey, id }: Omit<PublishKey, "who"> & { readonly id: string },
    nowMs: number,
  ): void {
    const recent = { requestId, topicKey, who: null, id, isFull: false, atMs: nowMs };
    this.#set({ requestId, topicKey, who: "" }, recent);
  }

  /** Under which name a publish is remembered. */
  #nameOf(key: PublishKey): string | null {
    const { requestId } = key;
    const first = this.#recent.get(requestId);
    if (first !== undefined && isSame(first, key)) return requestId;
    if (!this.#others.has(requestId)) return null;
    return [key, { ...key, who: "" }].map(wholeKey).find((name) => this.#recent.has(name)) ?? null;
  }

  #set(key: PublishKey, recent: Recent): void {
    const { requestId } = key;
    const known = this.#nameOf(key);
    // What is set anew is the newest.
    if (known !== null) this.#delete(known);
    const isTaken = this.#recent.has(requestId);
    if (isTaken) this.#others.set(requestId, (this.#others.get(requestId) ?? 0) + 1);
    this.#recent.set(isTaken ? wholeKey(key) : requestId, recent);
    this.forgetOld(recent.atMs);
  }

  #delete(name: string): void {
    const recent = this.#recent.get(name);
    if (recent === undefined) return;
    this.#recent.delete(name);
    const { requestId } = recent;
    if (name === requestId) return;
    const left = (this.#others.get(requestId) ?? 1) - 1;
    if (left > 0) this.#others.set(requestId, left);
    else this.#others.delete(requestId);
  }

  /** Forgets what is too old or too many. */
  forgetOld(nowMs: number): void {
    for (const [name, { atMs }] of this.#recent) {
      if (this.#recent.size <= MAX_RECENT && nowMs - atMs <= RECENT_MS) return;
      this.#delete(name);
    }
  }
}

function isSame({ topicKey, who }: Recent, key: PublishKey): boolean {
  return topicKey === key.topicKey && (who === null || who === key.who);
}

function wholeKey({ requestId, topicKey, who }: PublishKey): string {
  return `${requestId} ${topicKey} ${who}`;
}
