/**
 * Bounds what all outboxes of a hub hold together, so that peers that do not read cannot take the memory of all
 * the others. A burst to many is no reason to end anybody: what is over the bound is looked at again turn by turn,
 * and only those who took nothing since are ended, the largest first; all are eligible once it goes on for long.
 */
import type { Turns, Waiting } from "./turns.ts";

/** An outbox as its ledger sees it. */
export interface LedgerMember {
  /** Bytes that it holds at this moment, those handed to the socket included. */
  readonly heldBytes: number;
  /** Rises whenever its socket took something. */
  readonly progress: number;
  /** Ends its connection at once, as a slow consumer. */
  evict(): void;
}

/** For so many turns those who go on taking are spared. */
const PATIENT_TURNS = 16;

/** The sum over all outboxes of one hub. */
export class OutboxLedger implements Waiting {
  readonly #maxBytes: number;
  readonly #turns: Turns;
  readonly #members = new Set<LedgerMember>();
  /** How far each member was when the sum went over the bound; `null` while it is within. */
  #progressBefore: Map<LedgerMember, number> | null = null;
  #turnsOver = 0;
  #heldBytes = 0;

  /** `maxBytes` is what all members may hold together for longer than a few turns. */
  constructor(maxBytes: number, turns: Turns) {
    this.#maxBytes = maxBytes;
    this.#turns = turns;
  }

  /** Bytes that all outboxes hold together. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  join(member: LedgerMember): void {
    this.#members.add(member);
  }

  leave(member: LedgerMember): void {
    this.#members.delete(member);
    this.#progressBefore?.delete(member);
  }

  /** Counts bytes that a member took. */
  take(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > this.#maxBytes && this.#progressBefore === null) this.#watch();
  }

  /** Counts bytes that a member let go. */
  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** Looks at the sum again: ends who has to end while it is over the bound. */
  nextTurn(): void {
    const before = this.#progressBefore;
    this.#progressBefore = null;
    if (this.#heldBytes <= this.#maxBytes) {
      this.#turnsOver = 0;
      return;
    }
    if (++this.#turnsOver > 1) this.#evictLargest(before ?? new Map());
    this.#watch();
  }

  #watch(): void {
    this.#progressBefore = new Map();
    for (const member of this.#members) this.#progressBefore.set(member, member.progress);
    this.#turns.next(this);
  }

  #evictLargest(before: ReadonlyMap<LedgerMember, number>): void {
    const all = this.#turnsOver > PATIENT_TURNS;
    const eligible = [...this.#members].filter((member) =>
      member.heldBytes > 0 && (all || before.get(member) === member.progress)
    );
    eligible.sort((one, other) => other.heldBytes - one.heldBytes);
    let over = this.#heldBytes - this.#maxBytes;
    for (const member of eligible) {
      if (over <= 0) return;
      over -= member.heldBytes;
      member.evict();
    }
  }
}
