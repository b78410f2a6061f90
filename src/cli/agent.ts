/**
 * `trunkline agent`: runs an agent by its configuration until a signal. It never gives up its hub, and reads the
 * configuration again when its file changes.
 */
import { Agent } from "../agent/agent.ts";
import { startAgentMonitoring } from "../agent/agent_monitoring.ts";
import { machineId } from "../agent/agent_id.ts";
import { readDialTarget } from "../agent/dial_target.ts";
import { readPool } from "../agent/link_pool.ts";
import type { AgentConfig, AgentConfigResult } from "../config/mod.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";
import { type Logger, systemClock } from "../core/ports.ts";
import { VERSION } from "../core/version.ts";
import type { Exposition } from "../metrics/exposition.ts";
import { createLogging, type Logging } from "../server/logging.ts";
import { AgentReload } from "./agent_reload.ts";
import { AgentView } from "./agent_view.ts";
import { printProblems } from "./check.ts";
import { agentSource, type ConfigArguments, hasAgentFile } from "./config_source.ts";
import { ConfigWatch } from "./config_watch.ts";
import { type EndOfTurns, openEndOfTurns } from "./end_of_turns.ts";
import { type CommandIo, ExitCode } from "./io.ts";
import { STOP_GRACE_MS } from "./passing_agent.ts";
import { listenForReload, listenForStop } from "./signals.ts";

/** What `agent` takes. */
export interface AgentCommandOptions extends ConfigArguments {
  readonly json: boolean;
  readonly quiet: boolean;
}

/** How often the file is looked at. */
const WATCH_MS = 1000;

/** Runs the command until its end is asked for. Throws a `TrunklineError` when the agent cannot start. */
export async function runAgent(options: AgentCommandOptions, io: CommandIo): Promise<ExitCode> {
  const watch = new ConfigWatch(agentSource(options));
  const result = watch.read();
  if (!result.ok) {
    printProblems(result.problems, io);
    return ExitCode.usage;
  }
  const { config } = result;
  refuseIdle(config, options);
  const { hub, agent: { id } } = config;
  const agentId = id ?? machineId();
  const { json, quiet } = options;
  const view = new AgentView(io, { json, quiet, hub: hub.url.text, agentId });
  const logging = createLogging(logOptions(config, { quiet, view }));
  try {
    await serve(config, { agentId, view, logging, options, io, watch });
  } finally {
    view.close();
    await logging.close();
  }
  return ExitCode.done;
}

/** An agent without its file, and without anything else that says what it is for, would wait for ever for nothing. */
function refuseIdle({ tunnels, allow, services }: AgentConfig, source: ConfigArguments): void {
  if (tunnels.length + allow.length + services.length > 0 || hasAgentFile(source)) return;
  const message =
    `Cannot tell what to do: there is no agent.yaml in ${Deno.cwd()}, and no tunnels, services or allow are set; ` +
    "write one, name one with -c, or see `trunkline http --help` for one tunnel without a file";
  throw new TrunklineError("usage", message);
}

interface Serving {
  readonly agentId: string;
  readonly view: AgentView;
  readonly logging: Logging;
  readonly options: AgentCommandOptions;
  readonly io: CommandIo;
  readonly watch: ConfigWatch<AgentConfigResult>;
}

async function serve(
  config: AgentConfig,
  { agentId, view, logging, options, io, watch }: Serving,
): Promise<void> {
  const { logger } = logging;
  const changed = () => view.changed(agent);
  using turns = await openEndOfTurns();
  const agent = createAgent(config, { agentId, logger, changed, turns });
  const reload = new AgentReload(config, {
    readConfig: () => watch.read(),
    prepare: (next) => {
      const takeOver = agent.prepare(next);
      return () => {
        takeOver();
        agent.link.changeToken(next.hub.token);
        if (!options.quiet) logging.setLevel(next.logging.level);
        changed();
      };
    },
    logger,
  });
  const signals = listenForStop(() => Deno.exit(ExitCode.done));
  const stopReloading = listenForReload(() => reload.run());
  watch.start(() => reload.run(), WATCH_MS);
  let monitoring: Exposition | null = null;
  try {
    monitoring = startAgentMonitoring(config.metrics, { agent, version: VERSION, logger });
    agent.start();
    await signals.first;
    view.close();
    if (!options.quiet) io.err("Stopping; a second signal ends at once");
    await agent.stop(STOP_GRACE_MS);
  } finally {
    watch.stop();
    stopReloading();
    signals.dispose();
    await agent.stop();
    await monitoring?.stop();
  }
}

interface AgentSurroundings {
  readonly agentId: string;
  readonly logger: Logger;
  readonly changed: () => void;
  readonly turns: EndOfTurns;
}

function createAgent(
  { hub, ...offer }: AgentConfig,
  { agentId, logger, changed, turns }: AgentSurroundings,
): Agent {
  return new Agent({
    ...turns.options,
    target: readDialTarget(
      hub,
      Deno.env.toObject(),
      (error) =>
        logger.error("Cannot read the certificates again; going on as before", { error: messageOf(error) }),
    ),
    identity: { agentId, token: hub.token, tenant: null },
    pool: readPool(hub),
    logger,
    clock: systemClock,
    offer,
    onTunnel: changed,
    onState: changed,
  });
}

/** Who wants quiet is told of errors alone, whatever the configuration says. */
function logOptions({ logging }: AgentConfig, { quiet, view: { log } }: { quiet: boolean; view: AgentView }) {
  const { format, output } = logging;
  const level = quiet ? "error" : logging.level;
  return output === "stderr" && log !== null
    ? { level, format, output: log, isTerminal: true }
    : { level, format, output };
}
