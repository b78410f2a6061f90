/**
 * Shows the effective configuration with the source of every setting. Guarantees that what it writes can be
 * loaded again (secrets aside, which read `***`), in the same units as a person writes them.
 */
import { stringify } from "yaml";
import {
  isMap,
  listSettings,
  type Schema,
  schemaBelow,
  type Shape,
  shapeOf,
  valueAt,
} from "./schema_walk.ts";
import { describeSource, type Source } from "./source.ts";
import type { PortRange } from "../core/port_range.ts";
import {
  type Address,
  formatAddress,
  formatDuration,
  formatFactor,
  formatPortRange,
  formatSize,
} from "./units.ts";

/** What stands for a secret. */
export const MASK = "***";

/** A configuration and where its settings come from, as the loader gives them. */
export interface EffectiveConfig<C> {
  readonly config: C;
  readonly sources: ReadonlyMap<string, Source>;
}

/** The configuration as YAML, one line for each setting, each with its source as a comment. */
export function printYaml<C>(kindSchema: Schema, { config, sources }: EffectiveConfig<C>): string {
  const lines: string[] = [];
  let above: readonly string[] = [];
  for (const { path, schema } of listSettings(kindSchema)) {
    const shared = sharedLength(above, path);
    path.slice(shared, -1).forEach((key, index) => lines.push(`${"  ".repeat(shared + index)}${key}:`));
    above = path.slice(0, -1);
    const source = sources.get(path.join(".")) ?? { kind: "default" };
    const comment = source.kind === "default" ? "# default" : `# from ${describeSource(source)}`;
    const value = flow(toHuman(schema, valueAt(config, path)));
    lines.push(`${"  ".repeat(path.length - 1)}${path.at(-1)}: ${value} ${comment}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The configuration as JSON: `{ config, sources }`, the sources by dotted key. */
export function printJson<C>(kindSchema: Schema, { config, sources }: EffectiveConfig<C>): string {
  const texts = [...sources].map(([key, source]) => [key, describeSource(source)]);
  const human = toHuman(kindSchema, config);
  return `${JSON.stringify({ config: human, sources: Object.fromEntries(texts) }, null, 2)}\n`;
}

/** How many sections at the start of the path are the ones that are open. */
function sharedLength(open: readonly string[], path: readonly string[]): number {
  const differs = open.findIndex((key, index) => key !== path[index]);
  return differs === -1 ? open.length : differs;
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", lineWidth: 0, blockQuote: false }).trimEnd();
}

/** The value in the form in which a person writes it; secrets masked. */
export function toHuman(schema: Schema, value: unknown): unknown {
  const shape = shapeOf(schema);
  if (value === null || value === undefined) return null;
  if (shape.kind === "value") return formatValue(shape, value);
  if (Array.isArray(value)) {
    return shape.kind === "list" ? value.map((item) => toHuman(shape.item, item)) : value;
  }
  if (!isMap(value)) return value;
  const entries = Object.entries(value).map(([key, below]) => {
    const inner = schemaBelow(schema, key);
    return [key, inner === null ? below : toHuman(inner, below)];
  });
  return Object.fromEntries(entries);
}

function formatValue({ unit }: Shape & { kind: "value" }, value: unknown): unknown {
  switch (unit) {
    case "plain":
      return value;
    case "secret":
      return MASK;
    case "duration":
      return typeof value === "number" ? formatDuration(value) : value;
    case "size":
      return typeof value === "number" && value > 0 ? formatSize(value) : value;
    case "factor":
      return typeof value === "number" ? formatFactor(value) : value;
    case "address":
      return isAddress(value) ? formatAddress(value) : value;
    case "ports":
      return isPortRange(value) ? formatPortRange(value) : value;
    case "ip_range":
    case "written":
      return isMap(value) ? value["text"] : value;
  }
}

function isAddress(value: unknown): value is Address {
  return isMap(value) && typeof value["host"] === "string" && typeof value["port"] === "number";
}

function isPortRange(value: unknown): value is PortRange {
  return isMap(value) && typeof value["first"] === "number" && typeof value["last"] === "number";
}
