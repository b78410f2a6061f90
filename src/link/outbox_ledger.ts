/**
 * Bounds what all outboxes of a hub hold together. Over the bound the largest are closed first, so that a
 * few peers that do not read cannot take the memory of all the others.
 */

/** An outbox as its ledger sees it. */
export interface LedgerMember {
  /** Bytes that it holds at this moment, those handed to the socket included. */
  readonly heldBytes: number;
  /** Frees what it holds and ends its connection as a slow consumer. */
  evict(): void;
}

/** The sum over all outboxes of one hub. */
export class OutboxLedger {
  readonly #maxBytes: number;
  readonly #members = new Set<LedgerMember>();
  #heldBytes = 0;

  /** `maxBytes` is what all members may hold together. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
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
  }

  /** Counts bytes that a member took, and evicts the largest members while the sum is over the bound. */
  take(bytes: number): void {
    this.#heldBytes += bytes;
    while (this.#heldBytes > this.#maxBytes) {
      const before = this.#heldBytes;
      this.#largest()?.evict();
      if (this.#heldBytes >= before) return;
    }
  }

  /** Counts bytes that a member let go. */
  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  #largest(): LedgerMember | undefined {
    let largest: LedgerMember | undefined;
    for (const member of this.#members) {
      if (largest === undefined || member.heldBytes > largest.heldBytes) largest = member;
    }
    return largest;
  }
}
