/**
 * How fields are put together: sections, lists and values that may be written in a short form. Guarantees that
 * unknown keys are refused everywhere.
 */
import { z } from "zod";
import { describeFound, type JsonShape } from "./fields.ts";

/** A map with exactly these keys; everything that has a default may be left out. */
export function section<T extends z.core.$ZodLooseShape>(keys: T) {
  return z.strictObject(keys);
}

interface Shorthand {
  /** The short form of an item as JSON Schema. */
  json: JsonShape;
  /** What would be right, to follow "write". */
  expected: string;
  /** The item that a short form stands for. */
  expand?: (short: string) => unknown;
}

/** A list of which each item may also be written in a short form, and a single short form stands for the list. */
export function shorthandList<T extends z.ZodType>(
  item: T,
  { json, expected, expand = (raw) => raw }: Shorthand,
) {
  const expanded = z.preprocess((raw) => typeof raw === "string" ? expand(raw) : raw, item).meta({
    shorthand: json,
  });
  return z.preprocess((raw, context) => {
    if (typeof raw === "string") return [raw];
    if (Array.isArray(raw)) return raw;
    context.addIssue({ code: "custom", message: `${describeFound(raw)}; write ${expected}` });
    return z.NEVER;
  }, z.array(expanded).min(1)).meta({ shorthand: json });
}
