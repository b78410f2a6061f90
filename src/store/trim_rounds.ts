/** Goes round all tenants and takes away what is over their rules, a bounded part at a time. */
import type { TenantMemory } from "./tenant_memory.ts";

/** Messages that are taken away, and topics that are looked at, in one part: about a millisecond. */
const MAX_STEPS = 5_000;

/** The rounds. */
export class TrimRounds {
  readonly #tenants: ReadonlyMap<string, TenantMemory>;
  #visits: Iterator<TenantMemory> | null = null;
  #current: TenantMemory | null = null;

  constructor(tenants: ReadonlyMap<string, TenantMemory>) {
    this.#tenants = tenants;
  }

  /** Does the next part; ends early when it has been everywhere. */
  trim(nowMs: number): void {
    let steps = 0;
    for (let visited = 0; visited <= this.#tenants.size && steps < MAX_STEPS; visited++) {
      const tenant = this.#current ?? this.#next();
      if (tenant === null) continue;
      const part = tenant.trim(nowMs, MAX_STEPS - steps);
      steps += part.steps;
      this.#current = part.isThrough ? null : tenant;
    }
  }

  /** The next tenant; `null` at the end of a round. */
  #next(): TenantMemory | null {
    const { value, done } = (this.#visits ??= this.#tenants.values()).next();
    if (done !== true) return value;
    this.#visits = null;
    return null;
  }
}
