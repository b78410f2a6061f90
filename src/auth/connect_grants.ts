/**
 * Destinations that are allowed. Rules are grouped by agent, then by host, so that looking one up does not go through
 * all of them. The hub itself is the agent `hub`, for which only rules that name it stand: a rule about agents must not
 * open the hub's own network.
 */
import { type ConnectRule } from "../core/access_rules.ts";
import type { DestinationRules } from "../core/destination_check.ts";
import { parseHost } from "../core/host.ts";
import { HostRules } from "../core/host_rules.ts";
import { NamePatterns } from "../core/name_patterns.ts";
import { type ConnectTarget, HUB_AGENT } from "../core/rights.ts";

/** A set of rules; grows only. */
export class ConnectGrants {
  readonly #agents = new NamePatterns<HostRules>();
  readonly #hub = new HostRules();

  /** Where the hub itself may connect to. */
  get throughHub(): DestinationRules {
    return this.#hub;
  }

  add(rule: ConnectRule): void {
    const { agent } = rule;
    const rules = agent === HUB_AGENT ? this.#hub : this.#agents.getOrAdd(agent, () => new HostRules());
    rules.add(rule);
  }

  allows({ agent, host, port }: ConnectTarget): boolean {
    const parsed = parseHost(host);
    if (parsed === null) return false;
    if (agent === HUB_AGENT) return this.#hub.allows(parsed, port);
    for (const rules of this.#agents.select(agent)) {
      if (rules.allows(parsed, port)) return true;
    }
    return false;
  }
}
