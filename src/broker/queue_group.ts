/**
 * The members of a queue group that one topic reaches, and whose turn it is among them.
 */
import type { Subscriber } from "./subscription.ts";

/** One group as a route knows it. */
export class QueueGroup {
  readonly members: readonly Subscriber[];
  /** Where the next search begins. At random first, so that topics that are seldom seen favour nobody. */
  #turn: number;

  constructor(members: readonly Subscriber[]) {
    this.members = members;
    this.#turn = Math.floor(Math.random() * members.length);
  }

  /** The member with the fewest bytes queued; equals take turns. */
  next(): Subscriber | undefined {
    const { members } = this;
    const first = this.#turn;
    let least: Subscriber | undefined;
    let leastBytes = Infinity;
    for (let step = 0; step < members.length && leastBytes > 0; step++) {
      const at = (first + step) % members.length;
      const member = members[at];
      if (member === undefined) continue;
      const bytes = member.heldBytes;
      if (bytes >= leastBytes) continue;
      least = member;
      leastBytes = bytes;
      this.#turn = (at + 1) % members.length;
    }
    return least;
  }
}
