/**
 * Shares the event loop among all who catch up: a bounded number of messages a turn for all together, so that whoever
 * gets his messages live does not wait for them.
 */

/** Somebody who catches up. */
export interface ReplayJob {
  /** Sends at most about so many messages; gives how many, and whether it goes on. */
  takeTurn(max: number): { readonly sent: number; readonly goesOn: boolean };
}

/** Messages that are sent in one turn by all together. */
export const REPLAYED_PER_TURN = 128;
/** Messages that one of them sends before another goes on. */
export const REPLAYED_AT_ONCE = 64;

/** The turns of one hub. */
export class ReplayTurns {
  readonly #later: (run: () => void) => void;
  #jobs: ReplayJob[] = [];
  #isScheduled = false;

  /** `later` runs a function once in a later turn of the event loop. */
  constructor(later: (run: () => void) => void) {
    this.#later = later;
  }

  /** Somebody goes on in a later turn. The caller makes sure that it asks once. */
  add(job: ReplayJob): void {
    this.#jobs.push(job);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#later(this.#run);
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    const waiting = this.#jobs;
    this.#jobs = [];
    let left = REPLAYED_PER_TURN;
    let next = 0;
    while (left > 0 && next < waiting.length) {
      const job = waiting[next++];
      if (job === undefined) break;
      const { sent, goesOn } = job.takeTurn(Math.min(REPLAYED_AT_ONCE, left));
      left -= Math.max(1, sent);
      if (goesOn) waiting.push(job);
    }
    for (const job of waiting.slice(next)) this.add(job);
  };
}
