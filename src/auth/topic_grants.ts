/**
 * Topic patterns that are allowed, by their levels. Whether a topic, or all that a pattern selects, lies inside one
 * of them takes a walk along its levels through the branches that can match, whatever the number of patterns.
 */
import { patternLevels, SYSTEM_LEVEL } from "../core/topic.ts";

/** One level of the patterns that begin alike. */
class GrantNode {
  readonly children = new Map<string, GrantNode>();
  /** Whether a pattern ends here. */
  isEnd = false;
  /** Whether a pattern allows this and all below it. */
  allowsAll = false;

  child(level: string): GrantNode {
    let child = this.children.get(level);
    if (child === undefined) {
      child = new GrantNode();
      this.children.set(level, child);
    }
    return child;
  }
}

/** A set of patterns. Those that are added, and what is asked for, have to be well-formed and in lower case. */
export class TopicGrants {
  readonly #root = new GrantNode();

  add(pattern: string): void {
    let node = this.#root;
    for (const level of patternLevels(pattern)) {
      if (level === "#") {
        node.allowsAll = true;
        return;
      }
      node = node.child(level);
    }
    node.isEnd = true;
  }

  /** Whether all that a topic or pattern selects lies inside one single pattern of the set. */
  contains(pattern: string): boolean {
    const levels = patternLevels(pattern);
    if (levels[0] !== SYSTEM_LEVEL) return containsFrom(this.#root, levels, 0);
    const system = this.#root.children.get(SYSTEM_LEVEL);
    return system !== undefined && containsFrom(system, levels, 1);
  }
}

function containsFrom(node: GrantNode, levels: readonly string[], depth: number): boolean {
  if (node.allowsAll) return true;
  const level = levels[depth];
  if (level === undefined) return node.isEnd;
  if (level === "#") return false;
  const exact = node.children.get(level);
  if (exact !== undefined && containsFrom(exact, levels, depth + 1)) return true;
  const any = level === "+" ? undefined : node.children.get("+");
  return any !== undefined && containsFrom(any, levels, depth + 1);
}
