/**
 * The two looks of a log line: JSON for machines and aligned text for people. Both guarantee that nothing inside
 * of a value can begin a new line, move the cursor or change colours: such characters are written as escapes.
 */

import { getPrettyFormatter } from "@logtape/pretty";
import type { LogRecord, TextFormatter } from "@logtape/logtape";
import { createPatternMask, type Plain, type PlainFields } from "./log_redaction.ts";

/** The logger name of lines that no part of the system put its name on. */
const rootName = "trunkline";

/** Control characters, line separators and marks that change the reading direction. */
const unsafeCharacters = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * One JSON object a line: `time` (ISO 8601, UTC), `level`, `logger`, `message`, then the fields side by side with
 * them. A field that has the name of one of the four is written with `_` behind its name.
 */
export function createJsonFormatter(): TextFormatter {
  const maskPatterns = createPatternMask();
  return (record) => {
    const { message, fields } = maskPatterns(record);
    const line = new Map<string, Plain>([
      ["time", new Date(record.timestamp).toISOString()],
      ["level", record.level],
      ["logger", loggerName(record)],
      ["message", message],
    ]);
    for (const [name, value] of Object.entries(fields)) line.set(freeName(line, name), value);
    const members = [...line].map(([name, value]) => `${safeJson(name)}:${safeJson(value)}`);
    return `{${members.join(",")}}\n`;
  };
}

/** How to write for people. */
export interface PrettyOptions {
  /** Whether to colour; only for a terminal. */
  readonly colors: boolean;
}

/**
 * One line of text: time, level, logger, message, then the fields as `name=value`, those of nested objects with
 * dots in their names. The stack of an error follows on indented lines.
 */
export function createPrettyFormatter({ colors }: PrettyOptions): TextFormatter {
  const maskPatterns = createPatternMask();
  const format = getPrettyFormatter({
    colors,
    timestamp: "date-time",
    icons: false,
    levelStyle: null,
    messageColor: null,
    messageStyle: null,
    categorySeparator: ".",
    categoryWidth: 14,
    wordWrap: false,
    // What comes from outside is escaped below; what remains are the colours of the names.
    sanitize: false,
  });
  return (record) => {
    const { message, fields } = maskPatterns(record);
    const { line, stacks } = renderFields(fields, colors);
    const text = `${escapeUnsafe(message)}${line}`;
    const category = [escapeUnsafe(loggerName(record))];
    return format({ ...record, category, message: [text], properties: {} }) + stacks;
  };
}

function loggerName(record: LogRecord): string {
  return record.category.length === 0 ? rootName : record.category.join(".");
}

function freeName(line: ReadonlyMap<string, unknown>, name: string): string {
  return line.has(name) ? freeName(line, `${name}_`) : name;
}

function renderFields(fields: PlainFields, colors: boolean): { line: string; stacks: string } {
  let line = "";
  let stacks = "";
  for (const [path, value] of flatten(fields, "")) {
    if (path.endsWith(".stack") && typeof value === "string") {
      stacks += value.split("\n").map((frame) => `    ${escapeUnsafe(frame.trim())}\n`).join("");
      continue;
    }
    const name = `${escapeUnsafe(path)}=`;
    line += ` ${colors ? `\x1b[2m${name}\x1b[22m` : name}${renderValue(value)}`;
  }
  return { line, stacks };
}

function* flatten(fields: PlainFields, prefix: string): Iterable<readonly [string, Plain]> {
  for (const [name, value] of Object.entries(fields)) {
    if (isFields(value)) yield* flatten(value, `${prefix}${name}.`);
    else yield [`${prefix}${name}`, value];
  }
}

function isFields(value: Plain): value is PlainFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function renderValue(value: Plain): string {
  return typeof value === "string" && /^[\w.:\/@%+,*[\]-]+$/.test(value) ? value : safeJson(value);
}

function safeJson(value: Plain): string {
  return JSON.stringify(value).replaceAll(unsafeCharacters, unicodeEscape);
}

function escapeUnsafe(text: string): string {
  return text.replaceAll(unsafeCharacters, (character) => {
    const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
    return short ?? unicodeEscape(character);
  });
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
