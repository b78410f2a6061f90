/** An archive and its replays beside the subscriptions of a tenant. */
import { BrokerStats } from "../../src/broker/broker_stats.ts";
import { MessageIds } from "../../src/broker/message_ids.ts";
import { type KeepingRules, Replays } from "../../src/broker/replays.ts";
import { ReplayTurns } from "../../src/broker/replay_turns.ts";
import type { SubscriptionManager } from "../../src/broker/subscription_manager.ts";
import { TenantArchive } from "../../src/broker/tenant_archive.ts";
import type { MessageStore } from "../../src/store/message_store.ts";
import { FakeClock, memoryStore } from "./fakes.ts";

/** What they are made with. */
export interface KeptPartsOptions {
  readonly subscriptions: SubscriptionManager;
  readonly ids?: MessageIds;
  readonly stats?: BrokerStats;
  readonly clock?: FakeClock;
  readonly store?: MessageStore;
  readonly rules?: KeepingRules;
  readonly later?: (run: () => void) => void;
}

/** Makes them. */
export function keptParts(options: KeptPartsOptions): { archive: TenantArchive; replays: Replays } {
  const { subscriptions, ids = new MessageIds(1), stats = new BrokerStats(), clock = new FakeClock() } =
    options;
  const { store = memoryStore(), later = () => {} } = options;
  const archive = new TenantArchive({
    store,
    tenant: store.tenant("default"),
    ids,
    cachedClock: clock,
    wallClock: clock,
    stats,
    later,
  });
  const rules = options.rules ?? { keepsAnything: true, hasHistory: () => true };
  const turns = new ReplayTurns(later);
  return { archive, replays: new Replays({ archive, subscriptions, rules, turns, stats, wallClock: clock }) };
}
