/**
 * A set whose members know their place in it, in no order: for what comes and goes with every exchange, where a `Set`
 * would make its memory anew every few of them.
 */

/** The place of who is in no set. */
export const NOWHERE = -1;

/** What can be in one such set. */
export interface Member {
  /** Kept by the set; {@link NOWHERE} outside. */
  place: number;
}

/** The set. */
export class MemberSet<T extends Member> {
  readonly #members: T[] = [];

  /** How many there are. */
  get size(): number {
    return this.#members.length;
  }

  /** Adds one that is in no set. */
  add(member: T): void {
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** Takes one out; whether it was there. */
  delete(member: T): boolean {
    const { place } = member;
    if (place === NOWHERE) return false;
    member.place = NOWHERE;
    const last = this.#members.pop();
    if (last === undefined || last === member) return true;
    this.#members[place] = last;
    last.place = place;
    return true;
  }

  /** All of them as they are now. */
  all(): T[] {
    return this.#members.slice();
  }
}
