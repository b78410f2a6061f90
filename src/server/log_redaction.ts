/**
 * Makes log fields safe to write: any value becomes plain data of bounded size, and secrets are masked by the
 * name of their field and by their look. It guarantees that no value, however odd, makes a log call throw.
 */

import { type FieldPatterns, redactByPattern, type RedactionPatterns } from "@logtape/redaction";
import type { LogRecord } from "@logtape/logtape";
import { messageOf } from "../core/errors.ts";

/** Data that JSON can write. */
export type Plain = string | number | boolean | null | readonly Plain[] | PlainFields;

/** Named plain data. */
export interface PlainFields {
  readonly [name: string]: Plain;
}

/** What stands in the place of a secret. */
export const mask = "***";

/** Names of fields whose values are masked, at any depth. */
export const secretFieldNames: FieldPatterns = [
  /token/i,
  /secret/i,
  /passw(or)?d|passphrase/i,
  /authorization/i,
  /cookie/i,
  /credential/i,
  /(^|[_.-])key$/i,
  /[a-z]Key$/,
];

// Each pattern begins at a place that cannot repeat inside of its own match, so that a long hostile value costs
// linear time.
const secretPatterns: RedactionPatterns = [
  {
    pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
    replacement: mask,
  },
  { pattern: /eyJ[\w-]{10,}(?:\.[\w-]*){0,4}/g, replacement: mask },
  { pattern: /\b(bearer)(\s+|\.)[\w.~+\/=-]+/gi, replacement: `$1$2${mask}` },
  {
    pattern: /(?<![\w-])([\w-]*(?:token|secret|password|api_?key)=)[^&#\s"'\\]+/gi,
    replacement: `$1${mask}`,
  },
  { pattern: /(?<![\w+.-])([a-z][a-z\d+.-]*:\/\/[^\s:\/@?#]*):[^\s\/@?#]+@/gi, replacement: `$1:${mask}@` },
];

const maxDepth = 6;
const maxEntries = 100;
const maxTextLength = 8192;

/** Masks the value of a field whose name says that it is secret; that there is none stays visible. */
export function maskFieldValue(value: unknown): unknown {
  return value === null || value === undefined || typeof value === "boolean" ? value : mask;
}

/** A message and its fields after masking. */
export interface MaskedLine {
  readonly message: string;
  readonly fields: PlainFields;
}

/** Creates the function that masks what looks like a secret in the message and in all strings of the fields. */
export function createPatternMask(): (record: LogRecord) => MaskedLine {
  const redact = redactByPattern(
    (record: LogRecord) => [record.message[0], record.properties],
    secretPatterns,
  );
  return (record) => {
    const [message, properties] = redact(record);
    return { message: String(message), fields: plainFields(properties, { withStack: true }) };
  };
}

/** How to turn values into plain data. */
export interface PlainOptions {
  /** Whether errors carry their stack. */
  readonly withStack: boolean;
}

/** Plain data of a value that should be an object; fields that are undefined are left out. Never throws. */
export function plainFields(fields: unknown, options: PlainOptions): PlainFields {
  try {
    if (typeof fields !== "object" || fields === null) return {};
    return plainObject(Object.entries(fields), options, 0, [fields]);
  } catch (error) {
    return { unreadable: messageOf(error) };
  }
}

/** The text, cut off at 8192 characters. */
export function boundedText(text: string): string {
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength)}[truncated]` : text;
}

function plainObject(
  entries: Iterable<readonly [unknown, unknown]>,
  options: PlainOptions,
  depth: number,
  parents: readonly object[],
): PlainFields {
  const result: [string, Plain][] = [];
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    if (result.length === maxEntries) {
      result.push(["more", "[truncated]"]);
      break;
    }
    result.push([String(name), plainValue(value, options, depth, parents)]);
  }
  return Object.fromEntries(result);
}

function plainValue(value: unknown, options: PlainOptions, depth: number, parents: readonly object[]): Plain {
  switch (typeof value) {
    case "string":
      return boundedText(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "object":
      return value === null ? null : plainOfObject(value, options, depth, parents);
    case "function":
      return `[function ${value.name}]`;
    default:
      return String(value);
  }
}

function plainOfObject(
  value: object,
  options: PlainOptions,
  depth: number,
  parents: readonly object[],
): Plain {
  if (parents.includes(value)) return "[circular]";
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof URL || value instanceof RegExp) return String(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (depth === maxDepth) return "[truncated]";
  const inner = [...parents, value];
  if (value instanceof Error) return plainObject(errorEntries(value, options), options, depth + 1, inner);
  if (value instanceof Map) return plainObject(value, options, depth + 1, inner);
  if (Array.isArray(value) || value instanceof Set) return plainList(value, options, depth + 1, inner);
  return plainObject(Object.entries(value), options, depth + 1, inner);
}

function plainList(
  values: Iterable<unknown>,
  options: PlainOptions,
  depth: number,
  parents: readonly object[],
): readonly Plain[] {
  const result: Plain[] = [];
  for (const value of values) {
    if (result.length === maxEntries) {
      result.push("[truncated]");
      break;
    }
    result.push(value === undefined ? null : plainValue(value, options, depth, parents));
  }
  return result;
}

function* errorEntries(error: Error, options: PlainOptions): Iterable<readonly [string, unknown]> {
  yield ["name", error.name];
  yield ["message", error.message];
  if ("code" in error) yield ["code", error.code];
  if (error.cause !== undefined) yield ["cause", error.cause];
  if (error instanceof AggregateError) yield ["errors", error.errors];
  if (options.withStack) yield ["stack", error.stack];
}
