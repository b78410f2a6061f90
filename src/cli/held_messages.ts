/**
 * Messages that wait until an answer was read which came before them: what an answer says about them is told first.
 */
import type { TextMessage } from "../wire/text_message.ts";

/** Hands messages on, or holds them. */
export class HeldMessages {
  readonly #take: (message: TextMessage) => void;
  #held: TextMessage[] | null = null;

  constructor(take: (message: TextMessage) => void) {
    this.#take = take;
  }

  take(message: TextMessage): void {
    if (this.#held === null) this.#take(message);
    else this.#held.push(message);
  }

  /** Holds what comes until an answer came and was read. */
  async until<T>(answer: Promise<T>, read: (answer: T) => void): Promise<void> {
    this.#held ??= [];
    read(await answer);
    const held = this.#held;
    this.#held = null;
    for (const message of held) this.#take(message);
  }
}
