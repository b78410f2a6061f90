/**
 * Subscriptions by the levels of their patterns. Finding those that select a topic looks at the branches that can
 * match and no others; adding and removing one takes time for its own levels only.
 */
import { SYSTEM_LEVEL } from "../core/topic.ts";

/** What stands in a trie: under its pattern, at a place that the trie keeps. */
export abstract class TrieEntry {
  /** The pattern in lower case. */
  abstract readonly key: string;
  /** For a removal without a search; `null` while it is in no trie. */
  place: { readonly node: TrieNode<TrieEntry>; index: number } | null = null;
}

/** One level of the patterns that begin alike. */
class TrieNode<E extends TrieEntry> {
  readonly parent: TrieNode<E> | null;
  readonly level: string;
  /** Branches for exact levels: most nodes have one, and a map for each would take most of the memory. */
  #children: TrieNode<E> | Map<string, TrieNode<E>> | null = null;
  /** The branch for any one level, `+`. */
  plus: TrieNode<E> | null = null;
  /** The branch for all that follows, `#`. */
  hash: TrieNode<E> | null = null;
  /** The entries whose pattern ends here; `null` where none ever did, as in most nodes. */
  entries: E[] | null = null;

  constructor(parent: TrieNode<E> | null, level: string) {
    this.parent = parent;
    this.level = level;
  }

  get isEmpty(): boolean {
    return (this.entries === null || this.entries.length === 0) && this.#children === null &&
      this.plus === null &&
      this.hash === null;
  }

  /** The branch for a level of a pattern. */
  branch(level: string): TrieNode<E> {
    if (level === "+") return this.plus ??= new TrieNode<E>(this, level);
    if (level === "#") return this.hash ??= new TrieNode<E>(this, level);
    return this.child(level) ?? this.#addChild(level);
  }

  /** The branch for an exact level, if there is one. */
  child(level: string): TrieNode<E> | undefined {
    const children = this.#children;
    if (children === null) return undefined;
    if (children instanceof Map) return children.get(level);
    return children.level === level ? children : undefined;
  }

  /** All branches. */
  branches(): TrieNode<E>[] {
    const children = this.#children;
    const exact = children instanceof Map ? [...children.values()] : [children];
    return [...exact, this.plus, this.hash].filter((branch) => branch !== null);
  }

  /** Cuts a branch that is empty. */
  cut(child: TrieNode<E>): void {
    if (child === this.plus) this.plus = null;
    else if (child === this.hash) this.hash = null;
    else if (child === this.#children) this.#children = null;
    else if (this.#children instanceof Map) {
      this.#children.delete(child.level);
      if (this.#children.size === 0) this.#children = null;
    }
  }

  #addChild(level: string): TrieNode<E> {
    const child = new TrieNode<E>(this, level);
    const children = this.#children;
    if (children === null) this.#children = child;
    else if (children instanceof Map) children.set(level, child);
    else this.#children = new Map([[children.level, children], [level, child]]);
    return child;
  }
}

/** The patterns of one tenant. */
export class TopicTrie<E extends TrieEntry> {
  readonly #root = new TrieNode<E>(null, "");

  /** Adds an entry that is in no trie. */
  add(entry: E): void {
    let node = this.#root;
    for (const level of entry.key.split(".")) node = node.branch(level);
    const entries = node.entries ??= [];
    entry.place = { node, index: entries.length };
    entries.push(entry);
  }

  /** Removes an entry; the last one of its node takes its place. */
  remove(entry: E): void {
    const { place } = entry;
    if (place === null) return;
    entry.place = null;
    const { node, index } = place;
    const last = node.entries?.pop();
    if (last !== undefined && last !== entry) {
      if (node.entries !== null) node.entries[index] = last;
      if (last.place !== null) last.place.index = index;
    }
    prune(node);
  }

  /**
   * Appends to `found` the lists of all nodes whose pattern selects the topic, in lower case. Gives the number of nodes
   * that it looked at: with wildcards at every level there may be thousands, whatever is found.
   */
  match(topic: string, found: (readonly E[])[]): number {
    const levels = topic.split(".");
    const first = levels[0] ?? "";
    const root = this.#root;
    let looked = 1;
    const exact = root.child(first);
    if (exact !== undefined) looked += collect(exact, levels, { depth: 1, found });
    if (first === SYSTEM_LEVEL) return looked;
    if (root.plus !== null) looked += collect(root.plus, levels, { depth: 1, found });
    addEntries(root.hash, found);
    return looked;
  }

  /** All entries, those of the same pattern together. */
  *byPattern(): Generator<readonly E[]> {
    const waiting = [this.#root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.entries !== null && node.entries.length > 0) yield node.entries;
      for (const branch of node.branches()) waiting.push(branch);
    }
  }
}

interface Search<E> {
  readonly depth: number;
  readonly found: (readonly E[])[];
}

/** Gives the number of nodes that it looked at. */
function collect<E extends TrieEntry>(
  node: TrieNode<E>,
  levels: readonly string[],
  { depth, found }: Search<E>,
): number {
  addEntries(node.hash, found);
  if (depth === levels.length) {
    addEntries(node, found);
    return 1;
  }
  const next = { depth: depth + 1, found };
  let looked = 1;
  const exact = node.child(levels[depth] ?? "");
  if (exact !== undefined) looked += collect(exact, levels, next);
  if (node.plus !== null) looked += collect(node.plus, levels, next);
  return looked;
}

function addEntries<E extends TrieEntry>(node: TrieNode<E> | null, found: (readonly E[])[]): void {
  if (node !== null && node.entries !== null && node.entries.length > 0) found.push(node.entries);
}

function prune(from: TrieNode<TrieEntry>): void {
  let node = from;
  while (node.isEmpty && node.parent !== null) {
    node.parent.cut(node);
    node = node.parent;
  }
}
