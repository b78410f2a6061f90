/**
 * Finds connections of a pool that died without a word while others of it live, long before a heartbeat gives them up.
 * One that is silent is asked; while it owes the answer nothing new should rely on it, and when it still owes it after
 * others were heard it has stalled. As long as nobody is heard nobody stalled: then it is the whole way that is gone,
 * which the heartbeat judges. It does no I/O and has no timer.
 */

/** A connection as it is watched. */
export interface WatchedLink {
  /** When the peer last showed that it lives. */
  readonly lastHeardMs: number;
  /** Asks for a sign of life. */
  ask(): void;
}

/** How often to look. */
export const CHECK_MS = 1000;
/** Silence after which one that is used is asked; one that only waits is asked later, because asking costs the hub. */
const ASK_USED_MS = 1000;
const ASK_WAITING_MS = 10_000;
/** An answer that takes so long keeps new streams away. */
const DOUBT_MS = 1000;
/** One that takes so long, while others were heard, does not come: longer than a lost packet takes to be sent again. */
export const GIVE_UP_MS = 5000;
/** A look that comes so late means that the process stood still, and that answers may wait unread. */
const LATE_MS = 3 * CHECK_MS;

/** Watches the connections of one pool. */
export class StallWatch<L extends WatchedLink> {
  /** The questions that are open, and since when. */
  readonly #asked = new Map<L, number>();
  #checkedMs: number;

  constructor(nowMs: number) {
    this.#checkedMs = nowMs;
  }

  /** Something new relies on it: it is asked unless it was heard just now. */
  relyOn(link: L, nowMs: number): void {
    this.#askAfter(link, ASK_USED_MS, nowMs);
  }

  /** Whether it owes an answer for too long. */
  isDoubtful(link: L, nowMs: number): boolean {
    const askedMs = this.#openQuestion(link);
    return askedMs !== null && nowMs - askedMs >= DOUBT_MS;
  }

  /** It is over. */
  forget(link: L): void {
    this.#asked.delete(link);
  }

  /** Looks at all that are up; gives those that stalled. */
  check(links: readonly L[], nowMs: number): L[] {
    if (nowMs - this.#checkedMs > LATE_MS) {
      for (const link of this.#asked.keys()) this.#asked.set(link, nowMs);
    }
    this.#checkedMs = nowMs;
    // Whether others live shows only when they are asked as well.
    const isUrgent = links.some((link) => this.isDoubtful(link, nowMs));
    for (const link of links) this.#askAfter(link, isUrgent ? ASK_USED_MS : ASK_WAITING_MS, nowMs);
    return links.filter((link) => {
      const askedMs = this.#openQuestion(link);
      return askedMs !== null && nowMs - askedMs >= GIVE_UP_MS &&
        links.some(({ lastHeardMs }) => lastHeardMs > askedMs);
    });
  }

  #askAfter(link: L, silentMs: number, nowMs: number): void {
    if (nowMs - link.lastHeardMs < silentMs || this.#openQuestion(link) !== null) return;
    this.#asked.set(link, nowMs);
    link.ask();
  }

  /** Since when it owes an answer; `null` when it owes none. */
  #openQuestion(link: L): number | null {
    const askedMs = this.#asked.get(link) ?? null;
    if (askedMs === null || link.lastHeardMs < askedMs) return askedMs;
    this.#asked.delete(link);
    return null;
  }
}
