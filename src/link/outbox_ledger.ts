/**
 * Bounds what all outboxes of a hub hold together, so that peers that do not read cannot take the memory of all
 * the others. A burst to many is no reason to end anybody: what is over the bound is looked at again every tenth of
 * a second, and only those who took nothing for a second are ended, no more than needed: those who have waited for whole
 * seconds more before the others, and of those the largest first. Far over the bound a tenth of a second is enough, and
 * once it goes on for ten seconds everybody is eligible. Time in which the event loop itself stood still counts for
 * nobody.
 */
import type { Clock } from "../core/ports.ts";
import type { Lane } from "./lane.ts";

/** An outbox as its ledger sees it. */
export interface LedgerMember {
  /** Bytes that it holds at this moment, those handed to the socket included. */
  readonly heldBytes: number;
  /** Rises whenever its socket took something. */
  readonly progress: number;
  /** Bytes of one lane that were not yet handed to the socket. */
  queuedBytesOf(lane: Lane): number;
  /** Ends its connection at once, as a slow consumer. */
  evict(): void;
}

/** How far a member was, and since when. */
interface Seen {
  progress: number;
  sinceMs: number;
}

/** Who may be ended, and for how long its socket took nothing. */
interface Eligible {
  readonly member: LedgerMember;
  readonly idleSeconds: number;
}

const CHECK_MS = 100;
const STALLED_MS = 1000;
const PATIENCE_MS = 10_000;
/** So many times over the bound there is no time to be patient. */
const FAR_OVER = 2;

/** The sum over all outboxes of one hub. */
export class OutboxLedger {
  #maxBytes: number;
  #isUrgent = false;
  readonly #clock: Clock;
  readonly #members = new Set<LedgerMember>();
  readonly #seen = new Map<LedgerMember, Seen>();
  readonly #evicted = new WeakSet<LedgerMember>();
  #overSinceMs = 0;
  #checkedMs = 0;
  /** For how long the event loop stood still while it was watched. */
  #lateMs = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #heldBytes = 0;

  /** `maxBytes` is what all members may hold together for longer than a moment. */
  constructor(maxBytes: number, clock: Clock) {
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  /** What all members may hold together for longer than a moment. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Another bound from now on. While it is urgent a tenth of a second is all the patience that there is. */
  change(maxBytes: number, isUrgent: boolean): void {
    this.#maxBytes = maxBytes;
    this.#isUrgent = isUrgent;
    if (this.#heldBytes > maxBytes && this.#timer === undefined) this.#watch();
  }

  /** Bytes that all outboxes hold together. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes of one lane in all outboxes that were not yet handed to a socket. Looks at each: not for a hot path. */
  queuedBytesOf(lane: Lane): number {
    let bytes = 0;
    for (const member of this.#members) bytes += member.queuedBytesOf(lane);
    return bytes;
  }

  join(member: LedgerMember): void {
    this.#members.add(member);
  }

  leave(member: LedgerMember): void {
    this.#members.delete(member);
    this.#seen.delete(member);
    if (this.#members.size === 0) this.#rest();
  }

  /** Counts bytes that a member took. */
  take(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > this.#maxBytes && this.#timer === undefined) this.#watch();
  }

  /** Counts bytes that a member let go. */
  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** Looks at the sum again: ends who has to end while it is over the bound. Called by its own timer while it is. */
  check(): void {
    if (this.#heldBytes <= this.#maxBytes) {
      this.#rest();
      return;
    }
    const now = this.#countedMs();
    const isLong = now - this.#overSinceMs >= PATIENCE_MS;
    const isFarOver = this.#isUrgent || this.#heldBytes > FAR_OVER * this.#maxBytes;
    const stalledMs = isFarOver ? CHECK_MS : STALLED_MS;
    const eligible: Eligible[] = [];
    for (const member of this.#members) {
      const idleMs = this.#idleMs(member, now);
      if (member.heldBytes === 0 || this.#evicted.has(member)) continue;
      if (isLong || idleMs >= stalledMs) eligible.push({ member, idleSeconds: Math.floor(idleMs / 1000) });
    }
    this.#evictSlowest(eligible);
  }

  #watch(): void {
    this.#lateMs = 0;
    this.#checkedMs = this.#clock.now();
    this.#overSinceMs = this.#checkedMs;
    for (const member of this.#members) this.#idleMs(member, this.#overSinceMs);
    this.#timer = setInterval(() => this.check(), CHECK_MS);
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#seen.clear();
  }

  /** For how long the member's socket took nothing, as far as it was watched. */
  #idleMs(member: LedgerMember, now: number): number {
    const seen = this.#seen.get(member);
    if (seen !== undefined && seen.progress === member.progress) return now - seen.sinceMs;
    this.#seen.set(member, { progress: member.progress, sinceMs: now });
    return 0;
  }

  /** The time now, without that in which nothing could be taken because the event loop stood still. */
  #countedMs(): number {
    const now = this.#clock.now();
    this.#lateMs += Math.max(0, now - this.#checkedMs - CHECK_MS);
    this.#checkedMs = now;
    return now - this.#lateMs;
  }

  #evictSlowest(eligible: Eligible[]): void {
    eligible.sort((one, other) =>
      other.idleSeconds - one.idleSeconds || other.member.heldBytes - one.member.heldBytes
    );
    let over = this.#heldBytes - this.#maxBytes;
    for (const { member } of eligible) {
      if (over <= 0) return;
      over -= member.heldBytes;
      this.#evicted.add(member);
      member.evict();
    }
  }
}
