/**
 * Up to where a subscription was printed. Only messages of topics with history count, which come in the order of their
 * ids: others may overtake them, and whoever goes on behind one of those misses what it overtook. The hub is asked about
 * each topic once.
 */

/** Topics that are asked about at a time; of more nothing is kept until their next message. */
const MAX_ASKED = 64;
/** Topics that are remembered. */
const MAX_TOPICS = 10_000;

/** What it works with. */
export interface PrintedPositionOptions {
  /** Whether a topic, in lower case, has a history. */
  readonly hasHistory: (topicKey: string) => Promise<boolean>;
  /** Everything up to this id was printed. */
  readonly keep: (id: string) => void;
}

/** The account of one connection. */
export class PrintedPosition {
  /** Rejects with what kept it from keeping a position. */
  readonly failed: Promise<never>;
  readonly #options: PrintedPositionOptions;
  readonly #fail: (error: unknown) => void;
  readonly #known = new Map<string, boolean>();
  /** The latest message of each topic that is asked about. */
  readonly #latest = new Map<string, string>();
  readonly #asking = new Set<Promise<void>>();

  constructor(options: PrintedPositionOptions) {
    this.#options = options;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    [this.failed, this.#fail] = [promise, reject];
  }

  /** A message was printed. */
  printed(topicKey: string, id: string): void {
    const isKnown = this.#known.get(topicKey);
    if (isKnown === true) return this.#options.keep(id);
    if (isKnown === false) return;
    const isAsked = this.#latest.has(topicKey);
    if (!isAsked && this.#latest.size === MAX_ASKED) return;
    this.#latest.set(topicKey, id);
    if (isAsked) return;
    const asking = this.#ask(topicKey).catch(this.#fail).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  /** Resolves when what was printed until now is kept, as far as it counts. */
  async settle(): Promise<void> {
    while (this.#asking.size > 0) await Promise.all(this.#asking);
  }

  async #ask(topicKey: string): Promise<void> {
    const hasHistory = await this.#options.hasHistory(topicKey);
    const id = this.#latest.get(topicKey);
    this.#latest.delete(topicKey);
    if (this.#known.size === MAX_TOPICS) this.#known.clear();
    this.#known.set(topicKey, hasHistory);
    if (hasHistory && id !== undefined) this.#options.keep(id);
  }
}
