/** Sizes on the command line, written as in the configuration; a bare number is bytes. */
import { message } from "@optique/core/message";
import type { ValueParser } from "@optique/core/valueparser";
import { formatSize, parseSize } from "../config/units.ts";

/** Gives bytes, at most so many. */
export function size(maxBytes: number): ValueParser<"sync", number> {
  return {
    mode: "sync",
    metavar: "SIZE",
    placeholder: 0,
    format: formatSize,
    parse: (input) => {
      const bytes = parseSize(input);
      if (bytes !== null && bytes <= maxBytes) return { success: true, value: bytes };
      const most = formatSize(maxBytes);
      return {
        success: false,
        error: message`Expected a size such as ${"128"} or ${"4KiB"}, at most ${most}, but got ${input}.`,
      };
    },
  };
}
