/**
 * IP addresses and ranges as lists of trusted sources need them: parsing, matching, loopback and the key under
 * which connections of one visitor are counted. IPv4-mapped IPv6 (`::ffff:10.0.0.1`) is always the IPv4
 * address that it stands for, so that a dual-stack socket changes nothing. Pure; nothing here throws.
 */

/** An address as its bytes in network order: 4 for IPv4, 16 for IPv6. */
export type IpBytes = readonly number[];

/** A range of addresses: one address, or all that share a prefix. */
export interface IpRange {
  /** The range as it was written. */
  readonly text: string;
  /** The first address; 4 or 16 bytes. */
  readonly base: IpBytes;
  /** How many leading bits must be the same; 32 or 128 for a single address. */
  readonly prefix: number;
}

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** The bytes of an IPv4 or IPv6 address without brackets, a zone (`%eth0`) ignored; null when it is neither. */
export function parseIp(text: string): IpBytes | null {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text.replace(/%[^%/]+$/, ""));
  return bytes !== null && isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** A range from `10.0.0.1`, `10.0.0.0/8`, `::1` or `fd00::/8`; bits after the prefix are ignored. Null when it is none. */
export function parseIpRange(text: string): IpRange | null {
  const match = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text);
  const address = match?.[1];
  if (address === undefined) return null;
  const bytes = address.includes(":") ? parseIpv6(address) : parseIpv4(address);
  if (bytes === null) return null;
  const prefix = match?.[2] === undefined ? bytes.length * 8 : Number(match[2]);
  if (prefix > bytes.length * 8) return null;
  if (isMapped(bytes) && prefix >= 96) return { text, base: bytes.slice(12), prefix: prefix - 96 };
  return { text, base: bytes, prefix };
}

/** Whether the address lies in the range; a text that is no address lies in none. */
export function matchesIpRange(range: IpRange, ip: string | IpBytes): boolean {
  const bytes = typeof ip === "string" ? parseIp(ip) : ip;
  if (bytes === null || bytes.length !== range.base.length) return false;
  return samePrefix(bytes, range.base, range.prefix);
}

/** Whether the address lies in one of the ranges. */
export function matchesAnyIpRange(ranges: readonly IpRange[], ip: string): boolean {
  if (ranges.length === 0) return false;
  const bytes = parseIp(ip);
  return bytes !== null && ranges.some((range) => matchesIpRange(range, bytes));
}

/** Whether the address is of this machine: 127.0.0.0/8 or ::1. A name is no address. */
export function isLoopback(ip: string): boolean {
  const bytes = parseIp(ip);
  if (bytes === null) return false;
  if (bytes.length === 4) return bytes[0] === 127;
  return bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

/**
 * The key under which connections from this address are counted: an IPv4 address itself, the /64 network of
 * an IPv6 address (one visitor owns that many addresses), any other text as it is.
 */
export function clientKey(ip: string): string {
  const bytes = parseIp(ip);
  if (bytes === null) return ip;
  return bytes.length === 4 ? formatIp(bytes) : `${formatIp(bytes.slice(0, 8))}::/64`;
}

/** An address as text that every system reads the same, without brackets; IPv6 is not shortened. */
export function formatIp(bytes: IpBytes): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 2) {
    groups.push(((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)).toString(16));
  }
  return groups.join(":");
}

function parseIpv4(text: string): number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const bytes: number[] = [];
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    bytes.push(Number(part));
  }
  return bytes;
}

function parseIpv6(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] ?? "");
  if (halves.length === 1) return head !== null && head.length === 16 && !endsInIpv4Early(text) ? head : null;
  const tail = parseGroups(halves[1] ?? "");
  if (head === null || tail === null || endsInIpv4Early(text)) return null;
  const missing = 16 - head.length - tail.length;
  if (missing < 2) return null;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** Whether a dotted part stands anywhere but at the very end. */
function endsInIpv4Early(text: string): boolean {
  return /\..*:/.test(text);
}

function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  for (const group of text.split(":")) {
    if (group.includes(".")) {
      const dotted = parseIpv4(group);
      if (dotted === null) return null;
      bytes.push(...dotted);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function isMapped(bytes: IpBytes): boolean {
  return bytes.length === 16 && MAPPED_PREFIX.every((byte, index) => bytes[index] === byte);
}

function samePrefix(a: IpBytes, b: IpBytes, bits: number): boolean {
  const whole = bits >> 3;
  for (let at = 0; at < whole; at++) {
    if (a[at] !== b[at]) return false;
  }
  const rest = bits & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((a[whole] ?? 0) & mask) === ((b[whole] ?? 0) & mask);
}
