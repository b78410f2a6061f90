/**
 * Hosts and ports that rules allow, looked up without going through all of them. A name never selects an address: a
 * host counts as what it is after its one spelling.
 */
import type { HostRule } from "./access_rules.ts";
import { AddressRanges } from "./address_ranges.ts";
import { type Host, parseHost } from "./host.ts";
import { NamePatterns } from "./name_patterns.ts";
import type { PortRange } from "./port_range.ts";
import { PortSet } from "./port_set.ts";

/** A set of rules; grows only. */
export class HostRules {
  readonly #any = new PortSet();
  readonly #names = new NamePatterns<PortSet>();
  readonly #addresses = new AddressRanges<PortSet>();

  add(host: HostRule, ports: PortRange): void {
    this.#portsOf(host).add(ports);
  }

  /** Whether a host as it is written, with a port; what names no host for sure is not allowed. */
  allows(host: string, port: number): boolean {
    const parsed = parseHost(host);
    return parsed !== null && this.allowsHost(parsed, port);
  }

  allowsHost(host: Host, port: number): boolean {
    if (this.#any.has(port)) return true;
    const found = host.kind === "name" ? this.#names.select(host.name) : this.#addresses.select(host.bytes);
    for (const ports of found) {
      if (ports.has(port)) return true;
    }
    return false;
  }

  #portsOf(host: HostRule): PortSet {
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
}
