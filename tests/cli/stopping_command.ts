/** A command that listens for signals no more after the first, and is a while from its end then: SIGUSR2 ends it. */
import { processIo } from "../../src/cli/io.ts";
import { listenForStop } from "../../src/cli/signals.ts";

const signals = listenForStop(() => Deno.exit(1));
Deno.addSignalListener("SIGUSR2", () => Deno.exit(0));
processIo.out("ready");
await signals.first;
signals.dispose();
processIo.out("stopped");
setInterval(() => {}, 1000);
