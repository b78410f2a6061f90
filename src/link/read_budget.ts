/**
 * What one connection may be read in one turn of the event loop: messages, bytes, and the deliveries that its
 * messages cause. It only counts; who feeds a receiver asks it after each slice and gives way when it is used up.
 */
import type { BytePace } from "../limits/byte_pace.ts";
import type { Turns } from "./turns.ts";

/** The share of one connection in one turn. All connections of a hub look at the same one, which may change. */
export interface ReadLimits {
  readonly messages: number;
  readonly bytes: number;
  /** One message to 10,000 subscribers is 10,000 deliveries. */
  readonly deliveries: number;
}

/** The budget of one connection. */
export class ReadBudget {
  readonly #limits: ReadLimits;
  readonly #turns: Turns;
  /** How fast bytes may come whatever the turn; `null`: as fast as they do. */
  pace: BytePace | null = null;
  #turn = -1;
  #messages = 0;
  #bytes = 0;
  #deliveries = 0;

  constructor(limits: ReadLimits, turns: Turns) {
    this.#limits = limits;
    this.#turns = turns;
  }

  /** Counts bytes that were fed to the receiver. */
  spendBytes(bytes: number): void {
    this.#renew();
    this.#bytes += bytes;
    if (this.pace !== null) this.pace.spend(bytes);
  }

  /** Counts a message and what it caused. */
  spendMessage(deliveries: number): void {
    this.#renew();
    this.#messages++;
    this.#deliveries += deliveries;
  }

  /** Whether nothing more may be read in this turn. */
  isSpent(): boolean {
    this.#renew();
    const { messages, bytes, deliveries } = this.#limits;
    if (this.isHeld) return true;
    return this.#messages >= messages || this.#bytes >= bytes || this.#deliveries >= deliveries;
  }

  /** Whether its pace lets nothing be read, whatever turn it is. */
  get isHeld(): boolean {
    return this.pace !== null && this.pace.waitMs() > 0;
  }

  /** After how many milliseconds to look whether something may be read, whatever turn it is; 0: in the next turn. */
  get lookAgainMs(): number {
    return this.pace === null ? 0 : this.pace.lookAgainMs(this.pace.waitMs());
  }

  #renew(): void {
    const turn = this.#turns.current();
    if (turn === this.#turn) return;
    this.#turn = turn;
    this.#messages = 0;
    this.#bytes = 0;
    this.#deliveries = 0;
  }
}
