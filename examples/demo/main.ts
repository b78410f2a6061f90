/**
 * `deno task demo`: starts a hub and its demo pages, prints what to open, and ends everything on Ctrl-C.
 */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { runSync } from "@optique/run";
import { loadFromSystem } from "../../src/cli/config_source.ts";
import { printProblems } from "../../src/cli/check.ts";
import { ExitCode, processIo } from "../../src/cli/io.ts";
import { listenForStop } from "../../src/cli/signals.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { createLogging } from "../../src/server/logging.ts";
import { type Demo, startDemo } from "./demo.ts";

/** A hub may run on this machine already: the demo takes other ports unless it is told which. */
const FREE_PORTS = ["hub.listen=127.0.0.1:0", "metrics.listen=127.0.0.1:0", "public.enabled=false"];

const parser = object({
  port: withDefault(
    option("-p", "--port", integer({ metavar: "PORT", min: 0, max: 65535 }), {
      description: message`Port of the pages on 127.0.0.1; 8000 by default, 0 takes any.`,
    }),
    8000,
  ),
  set: multiple(option("--set", string({ metavar: "KEY=VALUE" }), {
    description: message`Override a key of the hub's configuration; may be repeated.`,
  })),
});

async function main(): Promise<number> {
  const options = runSync(parser, { programName: "demo", help: "option", errorExitCode: ExitCode.usage });
  const loaded = loadFromSystem({ set: [...FREE_PORTS, ...options.set] });
  if (!loaded.ok) {
    printProblems(loaded.problems, processIo);
    return ExitCode.usage;
  }
  const logging = createLogging({ level: "warning", format: "auto", output: "stderr" });
  const signals = listenForStop(() => Deno.exit(ExitCode.done));
  try {
    const page = { host: "127.0.0.1", port: options.port };
    const demo = await startDemo({ config: loaded.config, logger: logging.logger, page });
    printWhatToOpen(demo);
    await signals.first;
    await demo.stop();
    return ExitCode.done;
  } catch (error) {
    if (!(error instanceof TrunklineError)) throw error;
    processIo.err(error.message);
    return ExitCode.usage;
  } finally {
    signals.dispose();
    await logging.close();
  }
}

function printWhatToOpen({ pageUrl, topicsUrl, loadUrl, relayUrl, brokerUrl, metricsUrl }: Demo): void {
  processIo.out(`Open in two tabs:  ${pageUrl}`);
  processIo.out(`Topics:            ${topicsUrl}`);
  processIo.out(`Under load:        ${loadUrl}`);
  processIo.out(`The relay:         ${relayUrl}`);
  if (brokerUrl !== null) processIo.out(`The broker:        ${brokerUrl}`);
  if (metricsUrl !== null) processIo.out(`Metrics:           ${metricsUrl}`);
  processIo.out("Ctrl-C ends it.");
}

if (import.meta.main) Deno.exit(await main());
