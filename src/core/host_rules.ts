/**
 * Hosts and ports that rules allow, looked up without going through all of them. A name never selects an address: a
 * host counts as what it is after its one spelling.
 */
import { type DestinationRule, parseDestinationRule } from "./access_rules.ts";
import { AddressRanges } from "./address_ranges.ts";
import type { DestinationRules } from "./destination_check.ts";
import type { Host } from "./host.ts";
import type { IpBytes } from "./ip_range.ts";
import { NamePatterns } from "./name_patterns.ts";
import { PortSet } from "./port_set.ts";

/** A set of rules; grows only. */
export class HostRules implements DestinationRules {
  readonly #any = new PortSet();
  readonly #names = new NamePatterns<PortSet>();
  readonly #addresses = new AddressRanges<PortSet>();
  /** Ports of any rule for addresses. */
  readonly #addressPorts = new PortSet();

  /** The rules that texts are, `host:port` each; one that is no rule allows nothing. */
  static parse(texts: readonly string[]): HostRules {
    const rules = new HostRules();
    for (const rule of texts.map(parseDestinationRule)) if (rule !== null) rules.add(rule);
    return rules;
  }

  add({ host, ports }: DestinationRule): void {
    this.#portsOf(host).add(ports);
    if (host.kind !== "name") this.#addressPorts.add(ports);
  }

  allows(host: Host, port: number): boolean {
    return host.kind === "name" ? this.allowsName(host.name, port) : this.allowsAddress(host.bytes, port);
  }

  allowsName(name: string, port: number): boolean {
    return this.#any.has(port) || someHas(this.#names.select(name), port);
  }

  allowsAddress(address: IpBytes, port: number): boolean {
    return this.#any.has(port) || someHas(this.#addresses.select(address), port);
  }

  hasAddresses(port: number): boolean {
    return this.#addressPorts.has(port);
  }

  #portsOf(host: DestinationRule["host"]): PortSet {
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

function someHas(sets: Iterable<PortSet>, port: number): boolean {
  for (const ports of sets) if (ports.has(port)) return true;
  return false;
}
