/** The options that every command takes. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { option } from "@optique/core/primitives";

/** How to print. */
export const output = object({
  json: option("--json", { description: message`Print JSON, for scripts.` }),
  quiet: option("-q", "--quiet", { description: message`Print errors only.` }),
});
