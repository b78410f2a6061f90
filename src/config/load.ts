/**
 * Loads a configuration of whatever kind: `--set` over environment over file over defaults, checked as a whole.
 * Guarantees that every mistake is told at once with its place, that no secret is in a problem, and that
 * nothing is read but through what is passed in.
 */
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { messageOf } from "../core/errors.ts";
import type { Checking } from "./contradictions.ts";
import { describeIssue, existingPath, type Mistake } from "./issues.ts";
import { type EnvironmentNames, type Override, readEnvironment, readSetFlags } from "./overrides.ts";
import {
  type ConfigProblem,
  formatKey,
  type KeyPath,
  problemAt,
  type Report,
  sortProblems,
} from "./problem.ts";
import type { SchemaContext, SecretReference, SecretResult } from "./schema_context.ts";
import { listSettings, type Schema, settingPath } from "./schema_walk.ts";
import { SettingsTree, without } from "./settings_tree.ts";
import { placeOf, type Source } from "./source.ts";
import { readYaml } from "./yaml_source.ts";

/** Everything that a configuration is made of. */
export interface ConfigInput {
  /** The file, if there is one; `path` may be relative to `cwd` and is how problems name the file. */
  readonly file: { readonly path: string; readonly text: string } | null;
  /** The environment; only `TRUNKLINE_*` and variables that secrets name are looked at. */
  readonly env: Readonly<Record<string, string>>;
  /** The values of `--set`, each `key=value`; the last of a key wins. */
  readonly set: readonly string[];
  /** Reads the text of a secret's file by its absolute path; throws when it cannot. */
  readonly readSecretFile: (path: string) => string;
  /** The folder at which relative paths start when there is no file. Absolute. */
  readonly cwd: string;
}

/** What tells the hub's configuration from an agent's. */
export interface ConfigKind<C> {
  /** The schema, reading paths and secrets through the context. */
  readonly schema: (context: SchemaContext) => z.ZodType<C>;
  readonly environment: EnvironmentNames;
  /** A flag to show what one looks like: `key=value`. */
  readonly exampleFlag: string;
  /** Reports what is wrong between settings that are each right by themselves. */
  readonly check: (config: C, checking: Checking) => void;
}

/** A configuration that can be used, or everything that is wrong with it. */
export type LoadResult<C> =
  | { readonly ok: true; readonly config: C; readonly sources: ReadonlyMap<string, Source> }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/**
 * Loads a configuration. Relative paths start at the folder of the file, or at `cwd` without one, wherever
 * they were given. `sources` has one entry for each setting, by its dotted key.
 */
export function load<C>(kind: ConfigKind<C>, input: ConfigInput): LoadResult<C> {
  const namedBySecrets = new Set<string>();
  const schema = kind.schema(contextOf(input, namedBySecrets));
  const tree = new SettingsTree(schema);
  const file = input.file === null ? null : readYaml(input.file.path, input.file.text);
  if (file !== null) {
    tree.merge([], {
      value: file.value,
      originOf: (path) => file.origins.get(placeOf(path)),
    });
  }
  const environment = readEnvironment(schema, input.env, kind.environment);
  const flags = readSetFlags(schema, input.set, kind.exampleFlag);
  for (const override of [...environment.overrides, ...flags.overrides]) lay(tree, override);
  const checked = file === null || file.structureIsSound
    ? check({ schema, tree, kind })
    : { config: null, problems: [] };
  const problems = [
    ...file?.problems ?? [],
    ...checked.problems,
    ...environment.problems.filter(({ variable }) => variable === null || !namedBySecrets.has(variable)),
    ...flags.problems,
  ];
  if (checked.config === null || problems.length > 0) return { ok: false, problems: sortProblems(problems) };
  const sources = listSettings(schema).map(({ path }) => [path.join("."), tree.sourceOf(path)] as const);
  return { ok: true, config: checked.config, sources: new Map(sources) };
}

function lay(tree: SettingsTree, { path, value, source }: Override): void {
  tree.merge(path, { value, originOf: () => ({ key: source, value: source }) });
}

