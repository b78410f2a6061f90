/**
 * Counts the turns of the event loop and brings back at the next one who has used up its share of this one, in
 * the order in which they gave way. Sockets are read between two turns, so nobody waits longer than one turn for
 * somebody who sends without end.
 */
export class Turns {
  readonly #atEndOfTurn: (run: () => void) => void;
  #waiting: (() => void)[] = [];
  #current = 0;
  #scheduled = false;

  /** `atEndOfTurn` runs a function once, when the current turn is over and sockets were read again. */
  constructor(atEndOfTurn: (run: () => void) => void = (run) => void setImmediate(run)) {
    this.#atEndOfTurn = atEndOfTurn;
  }

  /** A number that is the same during one turn and another in the next. */
  current(): number {
    this.#schedule();
    return this.#current;
  }

  /** Runs a function in the next turn. */
  next(run: () => void): void {
    this.#waiting.push(run);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#atEndOfTurn(this.#turn);
  }

  readonly #turn = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#scheduled = false;
    this.#current++;
    for (const run of waiting) run();
  };
}
