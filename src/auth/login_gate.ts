/**
 * How many logins are looked at at once, and how many wait for that. Some begin in each turn of the event loop, the
 * others in later ones, so that everybody who is logged in already is served in between, however many come. Who has to
 * wait for something else meanwhile gives up his place, so that those who can be looked at are.
 */
import type { Waiting } from "./authenticator.ts";

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

/** What a gate runs. What it has to wait for long goes through `wait`; whoever gives it bounds how many do. */
export type GateTask<T> = (wait: Waiting) => Promise<T>;

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
  run<T>(task: GateTask<T>): Promise<T> | null {
    if (this.waiting === 0 && this.#canStart()) return this.#start(task);
    if (this.waiting >= this.#maxWaiting) return null;
    return new Promise((resolve) => this.#arrived.push(() => resolve(this.#start(task))));
  }

  #canStart(): boolean {
    return this.#running < this.#maxRunning && this.#startsInTurn < this.#maxStartsPerTurn;
  }

  async #start<T>(task: GateTask<T>): Promise<T> {
    this.#enter();
    try {
      return await task(this.#waitOutside);
    } finally {
      this.#leave();
    }
  }

  readonly #waitOutside: Waiting = async (arrival) => {
    this.#leave();
    try {
      return await arrival;
    } finally {
      await this.#comeBack();
    }
  };

  /** Who was inside already is not turned away, however many wait. */
  async #comeBack(): Promise<void> {
    if (this.waiting > 0 || !this.#canStart()) {
      await new Promise<void>((resolve) =>
        this.#arrived.push(() => {
          this.#enter();
          resolve();
        })
      );
    } else this.#enter();
  }

  #enter(): void {
    this.#running++;
    if (this.#startsInTurn++ === 0) this.#atEndOfTurn(this.#turn);
  }

  #leave(): void {
    this.#running--;
    this.#startWaiting();
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
