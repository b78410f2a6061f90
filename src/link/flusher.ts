/**
 * One flush a turn of the event loop for all outboxes of a hub that have something to write: what a turn
 * produced for one peer leaves in one write, however many messages it was. What has time may wait for more, for a
 * window that can change: fewer writes then carry the same messages.
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
  /** Those that wait for the end of the window, and what ends it. */
  #joining: Flushable[] = [];
  #window: ReturnType<typeof setTimeout> | undefined;
  readonly #atEndOfTurn: (run: () => void) => void;

  /**
   * How long what has time waits for more, in milliseconds; 0: until the end of the turn. What waits already is not
   * affected.
   */
  joinWindowMs = 0;

  /**
   * `joinBytes` bounds what small pieces are joined to; `atEndOfTurn` runs a function once, when the current turn is
   * over.
   */
  constructor(joinBytes: number, atEndOfTurn: (run: () => void) => void = (run) => void setImmediate(run)) {
    this.joiner = new PartJoiner(joinBytes);
    this.#atEndOfTurn = atEndOfTurn;
  }

  /** Asks for a flush at the end of the window. The caller makes sure that it asks once. */
  scheduleLater(outbox: Flushable): void {
    this.#joining.push(outbox);
    this.#window ??= setTimeout(this.#endWindow, this.joinWindowMs);
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
    this.#flushAll(outboxes);
  };

  readonly #endWindow = (): void => {
    const outboxes = this.#joining;
    this.#joining = [];
    this.#window = undefined;
    this.#flushAll(outboxes);
  };

  #flushAll(outboxes: readonly Flushable[]): void {
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
  }
}
