/**
 * What is kept of all tenants of a hub. What a tenant published lately outlives its connections, so that a publisher who
 * comes back is recognised; of tenants that are away only so many are remembered, the others are read anew.
 */
import type { Clock } from "../core/ports.ts";
import type { MessageStore } from "../store/message_store.ts";
import type { BrokerStats } from "./broker_stats.ts";
import { type DeliverKept, TenantArchive } from "./tenant_archive.ts";
import type { TenantIds } from "./tenant_ids.ts";

/** Tenants whose archive is remembered while nobody of them is connected. */
export const MAX_AWAY_ARCHIVES = 1000;

/** What archives work with. */
export interface ArchivesOptions {
  readonly store: MessageStore;
  readonly ids: TenantIds;
  /** Time that may lag behind by a turn of the event loop. */
  readonly cachedClock: Clock;
  /** The time of day. */
  readonly wallClock: Clock;
  readonly stats: BrokerStats;
  /** Runs a function once in a later turn of the event loop. */
  readonly later: (run: () => void) => void;
}

/** The archives of one hub. */
export class Archives {
  readonly #options: ArchivesOptions;
  readonly #present = new Map<string, TenantArchive>();
  /** The one that left first comes first. */
  readonly #away = new Map<string, TenantArchive>();
  #haveRulesChanged = false;

  constructor(options: ArchivesOptions) {
    this.#options = options;
  }

  /** The archive of a tenant whose first connection comes. */
  enter(name: string, deliver: DeliverKept): TenantArchive {
    const { store, ids, ...rest } = this.#options;
    const tenant = store.tenant(name);
    const known = this.#away.get(name);
    const own = ids.enter(name, tenant.lastId);
    const archive = known ?? new TenantArchive({ store, tenant, ids: own, ...rest });
    if (known === undefined && this.#haveRulesChanged) archive.rulesChanged();
    archive.attach(own, deliver);
    this.#away.delete(name);
    this.#present.set(name, archive);
    return archive;
  }

  /** The last connection of a tenant went. */
  leave(name: string): void {
    const archive = this.#present.get(name);
    if (archive === undefined) return;
    this.#present.delete(name);
    archive.detach();
    this.#options.ids.leave(name, archive.ids);
    if (archive.isEmpty) return;
    this.#away.set(name, archive);
    this.#forgetSome();
  }

  /** Other things are kept from now on. */
  rulesChanged(): void {
    this.#haveRulesChanged = true;
    for (const archive of [...this.#present.values(), ...this.#away.values()]) archive.rulesChanged();
  }

  /** Those that wait for the disk are not forgotten. */
  #forgetSome(): void {
    if (this.#away.size <= MAX_AWAY_ARCHIVES) return;
    for (const [name, archive] of this.#away) {
      if (!archive.isIdle) continue;
      this.#away.delete(name);
      return;
    }
  }
}
