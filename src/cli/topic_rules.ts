/** The rules of topics and patterns, as a person is told who broke one. */

/** What a topic is. */
export const TOPIC_RULE = "levels with dots between them, each a letter and then letters, digits, _ and -";
/** What a pattern is. */
export const PATTERN_RULE = `${TOPIC_RULE}, or + for any one level, or # at the end for any number of levels`;
