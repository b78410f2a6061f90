/** What comes one after the other, awaited one by one. */
export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T | null) => void)[] = [];
  #isOver = false;

  /** What came and was not taken. */
  get length(): number {
    return this.#items.length;
  }

  push(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting(item);
  }

  /** Nothing more comes. */
  end(): void {
    this.#isOver = true;
    for (const waiting of this.#waiting.splice(0)) waiting(null);
  }

  /** The next one; `null` when there is none to come. */
  next(): Promise<T | null> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#isOver) return Promise.resolve(null);
    const { promise, resolve } = Promise.withResolvers<T | null>();
    this.#waiting.push(resolve);
    return promise;
  }
}
