/** Waiting for room: all who wait share one promise, so that nobody can make them many. */

/** Whoever was told that there is no room waits here, and looks again. */
export class Room {
  #waiting: PromiseWithResolvers<void> | null = null;
  #isClosed = false;

  /** Resolves at the next {@link open}; at once when there will be none. */
  wait(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#waiting ??= Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  /** It is worth to look again. */
  open(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve();
  }

  /** It will never be worth it again. */
  close(): void {
    this.#isClosed = true;
    this.open();
  }
}
