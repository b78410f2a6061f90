/**
 * Counts the turns of the event loop and brings back at the next one who has used up its share of this one, in
 * the order in which they gave way. How often sockets are read between turns is the runtime's: every turn with
 * DENO_TOKIO_EVENT_INTERVAL=1, as the tasks of this project set it; without, a turn has to end by a socket.
 */

/** Who goes on in a later turn. */
export interface Waiting {
  /** Called in the turn that follows. */
  nextTurn(): void;
}

/** The turns of one hub. */
export class Turns {
  readonly #atEndOfTurn: (run: () => void) => void;
  #waiting: Waiting[] = [];
  #current = 0;
  #scheduled = false;

  /** How long a turn lasts at least, in milliseconds: with more than 0 everybody's share holds for so long. */
  paceMs = 0;

  /** `atEndOfTurn` runs a function once, when the current turn is over and sockets were read again. */
  constructor(atEndOfTurn: (run: () => void) => void = (run) => void setImmediate(run)) {
    this.#atEndOfTurn = atEndOfTurn;
  }

  /** A number that is the same during one turn and another in the next. */
  current(): number {
    this.#schedule();
    return this.#current;
  }

  /** Brings somebody back in the next turn. */
  next(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.paceMs === 0) this.#atEndOfTurn(this.#turn);
    else setTimeout(this.#turn, this.paceMs);
  }

  readonly #turn = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#scheduled = false;
    this.#current++;
    let done = 0;
    try {
      for (const one of waiting) {
        done++;
        one.nextTurn();
      }
    } finally {
      // One that failed must not leave the others waiting for ever.
      for (const one of waiting.slice(done)) this.next(one);
    }
  };
}
