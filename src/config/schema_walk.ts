/**
 * Looks at the schema as the tree of keys that it describes, without what zod wraps around each of them. A
 * setting is a key that no further key of the schema stands below: what `trunkline config` shows one line for.
 */
import { z } from "zod";
import type { Unit } from "./fields.ts";

/** Any schema, or part of one. */
export type Schema = z.core.$ZodType;

/** What stands at a place of the schema. */
export type Shape =
  | { readonly kind: "section"; readonly keys: ReadonlyMap<string, Schema>; readonly nullable: boolean }
  | { readonly kind: "list"; readonly item: Schema }
  | { readonly kind: "record"; readonly value: Schema }
  | { readonly kind: "value"; readonly unit: Unit };

/** A setting: its path from the root, and its schema. */
export interface Setting {
  readonly path: readonly string[];
  readonly schema: Schema;
}

const UNITS: readonly Unit[] = [
  "plain",
  "duration",
  "size",
  "factor",
  "address",
  "ports",
  "ip_range",
  "written",
  "secret",
];

/** What the schema describes, its wrappers taken off. */
export function shapeOf(schema: Schema): Shape {
  let nullable = false;
  let inner = schema;
  for (let next = unwrapped(inner); next !== null; next = unwrapped(inner)) {
    nullable ||= inner instanceof z.ZodNullable;
    inner = next;
  }
  if (inner instanceof z.ZodObject) {
    return { kind: "section", keys: new Map(Object.entries(inner.shape)), nullable };
  }
  if (inner instanceof z.ZodArray) return { kind: "list", item: inner.def.element };
  if (inner instanceof z.ZodRecord) return { kind: "record", value: inner.def.valueType };
  const unit = inner instanceof z.ZodUnknown ? inner.meta()?.["unit"] : undefined;
  return { kind: "value", unit: UNITS.find((known) => known === unit) ?? "plain" };
}

function unwrapped(schema: Schema): Schema | null {
  if (schema instanceof z.ZodPipe) {
    return schema.def.in instanceof z.ZodTransform ? schema.def.out : schema.def.in;
  }
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) {
    return schema.def.innerType;
  }
  return null;
}

/** The schema one step below, or null when there is nothing of that name. */
export function schemaBelow(schema: Schema, part: string | number): Schema | null {
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case "section":
      return shape.keys.get(String(part)) ?? null;
    case "record":
      return shape.value;
    case "list":
      return typeof part === "number" ? shape.item : null;
    case "value":
      return null;
  }
}

/** The schema at the end of the path, or null when there is no such place. */
export function schemaAt(root: Schema, path: readonly (string | number)[]): Schema | null {
  let schema: Schema | null = root;
  for (const part of path) schema = schema === null ? null : schemaBelow(schema, part);
  return schema;
}

/** The part of the path that names a setting, or all of it when it ends in a section. */
export function settingPath(root: Schema, path: readonly (string | number)[]): string[] {
  const setting: string[] = [];
  let schema: Schema | null = root;
  for (const part of path) {
    const shape: Shape | null = schema === null ? null : shapeOf(schema);
    if (shape === null || shape.kind !== "section" || shape.nullable) break;
    setting.push(String(part));
    schema = schemaBelow(schema ?? root, part);
  }
  return setting;
}

/** All settings below the schema, in the order of the schema. */
export function listSettings(schema: Schema, path: readonly string[] = []): Setting[] {
  const shape = shapeOf(schema);
  if (shape.kind !== "section" || shape.nullable) return [{ path, schema }];
  return [...shape.keys].flatMap(([key, below]) => listSettings(below, [...path, key]));
}

/** Whether the value is a map, as opposed to a list, a scalar or nothing. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands at the path of a tree of maps and lists; undefined when there is nothing. */
export function valueAt(tree: unknown, path: readonly (string | number)[]): unknown {
  let value = tree;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else if (isMap(value) && Object.hasOwn(value, part)) value = value[String(part)];
    else return undefined;
  }
  return value;
}
