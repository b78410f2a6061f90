/** From where on `--replay` replays: `last=10`, `since=5m`, `since=<time>` or `id=<message id>`. */
import { message } from "@optique/core/message";
import type { ValueParser } from "@optique/core/valueparser";
import { parseDuration } from "../config/units.ts";

/** As the hub is asked for it; a duration is counted back from when it is asked. */
export type ReplayStart =
  | { readonly last: number }
  | { readonly since: string }
  | { readonly agoMs: number };

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/i;

/** What is written behind `--replay`; `null` where it is none. */
export function parseReplayStart(text: string): ReplayStart | null {
  const [, key, value = ""] = /^(last|since|id)=(.+)$/.exec(text) ?? [];
  if (key === "last") return /^\d{1,6}$/.test(value) ? { last: Number(value) } : null;
  if (key === "id") return ID.test(value) ? { since: value } : null;
  if (key !== "since") return null;
  if (TIME.test(value) && !Number.isNaN(Date.parse(value))) return { since: value };
  const agoMs = parseDuration(value);
  return agoMs === null ? null : { agoMs };
}

/** What the hub is asked for. */
export function replayOf(start: ReplayStart): { readonly last: number } | { readonly since: string } {
  return "agoMs" in start ? { since: new Date(Date.now() - start.agoMs).toISOString() } : start;
}

/** The parser of the option. */
export function replayStart(): ValueParser<"sync", ReplayStart> {
  return {
    mode: "sync",
    metavar: "START",
    placeholder: { last: 1 },
    format: (start) =>
      "last" in start ? `last=${start.last}` : "since" in start ? `since=${start.since}` : "since",
    parse: (input) => {
      const value = parseReplayStart(input);
      if (value !== null) return { success: true, value };
      return {
        success: false,
        error:
          message`Expected ${"last=10"}, ${"since=5m"}, ${"since=2026-01-31T12:00:00Z"} or ${"id="} and the id \
of a message, but got ${input}.`,
      };
    },
  };
}
