/**
 * Reads the settings that the environment (`TRUNKLINE_A__B`, for an agent `TRUNKLINE_AGENT_A__B`) and the command
 * line (`--set a.b=c`) give. Guarantees that a name which no setting has is told, with what was probably meant.
 */
import { parseDocument } from "yaml";
import { type ConfigProblem, problemAt } from "./problem.ts";
import { listSettings, type Schema, schemaAt, shapeOf } from "./schema_walk.ts";
import { z } from "zod";
import type { Source } from "./source.ts";
import { nearest } from "./suggest.ts";

/** One setting of the environment or the command line. */
export interface Override {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly source: Source;
}

/** What was read, weakest first. */
export interface Overrides {
  readonly overrides: readonly Override[];
  readonly problems: readonly ConfigProblem[];
}

/** Which variables of the environment are settings. */
export interface EnvironmentNames {
  /** What the names of settings begin with. */
  readonly prefix: string;
  /** Whether a name that begins so belongs to somebody else. */
  readonly isForeign: (name: string) => boolean;
}

const UNKNOWN = "Cannot find a setting of this name";

/**
 * The settings of the environment; names are lower-cased, `__` is the dot. Sections come before their keys.
 */
export function readEnvironment(
  schema: Schema,
  env: Readonly<Record<string, string>>,
  { prefix, isForeign }: EnvironmentNames,
): Overrides {
  const overrides: Override[] = [];
  const problems: ConfigProblem[] = [];
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith(prefix) || isForeign(name)) continue;
    const source: Source = { kind: "env", name };
    const parts = name.slice(prefix.length).toLowerCase().split("__");
    const found = resolve(schema, parts);
    if (typeof found === "string") {
      const bare = name.slice(prefix.length);
      const near = nearest(
        bare,
        settingNames(schema).map((setting) => setting.replaceAll(".", "__").toUpperCase()),
      );
      problems.push(problemAt(source, { key: "", message: withHint(found, near && `${prefix}${near}`) }));
    } else {
      overrides.push({ path: found, value: decode(schemaAt(schema, found), env[name] ?? ""), source });
    }
  }
  return { overrides, problems };
}

/** The settings of `--set`, in the order in which they were given; the example is for who got one wrong. */
export function readSetFlags(schema: Schema, flags: readonly string[], example: string): Overrides {
  const overrides: Override[] = [];
  const problems: ConfigProblem[] = [];
  for (const flag of flags) {
    const match = /^([A-Za-z0-9_.:#+@/-]+)=(.*)$/s.exec(flag);
    // What follows a mistake may be a secret, so only the key is shown.
    const key = match?.[1] ?? /^[A-Za-z0-9_.]*/.exec(flag)?.[0] ?? "";
    const source: Source = { kind: "set", key };
    const found = match === null
      ? `Cannot read this flag; write --set key=value such as --set ${example}`
      : resolve(schema, key.split("."));
    if (typeof found === "string") {
      const near = nearest(key, settingNames(schema));
      problems.push(problemAt(source, { key, message: withHint(found, near) }));
    } else {
      overrides.push({ path: found, value: decode(schemaAt(schema, found), match?.[2] ?? ""), source });
    }
  }
  return { overrides, problems };
}

function withHint(message: string, near: string | null): string {
  return near === null || message !== UNKNOWN ? message : `${message}; did you mean ${near}?`;
}

/** The dotted names of all settings and sections. */
function settingNames(schema: Schema): string[] {
  const names = new Set<string>();
  for (const { path } of listSettings(schema)) {
    for (let length = 1; length <= path.length; length++) names.add(path.slice(0, length).join("."));
  }
  return [...names];
}

/** The path that the parts name, or why there is none. */
function resolve(schema: Schema, parts: readonly string[]): string[] | string {
  const path: string[] = [];
  for (const [index, part] of parts.entries()) {
    const below = schemaAt(schema, path);
    const shape = below === null ? null : shapeOf(below);
    if (shape === null || part === "") return UNKNOWN;
    if (shape.kind === "list") {
      return `Cannot set a part of the list ${path.join(".")}; give it as a whole YAML list`;
    }
    if (shape.kind === "value") return UNKNOWN;
    if (shape.kind === "section" && !shape.keys.has(part)) return UNKNOWN;
    // Names in a map of plain values, as of topics, hold dots themselves.
    if (shape.kind === "record" && shapeOf(shape.value).kind === "value") {
      return [...path, parts.slice(index).join(".")];
    }
    path.push(part);
  }
  return path;
}

/** The value of a text: YAML, or the text as it stands when only that is right for the setting. */
function decode(schema: Schema | null, text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false, logLevel: "silent" });
  if (document.errors.length > 0 || document.warnings.length > 0) return text;
  let value: unknown;
  try {
    value = document.toJS();
    // A value that holds itself, made of an anchor around its own alias, throws here.
    JSON.stringify(value);
  } catch {
    return text;
  }
  // A map or list is never taken as text: `{ file: x }` with a mistake in it must not become a secret.
  if (schema === null || typeof value === "string" || (typeof value === "object" && value !== null)) {
    return value;
  }
  const asText = !z.safeParse(schema, value).success && z.safeParse(schema, text).success;
  return asText ? text : value;
}
