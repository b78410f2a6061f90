/**
 * Runs jobs, so many at a time; the others wait in the order they came. The line is bounded in jobs and in bytes:
 * whoever does not fit in is turned away at once instead of being answered too late.
 */

/** How much a queue does and keeps. */
export interface WorkQueueOptions {
  /** How many jobs run at a time. */
  readonly concurrency: number;
  /** How many may wait. */
  readonly maxWaiting: number;
  /** How many bytes those that wait may hold in all. */
  readonly maxWaitingBytes: number;
}

/** Something to do. */
export interface Job {
  /** What it holds while it waits. */
  readonly bytes: number;
  /** Does it. It must not throw. */
  run(): Promise<void>;
}

/** A bounded queue of jobs. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting: Job[] = [];
  #waitingBytes = 0;
  #running = 0;
  #onIdle: (() => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Whether the next job has to wait. */
  get isBusy(): boolean {
    return this.#running >= this.#options.concurrency;
  }

  /** Starts a job, or lets it wait. False when the queue is full: it will not be done. */
  offer(job: Job): boolean {
    const { maxWaiting, maxWaitingBytes } = this.#options;
    if (!this.isBusy) {
      this.#start(job);
      return true;
    }
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes + job.bytes > maxWaitingBytes) return false;
    this.#waiting.push(job);
    this.#waitingBytes += job.bytes;
    return true;
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle.push(resolve);
    return promise;
  }

  #start(job: Job): void {
    this.#running++;
    void job.run().finally(() => this.#ended());
  }

  #ended(): void {
    this.#running--;
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#waitingBytes -= next.bytes;
      this.#start(next);
    } else if (this.#running === 0) { for (const resolve of this.#onIdle.splice(0)) resolve(); }
  }
}
