/**
 * Addresses that lead to this machine, to its link or to many: no name should lead there by what a resolver says.
 * Pure; nothing here throws.
 */
import { type IpBytes, type IpRange, matchesIpRange, parseIpRange } from "./ip_range.ts";

const SPECIAL: readonly IpRange[] = ranges(
  // Unspecified, which systems connect to themselves, and the rest of "this network" (RFC 6890).
  "0.0.0.0/8",
  "127.0.0.0/8",
  // Link-local; clouds tell machines their secrets there.
  "169.254.0.0/16",
  "224.0.0.0/4",
  "255.255.255.255",
  // Unspecified, loopback, and the IPv4 addresses of old (RFC 4291, section 2.5.5.1).
  "::/96",
  "fe80::/10",
  "ff00::/8",
);
/** An IPv4 address in the last four bytes (RFC 6052, RFC 8215). */
const TRANSLATED = ranges("64:ff9b::/96", "64:ff9b:1::/48");
/** An IPv4 address behind the first two bytes (6to4, RFC 3056). */
const TUNNELLED = ranges("2002::/16");

/** Whether an address is loopback, unspecified, link-local, multicast or broadcast, also where IPv6 stands for IPv4. */
export function isSpecialAddress(address: IpBytes): boolean {
  if (isIn(SPECIAL, address)) return true;
  if (isIn(TRANSLATED, address)) return isSpecialAddress(address.slice(12));
  return isIn(TUNNELLED, address) && isSpecialAddress(address.slice(2, 6));
}

function isIn(all: readonly IpRange[], address: IpBytes): boolean {
  return all.some((range) => matchesIpRange(range, address));
}

function ranges(...texts: readonly string[]): readonly IpRange[] {
  return texts.map(parseIpRange).filter((range) => range !== null);
}
