/**
 * How numbers are written for people: durations (`30s`), sizes (`64KiB`), factors (`2x`), addresses
 * (`host:port`) and ranges of ports (`20000-20999`). Parsing is exact or null, nothing here throws, and what a
 * `format...` function writes is read back as the same value.
 */
import { isHostName } from "../core/host.ts";
import { parseIp } from "../core/ip_range.ts";
import type { PortRange } from "../core/port_range.ts";

/** Where to listen, or whom to dial. */
export interface Address {
  /** An IPv4 address, an IPv6 address without brackets, or a host name. */
  readonly host: string;
  /** 0 to 65535; 0 means any free port. */
  readonly port: number;
}

/** What `:port` listens on: every IPv4 interface. `[::]:port` takes IPv6 in as well. */
export const ALL_INTERFACES = "0.0.0.0";

const DURATION_UNITS = [["h", 3_600_000], ["m", 60_000], ["s", 1000], ["ms", 1]] as const;
const SIZE_UNITS = [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10], [
  "B",
  1,
]] as const;

/** The pattern of a duration, as JSON Schema takes it. */
export const DURATION_PATTERN = "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$";
/** The pattern of a size with its unit, as JSON Schema takes it. */
export const SIZE_PATTERN = "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)$";
/** The pattern of a factor, as JSON Schema takes it. */
export const FACTOR_PATTERN = "^[0-9]+(\\.[0-9]+)?x$";
/** The pattern of an address, as JSON Schema takes it. */
export const ADDRESS_PATTERN = "^([A-Za-z0-9_.-]*|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$";
/** The pattern of a range of ports, as JSON Schema takes it. */
export const PORT_RANGE_PATTERN = "^[0-9]{1,5}(-[0-9]{1,5})?$";

/** Milliseconds of a duration such as `500ms`, `1.5s`, `10m`, `24h` or `7d`; null when it is none. */
export function parseDuration(text: string): number | null {
  return parseScaled(text, [["d", 86_400_000], ...DURATION_UNITS]);
}

/** The shortest exact text for milliseconds (a whole number, not negative). */
export function formatDuration(ms: number): string {
  return ms === 0 ? "0s" : formatScaled(ms, DURATION_UNITS);
}

/** Bytes of a size such as `512B`, `64KiB`, `1.5MiB`, or of a bare whole number; null when it is none. */
export function parseSize(text: string): number | null {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return parseScaled(text, SIZE_UNITS);
}

/** The shortest exact text for bytes (a whole number, not negative). */
export function formatSize(bytes: number): string {
  return bytes === 0 ? "0" : formatScaled(bytes, SIZE_UNITS);
}

/** The number of a factor such as `2x` or `1.5x`; null when it is none. */
export function parseFactor(text: string): number | null {
  const digits = /^(\d{1,9}(?:\.\d{1,6})?)x$/.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** The text of a factor. */
export function formatFactor(factor: number): string {
  return `${factor}x`;
}

/**
 * An address from `host:port`, `[::1]:port` or `:port` (every IPv4 interface, {@link ALL_INTERFACES}); null
 * when it is none. Names are lower-cased.
 */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([^\][]+)\]|([^\][:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) return null;
  if (match[1] !== undefined) {
    return match[1].includes(":") && parseIp(match[1]) !== null
      ? { host: match[1].toLowerCase(), port }
      : null;
  }
  const host = match[2] ?? "";
  if (host === "") return { host: ALL_INTERFACES, port };
  const parsed = parseHost(host);
  return parsed === null ? null : { host: parsed, port };
}

/** The text of an address, IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A host alone, lower-cased: an IP address without brackets or a name; null when it is neither. */
export function parseHost(text: string): string | null {
  const host = text.toLowerCase();
  if (parseIp(host) !== null) return host;
  return isHostName(host) ? host : null;
}

/** The text of a range of ports. */
export function formatPortRange({ first, last }: PortRange): string {
  return `${first}-${last}`;
}

type Units = readonly (readonly [name: string, scale: number])[];

function parseScaled(text: string, units: Units): number | null {
  const match = /^(\d{1,15})(?:\.(\d{1,6}))?([A-Za-z]+)$/.exec(text);
  const scale = units.find(([name]) => name === match?.[3])?.[1];
  if (match === null || scale === undefined) return null;
  const fraction = match[2] === undefined ? 0 : Number(`0.${match[2]}`) * scale;
  const rounded = Math.round(fraction);
  const value = Number(match[1]) * scale + rounded;
  return Math.abs(fraction - rounded) < 1e-6 && Number.isSafeInteger(value) ? value : null;
}

function formatScaled(value: number, units: Units): string {
  for (const [name, scale] of units) {
    if (value % scale === 0) return `${value / scale}${name}`;
  }
  return `${value}${units.at(-1)?.[0] ?? ""}`;
}
