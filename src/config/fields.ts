/**
 * The kinds of value that a setting can have, each as a zod schema that reads the human form and carries the
 * JSON Schema of that form. Guarantees that a wrong value is told with what was found and what would be right,
 * and that the value of a secret is in no message.
 */
import { z } from "zod";
import { isTopicPattern } from "../core/topic.ts";
import { type IpRange, parseIpRange } from "../core/ip_range.ts";
import { nearest } from "./suggest.ts";
import { parsePortRange, type PortRange } from "../core/port_range.ts";
import {
  type Address,
  ADDRESS_PATTERN,
  DURATION_PATTERN,
  FACTOR_PATTERN,
  formatDuration,
  formatFactor,
  formatSize,
  parseAddress,
  parseDuration,
  parseFactor,
  parseHost,
  parseSize,
  PORT_RANGE_PATTERN,
  SIZE_PATTERN,
} from "./units.ts";

/** Milliseconds of a second, for bounds. */
export const SECOND = 1000;
/** Milliseconds of a minute, for bounds. */
export const MINUTE = 60 * SECOND;
/** Milliseconds of an hour, for bounds. */
export const HOUR = 60 * MINUTE;
/** Bytes of a KiB, for bounds. */
export const KIB = 1024;
/** Bytes of a MiB, for bounds. */
export const MIB = 1024 * KIB;
/** Bytes of a GiB, for bounds. */
export const GIB = 1024 * MIB;

/** How a value is written for people (`written`: as its `text` says); also says which values are secret. */
export type Unit =
  | "plain"
  | "duration"
  | "size"
  | "factor"
  | "address"
  | "ports"
  | "ip_range"
  | "written"
  | "secret";

/** A part of a JSON Schema. */
export type JsonShape = Readonly<Record<string, unknown>>;

interface FieldOptions<T> {
  unit?: Unit;
  /** The human form as JSON Schema. */
  json: JsonShape;
  /** What would be right, to follow "write". */
  expected: string;
  /** The value, or undefined when the raw value is wrong. */
  read: (raw: unknown) => T | undefined;
  /** A near miss, for values that are words. */
  suggest?: (raw: unknown) => string | null;
}

/** A schema that reads one value; everything below is built on it. */
export function field<T>({ unit = "plain", json, expected, read, suggest }: FieldOptions<T>) {
  return z.unknown().meta({ ...json, unit }).transform((raw, context): T => {
    const value = read(raw);
    if (value !== undefined) return value;
    const near = suggest?.(raw) ?? null;
    const hint = near === null ? "" : `; did you mean ${JSON.stringify(near)}?`;
    context.addIssue({ code: "custom", message: `${describeFound(raw)}; write ${expected}${hint}` });
    return z.NEVER;
  });
}

/** What was found, as the first half of a message; not for secrets, of which it shows the value. Passwords in URLs are masked. */
export function describeFound(raw: unknown): string {
  if (raw === undefined) return "Cannot leave this key out";
  if (typeof raw !== "string") return `Cannot use ${isScalar(raw) ? String(raw) : kindOf(raw)}`;
  const shown = raw.replace(/\/\/[^/@\s]*@/g, "//***@");
  return `Cannot use ${JSON.stringify(shown.length > 60 ? `${shown.slice(0, 60)}...` : shown)}`;
}

function isScalar(raw: unknown): boolean {
  return raw === null || typeof raw !== "object";
}

/** The kind of a raw value in words that do not show the value. */
export function kindOf(raw: unknown): string {
  if (raw === null || raw === undefined) return "nothing (null)";
  if (Array.isArray(raw)) return "a list";
  if (typeof raw === "object") return "a map";
  return typeof raw === "string" ? "text" : typeof raw === "number" ? "a number" : "true or false";
}

/** `true` or `false`. */
export function bool() {
  return field({
    json: { type: "boolean" },
    expected: "true or false",
    read: (raw) => typeof raw === "boolean" ? raw : undefined,
  });
}

/** One of the given words. */
export function oneOf<const T extends string>(...words: readonly [T, ...T[]]) {
  return field({
    json: { enum: words },
    expected: words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
    read: (raw) => words.find((word) => word === raw),
    suggest: (raw) => typeof raw === "string" ? nearest(raw, words) : null,
  });
}

/** A whole number within the bounds, both included. */
export function integer(min: number, max: number) {
  return field({
    json: { type: "integer", minimum: min, maximum: max },
    expected: `a whole number from ${min} to ${max}`,
    read: (raw) =>
      typeof raw === "number" && Number.isInteger(raw) && raw >= min && raw <= max ? raw : undefined,
  });
}

