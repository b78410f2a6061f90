/**
 * Names, host names and ports that tunnels may be registered under.
 */
import { tunnelName, type TunnelRule } from "../core/access_rules.ts";
import { NamePatterns } from "../core/name_patterns.ts";
import { PortSet } from "../core/port_set.ts";

/** A set of rules; grows only. */
export class TunnelGrants {
  #allowsAll = false;
  readonly #names = new NamePatterns<true>();
  readonly #ports = new PortSet();

  add(rule: TunnelRule): void {
    if (rule.kind === "any") this.#allowsAll = true;
    else if (rule.kind === "ports") this.#ports.add(rule.ports);
    else this.#names.getOrAdd(rule.pattern, () => true);
  }

  allows(text: string): boolean {
    const name = tunnelName(text);
    if (name === null) return false;
    if (this.#allowsAll) return true;
    // Another spelling of a number, as 020000, is neither a port nor a name.
    if (/^\d+$/.test(name)) return String(Number(name)) === name && this.#ports.has(Number(name));
    return this.#names.select(name).next().done !== true;
  }
}
