/**
 * One flush a turn of the event loop for all outboxes of a hub that have something to write: what a turn
 * produced for one peer leaves in one write, however many messages it was.
 */

import { PartJoiner } from "./join_parts.ts";

/** What a flusher flushes. */
export interface Flushable {
  flush(): void;
}

/** Collects outboxes during a turn and flushes them at its end. */
export class Flusher {
  /** Joins the pieces of all flushes. */
  readonly joiner: PartJoiner;
  #waiting: Flushable[] = [];
  #scheduled = false;
  readonly #atEndOfTurn: (run: () => void) => void;

  /**
   * `joinBytes` bounds what small pieces are joined to; `atEndOfTurn` runs a function once, when the current turn is
   * over.
   */
  constructor(joinBytes: number, atEndOfTurn: (run: () => void) => void = (run) => void setImmediate(run)) {
    this.joiner = new PartJoiner(joinBytes);
    this.#atEndOfTurn = atEndOfTurn;
  }

  /** Asks for a flush at the end of this turn. The caller makes sure that it asks once. */
  schedule(outbox: Flushable): void {
    this.#waiting.push(outbox);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#atEndOfTurn(this.#run);
  }

  readonly #run = (): void => {
    const outboxes = this.#waiting;
    this.#waiting = [];
    this.#scheduled = false;
    let done = 0;
    try {
      for (const outbox of outboxes) {
        done++;
        outbox.flush();
      }
    } finally {
      this.joiner.forget();
      // One that failed must not leave the others waiting for ever.
      for (const outbox of outboxes.slice(done)) this.schedule(outbox);
    }
  };
}
