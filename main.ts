/** The entry point: hands the arguments to the command line and ends with its exit code. */
import { runCli } from "./src/cli/cli.ts";
import { processIo } from "./src/cli/io.ts";

if (import.meta.main) Deno.exit(await runCli(Deno.args, processIo));
