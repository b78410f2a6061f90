/**
 * Turns what the schema objects to into words for a person: which key, what was found, what would be right.
 */
import type { z } from "zod";
import { kindOf } from "./fields.ts";
import type { KeyPath } from "./problem.ts";
import { type Schema, schemaAt, shapeOf, valueAt } from "./schema_walk.ts";
import { nearest } from "./suggest.ts";

/** A mistake at a key. */
export interface Mistake {
  /** The key, as far as it stands in the raw values. */
  readonly path: KeyPath;
  readonly message: string;
  /** Whether the key itself is wrong, not its value. */
  readonly atKey: boolean;
}

/** What the issue says; one mistake for each unknown key, else one. */
export function describeIssue(
  issue: z.core.$ZodIssue,
  { schema, raw }: { schema: Schema; raw: unknown },
): Mistake[] {
  const path = existingPath(raw, issue.path.map((part) => typeof part === "symbol" ? String(part) : part));
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: unknownKey(schemaAt(schema, path), key),
      atKey: true,
    }));
  }
  return [{ path, message: describeValue(issue, valueAt(raw, path)), atKey: issue.code === "invalid_key" }];
}

/** The path without what does not stand in the raw values, as after a short form. */
export function existingPath(raw: unknown, path: KeyPath): KeyPath {
  for (let length = 1; length < path.length; length++) {
    const value = valueAt(raw, path.slice(0, length));
    if (value !== undefined && (typeof value !== "object" || value === null)) return path.slice(0, length);
  }
  return path;
}

function unknownKey(schema: Schema | null, key: string): string {
  const shape = schema === null ? null : shapeOf(schema);
  const known = shape?.kind === "section" ? [...shape.keys.keys()] : [];
  const near = nearest(key, known);
  const hint = near === null ? `write one of ${known.join(", ")}` : `did you mean ${JSON.stringify(near)}?`;
  return `Cannot use the unknown key ${JSON.stringify(key)}; ${hint}`;
}

function describeValue(issue: z.core.$ZodIssue, found: unknown): string {
  switch (issue.code) {
    case "custom":
      return issue.message;
    case "invalid_type":
    case "invalid_union":
      return found === undefined
        ? "Cannot leave this key out"
        : `Cannot use ${kindOf(found)} here; write ${containerWords(issue)}`;
    case "too_small":
      return `Cannot use so few items; write at least ${issue.minimum}`;
    case "too_big":
      return `Cannot use so many items; write at most ${issue.maximum}`;
    case "invalid_key":
      return "Cannot use this as a name; write letters, digits and _ . : - only";
    default:
      return "Cannot use this value";
  }
}

function containerWords(issue: z.core.$ZodIssue): string {
  const expected = issue.code === "invalid_type" ? issue.expected : "";
  return expected === "array" ? "a list such as [a, b]" : "a map such as { key: value }";
}
