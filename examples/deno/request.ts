/**
 * Asks whichever service answers a topic, and prints what it says:
 * `deno run --allow-net examples/deno/request.ts tools.sum '[1,2,3]'`
 */
// deno-lint-ignore-file no-console -- it is a program for the shell
import { ask, readQuestion } from "./ask.ts";
import { printable } from "./text_message.ts";

const question = readQuestion("request.ts");
try {
  console.log(printable(new TextDecoder().decode(await ask("request", question))));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
}
