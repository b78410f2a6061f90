/**
 * The grammar of topics and of the patterns that select them: dot-separated levels that
 * begin with a letter, at most 16 levels and 255 bytes; in patterns `+` stands for exactly one level and `#`,
 * at the end only, for zero or more. Only whether a text is well-formed; nothing here throws.
 */

/** The most bytes of a topic or pattern. */
export const MAX_TOPIC_BYTES = 255;
/** The most levels of a topic or pattern. */
export const MAX_TOPIC_LEVELS = 16;

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
