/** Runs the registrations of each agent one after the other, and refuses those of one that asks too fast. */
import type { TunnelRefusal } from "./tunnel.ts";

/** Registrations of one agent that may wait for their turn: what an agent's configuration may hold. */
export const MAX_WAITING = 1000;

interface Turn {
  waiting: number;
  last: Promise<unknown>;
}

/** The registrations that wait. */
export class Registrations {
  readonly #turns = new Map<string, Turn>();

  /** Runs it when its turn comes. `run` must not reject. */
  run<T>(agent: string, run: () => Promise<T>): Promise<T | TunnelRefusal> {
    const turn = this.#turns.get(agent) ?? { waiting: 0, last: Promise.resolve() };
    if (turn.waiting >= MAX_WAITING) {
      return Promise.resolve({ code: "rate_limit_exceeded", message: "Too many registrations wait already" });
    }
    this.#turns.set(agent, turn);
    turn.waiting++;
    const result = turn.last.then(run).finally(() => {
      if (--turn.waiting === 0) this.#turns.delete(agent);
    });
    turn.last = result;
    return result;
  }
}
