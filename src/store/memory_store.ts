/**
 * Keeps messages in memory only: what is kept ends with the process, and a replay that asks for what came before it is
 * told that something may be missing.
 */
import { type KnownFrom, KnownIds } from "./known_ids.ts";
import type { MessageStore, StoreFigures } from "./message_store.ts";
import { StoreTally } from "./store_tally.ts";
import { type StoreLimits, TenantMemory } from "./tenant_memory.ts";
import { TrimRounds } from "./trim_rounds.ts";

/** What a store in memory is made with. */
export interface MemoryStoreOptions {
  readonly limits: StoreLimits;
  /**
   * Ids below this one are not this process's; what was kept under them is gone. `null`: those below the first that a
   * tenant keeps.
   * @default null
   */
  readonly knownFromId?: string | null;
  /** The time of messages, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/** The store. */
export class MemoryStore implements MessageStore {
  readonly #tenants = new Map<string, TenantMemory>();
  readonly #tally = new StoreTally();
  readonly #rounds = new TrimRounds(this.#tenants);
  readonly #knownFrom: KnownFrom;
  #limits: StoreLimits;

  constructor({ limits, knownFromId = null, now = Date.now }: MemoryStoreOptions) {
    this.#limits = limits;
    this.#knownFrom = { id: knownFromId, atMs: now() };
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  tenant(name: string): TenantMemory {
    let tenant = this.#tenants.get(name);
    if (tenant === undefined) {
      const known = new KnownIds(this.#knownFrom);
      tenant = new TenantMemory({ limits: this.#limits, known, tally: this.#tally, journal: null });
      this.#tenants.set(name, tenant);
    }
    return tenant;
  }

  whenSafe(done: (failure: string | null) => void): void {
    done(null);
  }

  trim(nowMs: number): void {
    this.#rounds.trim(nowMs);
  }

  /** Other limits from now on; what is over them goes by and by, retained values stay. */
  change(limits: StoreLimits): void {
    this.#limits = limits;
    for (const tenant of this.#tenants.values()) tenant.change(limits);
  }

  get figures(): StoreFigures {
    return { ...this.#tally, unsafe: 0, failures: 0 };
  }
}
