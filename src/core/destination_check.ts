/**
 * Whether somebody may connect somewhere: first the host as it was asked for, then each address that it leads to. Hub
 * and agents decide by the same functions.
 *
 * - An address needs a rule for addresses (or `*`).
 * - A name that a rule for names (or `*`) allows is good for all its addresses but special ones, which need a rule for
 *   addresses as well; only `localhost` may be loopback all the same.
 * - A name that no rule allows is good for those of its addresses that a rule for addresses allows.
 *
 * Pure; nothing here throws.
 */
import { parseHost } from "./host.ts";
import { formatIp, type IpBytes, isLoopback, parseIp } from "./ip_range.ts";
import { isSpecialAddress } from "./special_addresses.ts";

/** Where somebody wants to connect to. */
export interface Destination {
  /** A name or an address, as it was asked for. */
  readonly host: string;
  readonly port: number;
}

/** Which destinations are allowed. A rule with the host `*` is one for names and for addresses. */
export interface DestinationRules {
  /** Whether a rule for names allows a name in its one spelling. */
  allowsName(name: string, port: number): boolean;
  /** Whether a rule for addresses allows an address. */
  allowsAddress(address: IpBytes, port: number): boolean;
  /** Whether there is a rule for addresses with this port at all; if not, no name has to be resolved to know. */
  hasAddresses(port: number): boolean;
}

/** What is said of a host as it was asked for. */
export type HostVerdict =
  /** It is this address, and allowed. */
  | { readonly kind: "address"; readonly address: string }
  /** It has to be resolved, and its addresses looked at. */
  | ({ readonly kind: "name" } & NamedHost)
  | { readonly kind: "refused" };

/** A name whose addresses have to be looked at. */
export interface NamedHost {
  readonly name: string;
  /** Whether a rule for names allows it. */
  readonly isAllowed: boolean;
}

/** Nothing is allowed. */
export const NO_DESTINATIONS: DestinationRules = {
  allowsName: () => false,
  allowsAddress: () => false,
  hasAddresses: () => false,
};

/** The one name that is meant to be this machine. */
const LOCALHOST = "localhost";

/** Judges a host as it was asked for. Odd spellings of addresses are refused, whatever is allowed. */
export function judgeHost({ host, port }: Destination, rules: DestinationRules): HostVerdict {
  const parsed = parseHost(host);
  if (parsed === null) return { kind: "refused" };
  if (parsed.kind === "address") {
    const { bytes } = parsed;
    return rules.allowsAddress(bytes, port)
      ? { kind: "address", address: formatIp(bytes) }
      : { kind: "refused" };
  }
  const { name } = parsed;
  const isAllowed = rules.allowsName(name, port);
  return isAllowed || rules.hasAddresses(port) ? { kind: "name", name, isAllowed } : { kind: "refused" };
}

/** Those of the addresses of a name that are allowed, in their order, each once and in its one spelling. */
export function allowedAddresses(
  addresses: readonly string[],
  { host, port, rules }: { host: NamedHost; port: number; rules: DestinationRules },
): string[] {
  const allowed = new Set<string>();
  for (const text of addresses) {
    const bytes = parseIp(text);
    if (bytes === null) continue;
    const isGood = rules.allowsAddress(bytes, port) || (host.isAllowed && isExpected(bytes, host.name));
    if (isGood) allowed.add(formatIp(bytes));
  }
  return [...allowed];
}

/** Whether a name may lead to an address that no rule names. */
function isExpected(address: IpBytes, name: string): boolean {
  return !isSpecialAddress(address) || (name === LOCALHOST && isLoopback(formatIp(address)));
}
