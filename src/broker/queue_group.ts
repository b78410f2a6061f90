/**
 * The members of a queue group that one topic reaches, and whose turn it is among them.
 */
import type { OutgoingMessage } from "../core/transport.ts";
import type { Subscriber } from "./subscription.ts";

const NOBODY: ReadonlySet<Subscriber> = new Set();

/** One group as a route knows it. */
export class QueueGroup {
  readonly members: readonly Subscriber[];
  /** Where the next search begins. At random first, so that topics that are seldom seen favour nobody. */
  #turn: number;

  constructor(members: readonly Subscriber[]) {
    this.members = members;
    this.#turn = Math.floor(Math.random() * members.length);
  }

  /**
   * The member that is to get a message: of those that have room for it, the one with the fewest bytes queued; equals
   * take turns. Nobody of `avoided` as long as there is another. Where nobody has room, the one with the fewest bytes:
   * what happens to slow consumers happens to one member, not to all.
   */
  choose(message: OutgoingMessage, avoided: ReadonlySet<Subscriber> = NOBODY): Subscriber | undefined {
    const { members } = this;
    const first = this.#turn;
    let best: Subscriber | undefined;
    let bestRank = Infinity;
    let bestBytes = Infinity;
    for (let step = 0; step < members.length && (bestRank > 0 || bestBytes > 0); step++) {
      const at = (first + step) % members.length;
      const member = members[at];
      if (member === undefined) continue;
      const bytes = member.heldBytes;
      const rank = (avoided.has(member) ? 1 : 0) + (bytes === 0 || member.hasRoomFor(message) ? 0 : 2);
      if (rank > bestRank || (rank === bestRank && bytes >= bestBytes)) continue;
      best = member;
      bestRank = rank;
      bestBytes = bytes;
      this.#turn = (at + 1) % members.length;
    }
    return best;
  }
}
