/**
 * A clock that is read once a turn of the event loop, for decisions that are made for every message and need not
 * be exact.
 */
import type { Clock } from "../core/ports.ts";
import type { Turns } from "./turns.ts";

/** The time at which a turn was first asked for it. */
export class TurnClock implements Clock {
  readonly #clock: Clock;
  readonly #turns: Turns;
  #turn = -1;
  #nowMs = 0;

  constructor(clock: Clock, turns: Turns) {
    this.#clock = clock;
    this.#turns = turns;
  }

  now(): number {
    const turn = this.#turns.current();
    if (turn !== this.#turn) {
      this.#turn = turn;
      this.#nowMs = this.#clock.now();
    }
    return this.#nowMs;
  }
}
