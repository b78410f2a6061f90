/**
 * Where a replay starts, and whether all that was asked for is there: by positions in the histories of the topics that
 * were asked for, without going through their messages.
 */
import type { TopicHistory } from "./topic_history.ts";

/** A start as {@link import("./message_store.ts").TenantStore.start} gives it. */
export interface ReplayStart {
  readonly afterId: string | null;
  readonly isComplete: boolean;
}

/** The highest id that is not shown any more, if any: trimmed, or about to be. */
export function goneId(history: TopicHistory, nowMs: number): string | null {
  const hidden = history.firstShown(nowMs) - 1;
  const id = hidden < 0 ? null : history.at(hidden)?.id ?? null;
  const { trimmedId } = history;
  return id === null || (trimmedId !== null && trimmedId > id) ? trimmedId : id;
}

/** The latest time at which something came that is not shown any more; minus infinity when nothing did. */
export function goneAtMs(history: TopicHistory, nowMs: number): number {
  const hidden = history.firstShown(nowMs) - 1;
  return hidden < 0 ? history.trimmedAtMs : Math.max(history.trimmedAtMs, history.timeAt(hidden));
}

/** The id behind which the messages of a time on stand; `null`: none stands before them. */
export function idBefore(histories: readonly TopicHistory[], atMs: number): string | null {
  let before: string | null = null;
  for (const history of histories) {
    const id = history.at(history.firstSince(atMs) - 1)?.id;
    if (id !== undefined && (before === null || id > before)) before = id;
  }
  return before;
}

/** The id behind which the last so many shown messages stand; `null` when there are no more than that. */
export function idBeforeLast(
  histories: readonly TopicHistory[],
  { count, nowMs }: { readonly count: number; readonly nowMs: number },
): string | null {
  // Of each history, no more than the last `count` and the one before them can matter.
  const ranges = histories.map((history) => ({
    history,
    low: Math.max(history.firstShown(nowMs), history.length - count - 1),
    high: history.length,
  }));
  return select(ranges, count);
}

/** Part of a history: those from `low` on, before `high`. */
interface Range {
  readonly history: TopicHistory;
  low: number;
  high: number;
}

/** The id that has `above` others above it in all ranges: one is guessed, and the ranges are cut there, again and again. */
function select(ranges: readonly Range[], above: number): string | null {
  let wanted = above;
  for (;;) {
    const total = ranges.reduce((sum, { low, high }) => sum + high - low, 0);
    if (total <= wanted) return null;
    const pivot = pick(ranges, Math.floor(Math.random() * total));
    const cuts = ranges.map(({ history, low, high }) => clamp(history.firstAfter(pivot), low, high));
    const higher = ranges.reduce((sum, { high }, at) => sum + high - (cuts[at] ?? high), 0);
    if (higher === wanted) return pivot;
    ranges.forEach((range, at) => {
      const cut = cuts[at] ?? range.high;
      if (higher > wanted) range.low = cut;
      else range.high = range.history.at(cut - 1)?.id === pivot ? cut - 1 : cut;
    });
    if (higher < wanted) wanted -= higher + 1;
  }
}

function pick(ranges: readonly Range[], place: number): string {
  let left = place;
  for (const { history, low, high } of ranges) {
    if (left < high - low) return history.at(low + left)?.id ?? "";
    left -= high - low;
  }
  return "";
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
