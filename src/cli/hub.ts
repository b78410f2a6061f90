/**
 * `trunkline hub`: runs a hub until a signal, or an administrator, ends it. Prints where it listens once it is ready.
 */
import type { ConfigResult } from "../config/hub_config.ts";
import type { Config } from "../config/schema.ts";
import { VERSION } from "../core/version.ts";
import { BROKER_PATHS } from "../server/broker_setup.ts";
import { HubServer } from "../server/hub_server.ts";
import { formatListening, type ListeningAddress } from "../server/listening_address.ts";
import { createLogging, type Logging } from "../server/logging.ts";
import { printProblems } from "./check.ts";
import { type ConfigArguments, hubSource } from "./config_source.ts";
import { ConfigWatch } from "./config_watch.ts";
import { openEndOfTurns } from "./end_of_turns.ts";
import { ExitCode, type Io } from "./io.ts";
import { listenForReload, listenForStop } from "./signals.ts";

/** What `hub` takes. */
export interface HubOptions extends ConfigArguments {
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Runs the command until its end is asked for. Throws a `TrunklineError` when the hub cannot start. */
export async function runHub(options: HubOptions, io: Io): Promise<ExitCode> {
  const watch = new ConfigWatch(hubSource(options));
  const readConfig = () => quietOr(watch.read(), options);
  const result = readConfig();
  if (!result.ok) {
    printProblems(result.problems, io);
    return ExitCode.usage;
  }
  const { level, format, output } = result.config.logging;
  const logging = createLogging({ level, format, output });
  try {
    await serve(result.config, { logging, options, io, readConfig, watch });
  } finally {
    await logging.close();
  }
  return ExitCode.done;
}

/** Who wants quiet is told of errors alone, whatever the configuration says. */
function quietOr(result: ConfigResult, { quiet }: HubOptions): ConfigResult {
  if (!result.ok || !quiet) return result;
  const { config } = result;
  return { ...result, config: { ...config, logging: { ...config.logging, level: "error" } } };
}

interface Serving {
  readonly logging: Logging;
  readonly options: HubOptions;
  readonly io: Io;
  readonly readConfig: () => ConfigResult;
  readonly watch: ConfigWatch<ConfigResult>;
}

async function serve(config: Config, { logging, options, io, readConfig, watch }: Serving): Promise<void> {
  const { logger } = logging;
  const { promise: request, resolve: onStopRequested } = Promise.withResolvers<void>();
  using turns = await openEndOfTurns();
  const hub = new HubServer(config, {
    ...turns.options,
    logger,
    log: logging,
    readConfig,
    onStopRequested,
    version: VERSION,
  });
  const signals = listenForStop(() => Deno.exit(ExitCode.done));
  const stopReloading = listenForReload(() => void hub.reload());
  try {
    await hub.start();
    watch.start(() => void hub.reload());
    printAddresses(hub.addresses(), { config, options, io });
    const signal = await Promise.race([signals.first, request]);
    if (signal === undefined) logger.info("Stopping on request; a signal, sent twice, ends at once");
    else logger.info("Stopping; a second signal ends at once", { signal });
    await hub.stop();
  } finally {
    watch.stop();
    stopReloading();
    signals.dispose();
  }
}

interface Printing {
  readonly config: Config;
  readonly options: HubOptions;
  readonly io: Io;
}

function printAddresses(addresses: readonly ListeningAddress[], { config, options, io }: Printing): void {
  if (options.json) {
    const listeners = addresses.map((address) => ({ ...address, url: formatListening(address) }));
    io.out(JSON.stringify({ ready: true, version: VERSION, listeners }));
    return;
  }
  if (options.quiet) return;
  for (const address of addresses) {
    const served = servedAt(address, config);
    io.out(`${address.name.padEnd(9)}${formatListening(address)}${served === "" ? "" : `   ${served}`}`);
  }
}

/** What answers at an address. */
function servedAt({ name }: ListeningAddress, config: Config): string {
  switch (name) {
    case "hub":
      return spokenAt(config);
    case "public":
      return `HTTP tunnels at *.${config.public.domain}`;
    case "metrics":
      return `at ${config.metrics.path}`;
  }
}

/** What answers on the hub's addresses, and at which paths. */
function spokenAt({ broker, relay }: Config): string {
  const parts: string[] = [];
  if (broker.enabled) parts.push(`broker at ${BROKER_PATHS.join(" ")}`);
  if (relay.enabled) parts.push(`relay at ${relay.paths.join(" ")}`);
  return parts.join(", ");
}
