/**
 * Where a connection may go that somebody else asks for: decided on the host as it was asked for, and again on each
 * address that a name leads to, so that no name can be led to what the rules do not allow. Addresses of the dialling
 * machine and its link (loopback, link-local, multicast) are reached by rules about addresses only; the one name that
 * may be loopback is `localhost`. Pure; nothing here throws.
 */
import { parseHost } from "./host.ts";
import { type IpBytes, type IpRange, matchesIpRange, parseIp, parseIpRange } from "./ip_range.ts";

/** Says whether the rules allow a host, a name or an address, with the port that is asked for. */
export type AllowsHost = (host: string) => boolean;

/** What is to be done about a destination. */
export type DestinationPlan =
  | { readonly kind: "denied" }
  /** Dial exactly this address. */
  | { readonly kind: "address"; readonly address: string }
  /** Find the addresses of the name, and dial only those that it may lead to. */
  | {
    readonly kind: "name";
    readonly name: string;
    /** Whether a rule names it; else it may still lead to an address that a rule allows. */
    readonly isNameAllowed: boolean;
    readonly admits: (address: string) => boolean;
  };

const LOCALHOST = "localhost";
const LOOPBACKS = ranges("127.0.0.0/8", "::1");
/** Addresses that mean something else on each machine or link, or nobody in particular. */
const SPECIALS = [
  ...LOOPBACKS,
  ...ranges("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255", "::", "fe80::/10", "ff00::/8"),
];

/** Plans how to reach a host that was asked for. */
export function planDestination(host: string, allows: AllowsHost): DestinationPlan {
  const parsed = parseHost(host);
  if (parsed === null) return { kind: "denied" };
  if (parsed.kind === "address") {
    return allows(host) ? { kind: "address", address: spelled(parsed.bytes) } : { kind: "denied" };
  }
  const { name } = parsed;
  const isNameAllowed = allows(name);
  return {
    kind: "name",
    name,
    isNameAllowed,
    admits: (address) => admits(address, { name, isNameAllowed, allows }),
  };
}

function admits(
  address: string,
  { name, isNameAllowed, allows }: { name: string; isNameAllowed: boolean; allows: AllowsHost },
): boolean {
  const bytes = parseIp(address);
  if (bytes === null) return false;
  if (isNameAllowed && !isIn(SPECIALS, bytes)) return true;
  if (isNameAllowed && name === LOCALHOST && isIn(LOOPBACKS, bytes)) return true;
  return allows(spelled(bytes));
}

function isIn(all: readonly IpRange[], bytes: IpBytes): boolean {
  return all.some((range) => matchesIpRange(range, bytes));
}

/** An address in the one spelling that is dialled. */
function spelled(bytes: IpBytes): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from(
    { length: 8 },
    (_, at) => ((bytes[2 * at] ?? 0) * 256 + (bytes[2 * at + 1] ?? 0)),
  );
  return groups.map((group) => group.toString(16)).join(":");
}

function ranges(...texts: readonly string[]): IpRange[] {
  return texts.map(parseIpRange).filter((range) => range !== null);
}
