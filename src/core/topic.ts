/**
 * The grammar of topics and of the patterns that select them: dot-separated levels that
 * begin with a letter, at most 16 levels and 255 bytes; in patterns `+` stands for exactly one level and `#`,
 * at the end only, for zero or more. Whether a text is well-formed, and what a pattern selects; nothing here throws.
 */

/** The most bytes of a topic or pattern. */
export const MAX_TOPIC_BYTES = 255;
/** The most levels of a topic or pattern. */
export const MAX_TOPIC_LEVELS = 16;

/** The first level of the hub's own topics. */
export const SYSTEM_LEVEL = "system";

const LEVEL = /^[A-Za-z][A-Za-z0-9_-]*$/;

/** Whether the text is a topic: a place to publish to or request from. */
export function isTopic(text: string): boolean {
  return isWellFormed(text, (level) => LEVEL.test(level));
}

/** Whether the text is a pattern: a topic whose levels may be `+`, and the last one `#`. */
export function isTopicPattern(text: string): boolean {
  return isWellFormed(
    text,
    (level, isLast) => level === "+" || (level === "#" && isLast) || LEVEL.test(level),
  );
}

function isWellFormed(text: string, isLevel: (level: string, isLast: boolean) => boolean): boolean {
  // Every legal character is one byte, so the length in characters is the length in bytes.
  if (text.length > MAX_TOPIC_BYTES) return false;
  const levels = text.split(".");
  if (levels.length > MAX_TOPIC_LEVELS) return false;
  return levels.every((level, index) => isLevel(level, index === levels.length - 1));
}

/**
 * Whether a pattern selects a topic. Both have to be well-formed and in the same case. A wildcard at the first
 * level never selects topics under `system`.
 */
export function matchesTopic(pattern: string, topic: string): boolean {
  const wanted = pattern.split(".");
  const levels = topic.split(".");
  if (levels[0] === SYSTEM_LEVEL && wanted[0] !== SYSTEM_LEVEL) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    if (index >= levels.length || (level !== "+" && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

/**
 * Whether every topic that the inner pattern selects is selected by the outer one too. Both have to be well-formed
 * and in the same case. Exact, with what {@link matchesTopic} says of `system` at the first level.
 */
export function containsPattern(outer: string, inner: string): boolean {
  const allowed = patternLevels(outer);
  const wanted = patternLevels(inner);
  if (wanted[0] === SYSTEM_LEVEL && allowed[0] !== SYSTEM_LEVEL) return false;
  for (const [index, level] of allowed.entries()) {
    if (level === "#") return true;
    const selected = wanted[index];
    if (selected === undefined || selected === "#" || (level !== "+" && level !== selected)) return false;
  }
  return wanted.length === allowed.length;
}

/** The levels of a pattern. No topic is empty, so a `#` alone selects what `+.#` does and is given as that. */
export function patternLevels(pattern: string): string[] {
  return pattern === "#" ? ["+", "#"] : pattern.split(".");
}

/** Whether there is a topic that both patterns select. Both have to be well-formed and in the same case. */
export function patternsOverlap(one: string, other: string): boolean {
  const [levels, others] = [one.split("."), other.split(".")];
  const [first, otherFirst] = [levels[0], others[0]];
  if (isWildcard(first) && otherFirst === SYSTEM_LEVEL) return false;
  if (isWildcard(otherFirst) && first === SYSTEM_LEVEL) return false;
  for (let at = 0; at < Math.max(levels.length, others.length); at++) {
    const [level, otherLevel] = [levels[at], others[at]];
    if (level === "#" || otherLevel === "#") return true;
    if (level === undefined || otherLevel === undefined) return false;
    if (level !== otherLevel && level !== "+" && otherLevel !== "+") return false;
  }
  return true;
}

function isWildcard(level: string | undefined): boolean {
  return level === "+" || level === "#";
}

/** Whether a topic in lower case is one of the hub's own: `system` or below it. */
export function isSystemTopic(topic: string): boolean {
  return topic === SYSTEM_LEVEL || topic.startsWith(`${SYSTEM_LEVEL}.`);
}
