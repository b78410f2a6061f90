/**
 * A time-out that is fair after a stall: when the whole process stood still, the timer fires before the bytes that
 * arrived in time are read. So it gives the sockets two more turns before it takes effect.
 */
export class Deadline {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #immediate: ReturnType<typeof setImmediate> | undefined;

  /** Calls `onExpired` after `ms` milliseconds, unless it is cleared before. */
  constructor(ms: number, onExpired: () => void) {
    this.#timer = setTimeout(() => {
      this.#immediate = setImmediate(() => {
        this.#immediate = setImmediate(onExpired);
      });
    }, ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
  }
}
