/**
 * An agent that lives as long as one command (`trunkline tcp`): its first attempt has to succeed, then it comes back
 * after every fault until a signal ends it.
 */
import { Agent, type AgentOptions } from "../agent/agent.ts";
import { passingId } from "../agent/agent_id.ts";
import type { ConfiguredTunnel } from "../agent/agent_streams.ts";
import { OPTION_NAMES } from "../agent/setting_names.ts";
import { chooseProxy } from "../agent/proxy_choice.ts";
import { printable } from "../core/printable.ts";
import { type Logger, type LogLevel, systemClock } from "../core/ports.ts";
import { createLogging } from "../server/logging.ts";
import { AgentView } from "./agent_view.ts";
import { openEndOfTurns } from "./end_of_turns.ts";
import { FirstTry } from "./first_try.ts";
import { type ConnectionArguments, readHubChoice } from "./hub_target.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { listenForStop } from "./signals.ts";

/** What every command takes that is an agent for a while. */
export interface PassingOptions extends ConnectionArguments {
  readonly agentId?: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** What the agent is for. */
export interface Purpose {
  readonly tunnels: readonly ConfiguredTunnel[];
  /** Begins what runs beside the tunnels; gives what ends it, after so long at most. @default nothing */
  readonly begin?: (agent: Agent, logger: Logger) => Promise<(graceMs: number) => Promise<void>>;
  /** Told of each request to a local HTTP service. @default nobody is */
  readonly onRequest?: NonNullable<AgentOptions["onRequest"]>;
  /** Further lines for a person who watches. @default none */
  readonly more?: () => readonly string[];
  /** What stays on the terminal of a person who watched. @default nothing */
  readonly summary?: () => string;
}

const CONNECT_TIMEOUT_MS = 30_000;
/** How long streams may go on after the first signal; a second one ends at once. */
export const STOP_GRACE_MS = 10_000;
/** What is dialled for tunnels when nothing else is said. */
export const DEFAULT_TUNNEL_URL = "tcp://127.0.0.1:8443";

/** Runs the agent until a signal. Throws a `TrunklineError` when the first attempt fails. */
export async function runPassingAgent(
  options: PassingOptions,
  { tunnels, begin, more, summary, onRequest }: Purpose,
  io: CommandIo,
): Promise<ExitCode> {
  const { json, quiet } = options;
  const { url, token, tls } = readHubChoice(options, { env: Deno.env, defaultUrl: DEFAULT_TUNNEL_URL });
  const proxy = chooseProxy(url, Deno.env.toObject());
  const agentId = options.agentId ?? passingId();
  const view = new AgentView(io, {
    json,
    quiet,
    hub: url.text,
    agentId,
    ...(more === undefined ? {} : { more }),
  });
  const logging = createLogging(logOptions(options, view));
  // What goes wrong before is told as the command's own error.
  const firstTry = new FirstTry(() => logging.setLevel(quiet ? "error" : "warning"));
  const tellAddress = quiet && !json ? new UnaskedAddress(io) : null;
  const changed = () => {
    tellAddress?.changed(agent);
    firstTry.changed(agent);
    view.changed(agent);
  };
  using turns = await openEndOfTurns();
  const agent = new Agent({
    ...turns.options,
    target: { url, proxy, tls, connectTimeoutMs: CONNECT_TIMEOUT_MS, names: OPTION_NAMES },
    identity: { agentId, token, tenant: null },
    logger: logging.logger,
    clock: systemClock,
    offer: { tunnels, allow: [], services: [] },
    onTunnel: () => changed(),
    ...(onRequest === undefined ? {} : { onRequest }),
    onState: () => changed(),
  });
  const signals = listenForStop(() => Deno.exit(ExitCode.done));
  let end = (_graceMs: number) => Promise.resolve();
  try {
    if (begin !== undefined) end = await begin(agent, logging.logger);
    agent.start();
    await Promise.race([signals.first, firstTry.failed]);
    view.close();
    if (summary !== undefined && view.isWatched) io.err(summary());
    if (!quiet) io.err("Stopping; a second signal ends at once");
    await end(STOP_GRACE_MS);
    await agent.stop(STOP_GRACE_MS);
    return ExitCode.done;
  } finally {
    view.close();
    await end(0);
    await agent.stop();
    signals.dispose();
    await logging.close();
  }
}

/** Who wants quiet still has to know an address that the hub chose; it is printed once. */
class UnaskedAddress {
  readonly #io: CommandIo;
  #isTold = false;

  constructor(io: CommandIo) {
    this.#io = io;
  }

  changed({ link: { tunnels: { statuses } } }: Agent): void {
    if (this.#isTold) return;
    for (const { wanted: { subdomain, hostname, remotePort }, state } of statuses) {
      if (state.kind !== "up" || (subdomain ?? hostname ?? remotePort) !== undefined) continue;
      this.#isTold = true;
      this.#io.out(printable(state.url));
    }
  }
}

/** What goes well is shown already; on a terminal problems stand above it. */
function logOptions({ json }: PassingOptions, { log }: AgentView) {
  const level: LogLevel = "error";
  const format = json ? "json" as const : "pretty" as const;
  return log === null
    ? { level, format, output: "stderr" }
    : { level, format, output: log, isTerminal: true };
}
