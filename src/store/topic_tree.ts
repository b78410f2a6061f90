/**
 * The topics of one tenant by their levels, and what is kept of each. A pattern looks at the branches that it can
 * select and no others.
 */
import { patternLevels, SYSTEM_LEVEL } from "../core/topic.ts";
import type { KeptMessage } from "./message_store.ts";
import type { TopicHistory } from "./topic_history.ts";

/** What is kept of one topic. */
export class Topic {
  /** In lower case. */
  readonly key: string;
  history: TopicHistory | null = null;
  retained: KeptMessage | null = null;
  /** The number of the retained value in a journal. */
  retainedSeq = 0;
  /** The number of the topic in a journal; 0 while it has none. */
  number = 0;
  /** The id by which it stands in the order of the oldest messages of its tenant; `null`: it does not. */
  orderedBy: string | null = null;
  /** The highest id, and the latest time, of what is in its history here but could not be written down. */
  lostId: string | null = null;
  lostAtMs = -Infinity;
  readonly node: TopicNode;

  constructor(key: string, node: TopicNode) {
    this.key = key;
    this.node = node;
  }

  /** A message could not be written down; ids and times rise. */
  loseOnDisk(id: string, atMs: number): void {
    this.lostId = id;
    this.lostAtMs = atMs;
  }
}

/** One level of the topics that begin alike. */
class TopicNode {
  readonly parent: TopicNode | null;
  readonly level: string;
  /** Most nodes have one branch or none, and a map for each would take most of the memory. */
  #children: TopicNode | Map<string, TopicNode> | null = null;
  topic: Topic | null = null;

  constructor(parent: TopicNode | null, level: string) {
    this.parent = parent;
    this.level = level;
  }

  get isEmpty(): boolean {
    return this.topic === null && this.#children === null;
  }

  child(level: string): TopicNode | undefined {
    const children = this.#children;
    if (children === null) return undefined;
    if (children instanceof Map) return children.get(level);
    return children.level === level ? children : undefined;
  }

  children(): Iterable<TopicNode> {
    const children = this.#children;
    if (children === null) return [];
    return children instanceof Map ? children.values() : [children];
  }

  grow(level: string): TopicNode {
    const child = new TopicNode(this, level);
    const children = this.#children;
    if (children === null) this.#children = child;
    else if (children instanceof Map) children.set(level, child);
    else this.#children = new Map([[children.level, children], [level, child]]);
    return child;
  }

  cut(child: TopicNode): void {
    if (child === this.#children) this.#children = null;
    else if (this.#children instanceof Map) {
      this.#children.delete(child.level);
      if (this.#children.size === 0) this.#children = null;
    }
  }
}

/** The topics of one tenant. */
export class TopicTree {
  readonly #root = new TopicNode(null, "");
  readonly #byKey = new Map<string, Topic>();

  /** A topic of which something is kept. */
  get(key: string): Topic | undefined {
    return this.#byKey.get(key);
  }

  /** A topic that is there from now on. */
  add(key: string): Topic {
    let node = this.#root;
    for (const level of key.split(".")) node = node.child(level) ?? node.grow(level);
    const topic = node.topic ??= new Topic(key, node);
    this.#byKey.set(key, topic);
    return topic;
  }

  /** Forgets a topic. */
  remove({ key, node: at }: Topic): void {
    this.#byKey.delete(key);
    at.topic = null;
    let node = at;
    while (node.isEmpty && node.parent !== null) {
      node.parent.cut(node);
      node = node.parent;
    }
  }

  /** All topics, in an order that goes on while some come and go. */
  all(): IterableIterator<Topic> {
    return this.#byKey.values();
  }

  /** The topics that a pattern selects, in no order. */
  select(pattern: string): Topic[] {
    const found: Topic[] = [];
    const levels = patternLevels(pattern);
    if (!levels.some(isWildcard)) {
      const topic = this.#byKey.get(pattern);
      if (topic !== undefined) found.push(topic);
      return found;
    }
    for (const child of branches(this.#root, levels[0])) {
      if (child.level !== SYSTEM_LEVEL || levels[0] === SYSTEM_LEVEL) {
        collect(child, { levels, depth: 1, found });
      }
    }
    return found;
  }
}

interface Search {
  readonly levels: readonly string[];
  readonly depth: number;
  readonly found: Topic[];
}

/** Topics have at most 16 levels, so this is no deeper. */
function collect(node: TopicNode, { levels, depth, found }: Search): void {
  const level = levels[depth];
  if ((level === undefined || level === "#") && node.topic !== null) found.push(node.topic);
  if (level === undefined) return;
  const next = { levels, depth: level === "#" ? depth : depth + 1, found };
  for (const child of branches(node, level)) collect(child, next);
}

function branches(node: TopicNode, level: string | undefined): Iterable<TopicNode> {
  if (level !== undefined && isWildcard(level)) return node.children();
  const child = level === undefined ? undefined : node.child(level);
  return child === undefined ? [] : [child];
}

function isWildcard(level: string): boolean {
  return level === "+" || level === "#";
}