/** How the schema reads paths and secrets; the variables that secrets name are noted. */
function contextOf(input: ConfigInput, namedBySecrets: Set<string>): SchemaContext {
  const folder = input.file === null ? input.cwd : dirname(resolve(input.cwd, input.file.path));
  return {
    resolvePath: (path) => resolve(folder, path),
    readSecret: (reference) => {
      if ("env" in reference) namedBySecrets.add(reference.env);
      return readSecret(input, reference);
    },
  };
}

function readSecret({ env, readSecretFile }: ConfigInput, reference: SecretReference): SecretResult {
  if ("env" in reference) {
    const text = env[reference.env];
    return text === undefined
      ? { ok: false, reason: `the variable ${reference.env} is not set` }
      : { ok: true, text: text.replace(/\r?\n$/, "") };
  }
  try {
    return { ok: true, text: readSecretFile(reference.file).replace(/\r?\n$/, "") };
  } catch (error) {
    return { ok: false, reason: `the file ${reference.file} cannot be read (${messageOf(error)})` };
  }
}

interface Unchecked<C> {
  readonly schema: z.ZodType<C>;
  readonly tree: SettingsTree;
  readonly kind: ConfigKind<C>;
}

interface Checked<C> {
  readonly config: C | null;
  readonly problems: readonly ConfigProblem[];
}

/** Checks the values by the schema, then what is right among them against each other. */
function check<C>({ schema, tree, kind }: Unchecked<C>): Checked<C> {
  const parsed = schema.safeParse(tree.root);
  const mistakes = parsed.success ? [] : mistakesOf(schema, tree.root, parsed.error);
  const problems = mistakes.map((mistake) => toProblem(tree, mistake));
  const rest = parsed.success ? parsed : schema.safeParse(withoutMistakes(schema, tree.root, mistakes));
  // Without its mistakes every setting is right or has its default, so nothing comes here.
  if (!rest.success) return { config: null, problems };
  const wrong = mistakes.filter(({ isUnknownKey }) => !isUnknownKey).map(({ path }) =>
    settingPath(schema, path).join(".")
  );
  const isValid = (key: string) => !wrong.some((one) => key === one || key.startsWith(`${one}.`));
  const reporter = (reads: readonly string[]): Report => (path, message) => {
    const place = existingPath(tree.root, path);
    const source = contradictionSource(tree, { path: place, reads });
    problems.push(problemAt(source, { key: formatKey(place), message }));
  };
  kind.check(rest.data, { isValid, reporter });
  return { config: rest.data, problems };
}

interface SchemaMistake extends Mistake {
  readonly isUnknownKey: boolean;
}

function mistakesOf(schema: Schema, raw: unknown, error: z.core.$ZodError): SchemaMistake[] {
  return error.issues.flatMap((issue) =>
    describeIssue(issue, { schema, raw }).map((mistake) => ({
      ...mistake,
      isUnknownKey: issue.code === "unrecognized_keys",
    }))
  );
}

function toProblem(tree: SettingsTree, { path, message, atKey }: Mistake): ConfigProblem {
  const origin = tree.originOf(path);
  return problemAt(atKey ? origin.key : origin.value, { key: formatKey(path), message });
}

/** Where a contradiction stands: at its key, or at another one that it is about when its key has its default. */
function contradictionSource(
  tree: SettingsTree,
  { path, reads }: { path: KeyPath; reads: readonly string[] },
): Source {
  for (const given of [path, ...reads.map((key) => key.split("."))]) {
    const origin = tree.givenOrigin(given);
    if (origin !== undefined) return origin.value;
  }
  return tree.originOf(path).value;
}

/** The raw values with every wrong setting left out, so that it has its default. */
function withoutMistakes(schema: Schema, raw: unknown, mistakes: readonly SchemaMistake[]): unknown {
  return mistakes.reduce(
    (tree, { path, isUnknownKey }) => without(tree, isUnknownKey ? path : settingPath(schema, path)),
    raw,
  );
}
