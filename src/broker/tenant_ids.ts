/**
 * The message ids of each tenant. They go on where they were when a tenant comes back, so that positions only rise and
 * no id is given twice; a tenant that published nothing has the same position again. Of tenants that are away only so many are remembered: who was forgotten goes on in a later
 * epoch than every one before. What is kept on a disk has ids too, and new ones are above them.
 */
import { epochOf, MessageIds } from "./message_ids.ts";

/** Tenants that are remembered while nobody of them is connected. */
export const MAX_AWAY_TENANTS = 10_000;

/** The ids of all tenants of one hub. */
export class TenantIds {
  readonly #maxAway: number;
  /** The one that left first comes first. */
  readonly #away = new Map<string, MessageIds>();
  readonly #random = crypto.getRandomValues(new Uint8Array(2));
  #epochMs: number;

  /** `epochMs` is when the hub started, in milliseconds since 1970. */
  constructor(epochMs: number, maxAway = MAX_AWAY_TENANTS) {
    this.#epochMs = epochMs;
    this.#maxAway = maxAway;
  }

  /** How many tenants are remembered. */
  get size(): number {
    return this.#away.size;
  }

  /**
   * Gives the ids of a tenant whose first connection comes. `lastId`: the highest that is known of earlier runs; theirs
   * are above it, also where the clock went back meanwhile.
   */
  enter(tenant: string, lastId: string | null = null): MessageIds {
    const known = this.#away.get(tenant);
    this.#away.delete(tenant);
    if (known !== undefined) return known;
    const lastEpochMs = lastId === null ? 0 : epochOf(lastId);
    return new MessageIds(Math.max(this.#epochMs, lastEpochMs + 1), this.#random);
  }

  /** Takes back the ids of a tenant whose last connection went. */
  leave(tenant: string, ids: MessageIds): void {
    if (ids.sequence === 0) return;
    this.#away.set(tenant, ids);
    if (this.#away.size <= this.#maxAway) return;
    for (const [oldest] of this.#away) {
      this.#away.delete(oldest);
      break;
    }
    // Whoever is forgotten begins again at one, in an epoch that no id was minted in.
    this.#epochMs++;
  }
}
