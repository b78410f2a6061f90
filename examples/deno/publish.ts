/**
 * Publishes one message and tells whether it was delivered:
 * `deno run --allow-net examples/deno/publish.ts sensors.a.temp 21`
 */
// deno-lint-ignore-file no-console -- it is a program for the shell
import { ask, readQuestion } from "./ask.ts";

const question = readQuestion("publish.ts");
try {
  await ask("publish", question);
  console.log(`Delivered: ${question.topic}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
}
