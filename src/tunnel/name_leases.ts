/**
 * To whom the names of tunnels belong: host names and ports, each to one account at a time. Whoever holds a name keeps
 * it while its tunnel is there, and for the time of the lease after that; meanwhile nobody of another account gets it.
 * Pure: it knows nothing of tunnels but who holds what.
 */

/** Whom names belong to. */
export interface NameOwner {
  readonly tenant: string;
  readonly account: string;
}

/** A tunnel as it asks for names; the same one when it comes back. */
export interface NameHolder extends NameOwner {
  /** The agent and the name that it calls the tunnel by. */
  readonly key: string;
}

/** What became of a claim. */
export type Claim = "granted" | "held" | "leased";

/** Names of tunnels that are gone and still kept; the oldest is given up for one more. */
export const MAX_LEASES = 10_000;

interface Entry {
  holder: NameHolder;
  /** When it is given up; `null` while its tunnel is there. */
  endsMs: number | null;
}

/** The names of one hub. */
export class NameLeases {
  readonly #leaseMs: number;
  readonly #entries = new Map<string, Entry>();
  /** Those without a tunnel, the first to end first. */
  readonly #leased = new Map<string, Entry>();

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** How many names are kept, with a tunnel and without. */
  get size(): number {
    return this.#entries.size;
  }

  /** Whether a holder could have a name now. `held`: a tunnel has it; `leased`: another account may come back to it. */
  judge(name: string, holder: NameHolder, nowMs: number): Claim {
    this.#forgetOld(nowMs);
    const entry = this.#entries.get(name);
    if (entry === undefined) return "granted";
    if (entry.endsMs === null) return entry.holder.key === holder.key ? "granted" : "held";
    return isSameOwner(entry.holder, holder) ? "granted" : "leased";
  }

  /** Takes a name, or says why not. */
  claim(name: string, holder: NameHolder, nowMs: number): Claim {
    const claim = this.judge(name, holder, nowMs);
    if (claim !== "granted") return claim;
    this.#leased.delete(name);
    this.#entries.set(name, { holder, endsMs: null });
    return claim;
  }

  /** The tunnel is gone: the name is kept for its account, unless it was given back. */
  release(name: string, { nowMs, isGivenBack }: { nowMs: number; isGivenBack: boolean }): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    if (isGivenBack) {
      this.#entries.delete(name);
      this.#leased.delete(name);
      return;
    }
    entry.endsMs = nowMs + this.#leaseMs;
    this.#leased.delete(name);
    this.#leased.set(name, entry);
    this.#forgetOld(nowMs);
  }

  /** A name that a tunnel had and would get back: one that begins with `prefix`. */
  leasedBy(key: string, { prefix, nowMs }: { prefix: string; nowMs: number }): string | undefined {
    this.#forgetOld(nowMs);
    for (const [name, { holder }] of this.#leased) {
      if (holder.key === key && name.startsWith(prefix)) return name;
    }
    return undefined;
  }

  /** Which tunnel a name is kept for that is not there; `undefined` for none. */
  keptFor(name: string, nowMs: number): string | undefined {
    this.#forgetOld(nowMs);
    return this.#leased.get(name)?.holder.key;
  }

  #forgetOld(nowMs: number): void {
    for (const [name, { endsMs }] of this.#leased) {
      if (this.#leased.size <= MAX_LEASES && (endsMs ?? 0) > nowMs) return;
      this.#leased.delete(name);
      this.#entries.delete(name);
    }
  }
}

function isSameOwner(one: NameOwner, other: NameOwner): boolean {
  return one.tenant === other.tenant && one.account === other.account;
}
