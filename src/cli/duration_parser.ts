/** Durations on the command line, written as in the configuration; a bare number is seconds. */
import { message } from "@optique/core/message";
import type { ValueParser } from "@optique/core/valueparser";
import { formatDuration, parseDuration } from "../config/units.ts";

/** The longest delay that a timer takes (2^31 - 1 ms). */
const MAX_MS = 0x7fff_ffff;

/** Gives milliseconds, more than 0. */
export function duration(): ValueParser<"sync", number> {
  return {
    mode: "sync",
    metavar: "DURATION",
    placeholder: 1000,
    format: formatDuration,
    parse: (input) => {
      const ms = parseDuration(/[0-9]$/.test(input) ? `${input}s` : input);
      if (ms !== null && ms > 0 && ms <= MAX_MS) return { success: true, value: ms };
      return {
        success: false,
        error: message`Expected a duration such as ${"30s"} or ${"500ms"}, up to 24 days, but got ${input}.`,
      };
    },
  };
}