/** A number within the bounds, both included. */
export function decimal(min: number, max: number) {
  return field({
    json: { type: "number", minimum: min, maximum: max },
    expected: `a number from ${min} to ${max}`,
    read: (raw) => typeof raw === "number" && raw >= min && raw <= max ? raw : undefined,
  });
}

/** A duration within the bounds in milliseconds, both included. */
export function duration(min: number, max: number) {
  return field({
    unit: "duration",
    json: { type: "string", pattern: DURATION_PATTERN },
    expected: `a duration with its unit (ms, s, m, h or d) such as 30s, from ${formatDuration(min)} to ${
      formatDuration(max)
    }`,
    read: (raw) => inBounds(typeof raw === "string" ? parseDuration(raw) : null, { min, max }),
  });
}

/** A size within the bounds in bytes, both included; a bare whole number is bytes. */
export function size(min: number, max: number) {
  return field({
    unit: "size",
    json: {
      anyOf: [{ type: "string", pattern: SIZE_PATTERN }, { type: "integer", minimum: min, maximum: max }],
    },
    expected: `a size in bytes or with its unit (B, KiB, MiB or GiB) such as 64KiB, from ${
      formatSize(min)
    } to ${formatSize(max)}`,
    read: (raw) => {
      const bytes = typeof raw === "string"
        ? parseSize(raw)
        : typeof raw === "number" && Number.isInteger(raw)
        ? raw
        : null;
      return inBounds(bytes, { min, max });
    },
  });
}

/** A factor such as `2x` within the bounds, both included. */
export function factor(min: number, max: number) {
  return field({
    unit: "factor",
    json: { type: "string", pattern: FACTOR_PATTERN },
    expected: `a factor such as 2x, from ${formatFactor(min)} to ${formatFactor(max)}`,
    read: (raw) => inBounds(typeof raw === "string" ? parseFactor(raw) : null, { min, max }),
  });
}

function inBounds(value: number | null, { min, max }: { min: number; max: number }): number | undefined {
  return value !== null && value >= min && value <= max ? value : undefined;
}

/** The JSON Schema of an address. */
export const ADDRESS_JSON: JsonShape = { type: "string", pattern: ADDRESS_PATTERN };

/** An address to listen on. */
export function address() {
  return field<Address>({
    unit: "address",
    json: ADDRESS_JSON,
    expected: "an address such as 127.0.0.1:8443, [::1]:8443 or :8443 (port 0 to 65535, 0 is any free one)",
    read: (raw) => (typeof raw === "string" ? parseAddress(raw) : null) ?? undefined,
  });
}

/** An IP address or host name without a port. */
export function host() {
  return field({
    json: { type: "string", minLength: 1 },
    expected: "an IP address or a host name, without a port and without brackets",
    read: (raw) => (typeof raw === "string" ? parseHost(raw) : null) ?? undefined,
  });
}

/** A range of ports. */
export function portRange() {
  return field<PortRange>({
    unit: "ports",
    json: {
      anyOf: [{ type: "string", pattern: PORT_RANGE_PATTERN }, {
        type: "integer",
        minimum: 1,
        maximum: 65535,
      }],
    },
    expected: "ports such as 20000-20999, from 1 to 65535, the lower first",
    read: (raw) => {
      const text = typeof raw === "number" ? String(raw) : raw;
      return (typeof text === "string" ? parsePortRange(text) : null) ?? undefined;
    },
  });
}

/** An IP address or a range of them in CIDR form. */
export function ipRange() {
  return field<IpRange>({
    unit: "ip_range",
    json: { type: "string", minLength: 2 },
    expected: "an IP address or a range such as 10.0.0.0/8 or fd00::/8",
    read: (raw) => (typeof raw === "string" ? parseIpRange(raw) : null) ?? undefined,
  });
}

/** Text of 1 to 1024 characters that the pattern, when there is one, allows. */
export function text(expected: string, pattern?: RegExp) {
  return field({
    json: { type: "string", minLength: 1, maxLength: 1024, ...(pattern && { pattern: pattern.source }) },
    expected,
    read: (raw) => {
      if (typeof raw !== "string" || raw === "" || raw.length > 1024) return undefined;
      return pattern === undefined || pattern.test(raw) ? raw : undefined;
    },
  });
}

/** A topic pattern. */
export function topicPattern() {
  return field({
    json: { type: "string", minLength: 1, maxLength: 255 },
    expected: "a topic pattern: levels such as orders.new, + for one level, # last for the rest",
    read: (raw) => typeof raw === "string" && isTopicPattern(raw) ? raw : undefined,
  });
}
