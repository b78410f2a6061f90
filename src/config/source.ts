/**
 * Where the value of a setting comes from, in the order of precedence: `--set`, then the environment, then the
 * file, then the default.
 */

/** Where a value comes from. Lines and columns count from 1. */
export type Source =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "set"; readonly key: string };

/** Where a value and its key stand; the same but in a file. */
export interface Origin {
  readonly key: Source;
  readonly value: Source;
}

/** The name of a path in a map of origins. */
export function placeOf(path: readonly (string | number)[]): string {
  return JSON.stringify(path.map(String));
}

/** The source for people: `config.yaml:3`, `TRUNKLINE_HUB__LISTEN`, `--set` or `default`. */
export function describeSource(source: Source): string {
  switch (source.kind) {
    case "default":
      return "default";
    case "file":
      return `${source.file}:${source.line}`;
    case "env":
      return source.name;
    case "set":
      return "--set";
  }
}
