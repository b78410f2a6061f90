/**
 * The places that a tuning takes effect at, for all connections of one hub at once: they all look at the same budgets
 * and settings, which change here.
 */
import type { Flusher } from "../link/flusher.ts";
import type { OutboxSettings } from "../link/outbox.ts";
import type { ReadLimits } from "../link/read_budget.ts";
import type { Turns } from "../link/turns.ts";
import type { Tuning } from "./tuning.ts";

type Changing<T> = { -readonly [K in keyof T]: T[K] };

/** What can be turned while a hub runs. */
export class Knobs {
  /** What one connection may be read in a turn. */
  readonly readLimits: Readonly<ReadLimits>;
  /** What all outboxes share. */
  readonly outbox: OutboxSettings;
  readonly #readLimits: Changing<ReadLimits>;
  readonly #outbox: Changing<OutboxSettings>;
  readonly #flusher: Flusher;
  readonly #turns: Turns;
  #tuning: Tuning;

  constructor(tuning: Tuning, { outbox, turns }: { readonly outbox: OutboxSettings; readonly turns: Turns }) {
    this.#readLimits = { ...tuning.readLimits };
    this.#outbox = { ...outbox };
    this.readLimits = this.#readLimits;
    this.outbox = this.#outbox;
    this.#flusher = outbox.flusher;
    this.#turns = turns;
    this.#tuning = tuning;
    this.apply(tuning);
  }

  /** What holds now. */
  get tuning(): Tuning {
    return this.#tuning;
  }

  /** Has another tuning hold from now on. */
  apply(tuning: Tuning): void {
    this.#tuning = tuning;
    Object.assign(this.#readLimits, tuning.readLimits);
    this.#outbox.socketBytes = tuning.socketBytes;
    this.#flusher.joinWindowMs = tuning.joinWindowMs;
    this.#flusher.joiner.joinBytes = tuning.joinBytes;
    this.#turns.paceMs = tuning.turnMs;
  }
}
