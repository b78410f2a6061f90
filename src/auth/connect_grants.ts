/**
 * Destinations that are allowed. Rules are grouped by agent, then by host, so that looking one up does not go through
 * all of them. A name never selects an address: a destination counts as what it is after its one spelling.
 */
import { type ConnectRule, type HostRule } from "../core/access_rules.ts";
import { type Host, parseHost } from "../core/host.ts";
import type { ConnectTarget } from "../core/rights.ts";
import { AddressRanges } from "./address_ranges.ts";
import { NamePatterns } from "./name_patterns.ts";
import { PortSet } from "./port_set.ts";

/** A set of rules; grows only. */
export class ConnectGrants {
  readonly #agents = new NamePatterns<HostGrants>();

  add({ agent, host, ports }: ConnectRule): void {
    this.#agents.getOrAdd(agent, () => new HostGrants()).portsOf(host).add(ports);
  }

  allows({ agent, host, port }: ConnectTarget): boolean {
    const parsed = parseHost(host);
    if (parsed === null) return false;
    for (const hosts of this.#agents.select(agent)) {
      if (hosts.allows(parsed, port)) return true;
    }
    return false;
  }
}

/** What is allowed through one agent, or those that one pattern selects. */
class HostGrants {
  readonly #any = new PortSet();
  readonly #names = new NamePatterns<PortSet>();
  readonly #addresses = new AddressRanges<PortSet>();

  portsOf(host: HostRule): PortSet {
    const make = () => new PortSet();
    switch (host.kind) {
      case "any":
        return this.#any;
      case "name":
        return this.#names.getOrAdd(host.pattern, make);
      case "range":
        return this.#addresses.getOrAdd(host.range, make);
    }
  }

  allows(host: Host, port: number): boolean {
    if (this.#any.has(port)) return true;
    const found = host.kind === "name" ? this.#names.select(host.name) : this.#addresses.select(host.bytes);
    for (const ports of found) {
      if (ports.has(port)) return true;
    }
    return false;
  }
}
