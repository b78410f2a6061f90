/**
 * What is wrong with a configuration: where it stands, which key it is, what was found and what would be
 * right. A problem never holds the value of a secret.
 */
import type { Source } from "./source.ts";

/** One mistake in a configuration. Exactly one of `file`, `variable` and `flag` is set, none for a default. */
export interface ConfigProblem {
  /** The file in which the mistake stands, as it was named to the loader. */
  readonly file: string | null;
  /** Counts from 1; null when the mistake is not in a file. */
  readonly line: number | null;
  /** Counts from 1; null when the mistake is not in a file. */
  readonly column: number | null;
  /** The environment variable in which the mistake stands. */
  readonly variable: string | null;
  /** The flag in which the mistake stands, with its key: `--set hub.listen`. */
  readonly flag: string | null;
  /** The dotted path of the key, as `hub.listen[0].address`; empty when it concerns the whole file. */
  readonly key: string;
  /** What was found and what would be right. */
  readonly message: string;
}

/** Path of a key: names, and numbers for the items of a list. */
export type KeyPath = readonly (string | number)[];

/** Takes a problem: the key at which it is told, and its message. */
export type Report = (path: KeyPath, message: string) => void;

/** The problem with the key that comes from the given source. */
export function problemAt(source: Source, { key, message }: { key: string; message: string }): ConfigProblem {
  const file = source.kind === "file" ? source : null;
  return {
    file: file?.file ?? null,
    line: file?.line ?? null,
    column: file?.column ?? null,
    variable: source.kind === "env" ? source.name : null,
    flag: source.kind === "set" ? `--set ${source.key}` : null,
    key,
    message,
  };
}

/** One line for a person: `config.yaml:12:5: hub.listen: Cannot ...`. */
export function formatProblem(problem: ConfigProblem): string {
  const { file, line, column, variable, flag, key, message } = problem;
  const place = file !== null ? `${file}:${line}:${column}` : variable ?? flag ?? "default";
  const shownKey = place === `--set ${key}` ? "" : key;
  return [place, shownKey, message].filter((part) => part !== "").join(": ");
}

/** The dotted text of a path: `["hub", "listen", 0]` is `hub.listen[0]`. */
export function formatKey(path: KeyPath): string {
  return path.map((part, index) => typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)
    .join("");
}

/** Problems in the order in which a person works through them: the file from top to bottom, then the others. */
export function sortProblems(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const rank = (problem: ConfigProblem) => problem.file !== null ? 0 : problem.variable !== null ? 1 : 2;
  return problems.toSorted((a, b) =>
    rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
  );
}
