/**
 * The raw values of a configuration, laid over each other from the weakest source to the strongest, with the
 * source of each. Maps of known keys are merged key by key; lists and maps with free names are replaced whole.
 */
import type { KeyPath } from "./problem.ts";
import { isMap, type Schema, schemaAt, schemaBelow, shapeOf, valueAt } from "./schema_walk.ts";
import { type Origin, placeOf, type Source } from "./source.ts";

const DEFAULT_ORIGIN: Origin = { key: { kind: "default" }, value: { kind: "default" } };

interface Layer {
  readonly value: unknown;
  /** The origin of the value at a path; undefined when it has none of its own. */
  readonly originOf: (path: readonly string[]) => Origin | undefined;
}

type Branch = Record<string, unknown>;

/** Raw values with their sources. */
export class SettingsTree {
  readonly #schema: Schema;
  readonly #root: Branch = {};
  readonly #origins = new Map<string, Origin>();

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** The values as they are now, as a tree of maps, lists and scalars. */
  get root(): unknown {
    return this.#root;
  }

  /** Lays a value over what stands at the path. */
  merge(path: readonly string[], layer: Layer): void {
    this.#merge(schemaAt(this.#schema, path), path, layer);
  }

  /** Where the value at the path comes from, or else what stands below it, or around it. */
  originOf(path: KeyPath): Origin {
    const inside = this.givenOrigin(path);
    if (inside !== undefined) return inside;
    for (let length = path.length - 1; length > 0; length--) {
      const origin = this.#origins.get(placeOf(path.slice(0, length)));
      if (origin !== undefined) return origin;
    }
    return DEFAULT_ORIGIN;
  }

  /** The source of a setting: its own, or that of the first value below it; default when nothing gives it. */
  sourceOf(path: KeyPath): Source {
    return (this.givenOrigin(path) ?? DEFAULT_ORIGIN).key;
  }

  /** Where the value at the path, or the first below it, was given; undefined when it was not. */
  givenOrigin(path: KeyPath): Origin | undefined {
    const place = placeOf(path);
    const own = this.#origins.get(place);
    if (own !== undefined) return own;
    for (const [other, origin] of this.#origins) {
      if (isBelow(other, place)) return origin;
    }
    return undefined;
  }

  #merge(schema: Schema | null, path: readonly string[], { value, originOf }: Layer): void {
    const shape = schema === null ? null : shapeOf(schema);
    // A section whose keys are all commented out reads as null; it says nothing.
    const given = value === null && shape?.kind === "section" && !shape.nullable ? {} : value;
    if (schema === null || shape?.kind !== "section" || !isMap(given)) {
      return this.#put(path, { value, originOf });
    }
    if (path.length > 0 && !isMap(valueAt(this.#root, path))) this.#put(path, { value: {}, originOf });
    for (const [key, below] of Object.entries(given)) {
      this.#merge(schemaBelow(schema, key), [...path, key], { value: below, originOf });
    }
  }

  #put(path: readonly string[], { value, originOf }: Layer): void {
    const key = path.at(-1);
    if (key === undefined) return;
    setOwn(this.#branch(path.slice(0, -1)), key, structuredClone(value));
    const place = placeOf(path);
    for (const known of this.#origins.keys()) {
      if (known === place || isBelow(known, place)) this.#origins.delete(known);
    }
    this.#record(path, { value, originOf });
  }

  #record(path: readonly string[], { value, originOf }: Layer): void {
    const origin = originOf(path);
    if (origin !== undefined) this.#origins.set(placeOf(path), origin);
    if (typeof value !== "object" || value === null) return;
    for (const [key, below] of Object.entries(value)) {
      this.#record([...path, key], { value: below, originOf });
    }
  }

  /** The map at the path, made when there is none. */
  #branch(path: readonly string[]): Branch {
    let branch = this.#root;
    for (const key of path) {
      const below = Object.hasOwn(branch, key) ? branch[key] : undefined;
      const next: Branch = isBranch(below) ? below : {};
      if (next !== below) setOwn(branch, key, next);
      branch = next;
    }
    return branch;
  }
}

function isBranch(value: unknown): value is Branch {
  return isMap(value);
}

/** Sets a key of any name, `__proto__` included, as the map's own. */
function setOwn(branch: Branch, key: string, value: unknown): void {
  Object.defineProperty(branch, key, { value, enumerable: true, configurable: true, writable: true });
}

function isBelow(place: string, above: string): boolean {
  return place.startsWith(`${above.slice(0, -1)},`);
}

/** The tree without what stands at the path; the tree itself stays as it is. */
export function without(tree: unknown, path: KeyPath): unknown {
  const copy: unknown = structuredClone(tree);
  const parent = valueAt(copy, path.slice(0, -1));
  const key = path.at(-1);
  if (isBranch(parent) && key !== undefined) delete parent[String(key)];
  return copy;
}
