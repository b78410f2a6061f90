/**
 * Values under name patterns in which `*` stands for one or more characters other than a dot. Names are looked up by
 * how patterns begin and end; only patterns with the same beginning and the same end are tried one by one, and trying
 * one never goes back over the name.
 */

/** A pattern with at least one `*`. */
interface Wildcard<V> {
  /** The texts between the first and the last `*`. */
  readonly between: readonly string[];
  /** The shortest name that it can select. */
  readonly minLength: number;
  readonly value: V;
}

/** Wildcards by what stands before their first `*`, then by what stands after the last. */
type WildcardIndex<V> = Map<string, Map<string, Wildcard<V>[]>>;

/** A map from patterns to values. The pattern `*` alone selects every name, those with dots too. */
export class NamePatterns<V> {
  readonly #byPattern = new Map<string, V>();
  readonly #wildcards: WildcardIndex<V> = new Map();
  #longestPrefix = 0;

  /** The value of a pattern, made when the pattern comes up first. */
  getOrAdd(pattern: string, make: () => V): V {
    const known = this.#byPattern.get(pattern);
    if (known !== undefined) return known;
    const value = make();
    this.#byPattern.set(pattern, value);
    if (pattern !== "*" && pattern.includes("*")) this.#addWildcard(pattern, value);
    return value;
  }

  /** The values of all patterns that select a name. */
  *select(name: string): Generator<V> {
    // A name with a star in it is none, and would find the patterns by their own text.
    if (name === "" || name.includes("*")) return;
    for (const key of [name, "*"]) {
      const value = this.#byPattern.get(key);
      if (value !== undefined) yield value;
    }
    for (let length = 0; length <= Math.min(this.#longestPrefix, name.length); length++) {
      const bySuffix = this.#wildcards.get(name.slice(0, length));
      if (bySuffix !== undefined) yield* selectBySuffix(bySuffix, { name, from: length });
    }
  }

  #addWildcard(pattern: string, value: V): void {
    const parts = pattern.split("*");
    const prefix = parts[0] ?? "";
    const suffix = parts.at(-1) ?? "";
    const bySuffix = this.#wildcards.get(prefix) ?? new Map<string, Wildcard<V>[]>();
    this.#wildcards.set(prefix, bySuffix);
    const list = bySuffix.get(suffix) ?? [];
    bySuffix.set(suffix, list);
    list.push({ between: parts.slice(1, -1), minLength: pattern.length, value });
    this.#longestPrefix = Math.max(this.#longestPrefix, prefix.length);
  }
}

interface Rest {
  readonly name: string;
  /** Where the first `*` begins. */
  readonly from: number;
}

function* selectBySuffix<V>(
  bySuffix: ReadonlyMap<string, readonly Wildcard<V>[]>,
  { name, from }: Rest,
): Generator<V> {
  for (let end = from + 1; end <= name.length; end++) {
    const wildcards = bySuffix.get(name.slice(end));
    if (wildcards === undefined) continue;
    const middle = name.slice(from, end);
    for (const { between, minLength, value } of wildcards) {
      if (minLength <= name.length && fits(middle, between)) yield value;
    }
  }
}

/** Whether a text is `*`, or `*` and texts in turn with `*` at both ends. */
function fits(text: string, between: readonly string[]): boolean {
  let at = 0;
  for (const part of between) {
    // The first place that leaves a character for the star is as good as any later one: a star takes no dot, so
    // that no text with a dot has two places, and one without a dot leaves the same dots to the next star.
    const found = text.indexOf(part, at + 1);
    if (found < 0 || text.slice(at, found).includes(".")) return false;
    at = found + part.length;
  }
  return at < text.length && !text.includes(".", at);
}
