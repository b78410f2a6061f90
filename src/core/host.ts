/**
 * What a text names as a host: an address or a name, in one spelling each. Whoever compares hosts compares these, so
 * that no other spelling of an address (mapped into IPv6, in brackets, with a dot at the end, in octal or in one
 * number) is taken for a name or for another address. Pure; nothing here throws.
 */
import { type IpBytes, parseIp } from "./ip_range.ts";

/** A host in its one spelling: IPv4 mapped into IPv6 is IPv4, names are in lower case without the dot at the end. */
export type Host =
  | { readonly kind: "address"; readonly bytes: IpBytes }
  | { readonly kind: "name"; readonly name: string };

const MAX_NAME = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** What resolvers read as a number: a name that ends in one is an address to some of them. */
const NUMERIC = /^(?:\d+|0x[0-9a-f]*)$/;

/** The host that a text names, an IPv6 address with or without brackets; null when it names none for sure. */
export function parseHost(text: string): Host | null {
  // Only ASCII may be put into lower case: the Kelvin sign would become a `k`.
  if (!/^[\x21-\x7e]+$/.test(text)) return null;
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  if (bracketed !== undefined || text.includes(":")) return parseIpv6Host(bracketed ?? text);
  const name = text.toLowerCase().replace(/\.$/, "");
  const bytes = parseIp(name);
  if (bytes !== null) return { kind: "address", bytes };
  return isHostName(name) ? { kind: "name", name } : null;
}

/** Whether a text in lower case is a host name that nobody reads as an address. */
export function isHostName(text: string): boolean {
  const labels = text.split(".");
  if (text.length > MAX_NAME || NUMERIC.test(labels.at(-1) ?? "")) return false;
  return labels.every((label) => LABEL.test(label));
}

/** An address with a zone is refused: which network it leads to is not to be seen in it. */
function parseIpv6Host(text: string): Host | null {
  if (!text.includes(":") || text.includes("%")) return null;
  const bytes = parseIp(text);
  return bytes === null ? null : { kind: "address", bytes };
}
