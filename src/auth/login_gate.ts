/**
 * How many logins are looked at at once, and how many wait for that. Some begin in each turn of the event loop, the
 * others in later ones, so that everybody who is logged in already is served in between, however many come.
 */

/** Bounds of a gate. */
export interface LoginGateLimits {
  /** Logins that are looked at at once. @default 64 */
  readonly maxRunning?: number;
  /** Logins that wait for it. @default 4096 */
  readonly maxWaiting?: number;
  /** Logins that begin in one turn of the event loop. @default 8: some 3 ms when each checks a signature */
  readonly maxStartsPerTurn?: number;
  /** Runs a function when the current turn is over. @default setImmediate */
  readonly atEndOfTurn?: (run: () => void) => void;
}

/** One gate. */
export class LoginGate {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #maxStartsPerTurn: number;
  readonly #atEndOfTurn: (run: () => void) => void;
  /** Those that came last, in their order. */
  #arrived: (() => void)[] = [];
  /** Those that came before them, the first one last. */
  #next: (() => void)[] = [];
  #running = 0;
  #startsInTurn = 0;

  constructor(limits: LoginGateLimits = {}) {
    this.#maxRunning = limits.maxRunning ?? 64;
    this.#maxWaiting = limits.maxWaiting ?? 4096;
    this.#maxStartsPerTurn = limits.maxStartsPerTurn ?? 8;
    this.#atEndOfTurn = limits.atEndOfTurn ?? ((run) => void setImmediate(run));
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#arrived.length + this.#next.length;
  }

  /** Runs a task when it is its turn; `null` when too many wait. Others go on when it fails. */
  run<T>(task: () => Promise<T>): Promise<T> | null {
    if (this.waiting === 0 && this.#canStart()) return this.#start(task);
    if (this.waiting >= this.#maxWaiting) return null;
    return new Promise((resolve) => this.#arrived.push(() => resolve(this.#start(task))));
  }

  #canStart(): boolean {
    return this.#running < this.#maxRunning && this.#startsInTurn < this.#maxStartsPerTurn;
  }

  async #start<T>(task: () => Promise<T>): Promise<T> {
    this.#running++;
    if (this.#startsInTurn++ === 0) this.#atEndOfTurn(this.#turn);
    try {
      return await task();
    } finally {
      this.#running--;
      this.#startWaiting();
    }
  }

  readonly #turn = (): void => {
    this.#startsInTurn = 0;
    this.#startWaiting();
  };

  #startWaiting(): void {
    while (this.#canStart()) {
      if (this.#next.length === 0) {
        this.#next = this.#arrived.reverse();
        this.#arrived = [];
      }
      const start = this.#next.pop();
      if (start === undefined) return;
      start();
    }
  }
}
