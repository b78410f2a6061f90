/**
 * An agent on one connection: answers requests, publishes, takes streams and opens one, until Ctrl-C, or with `--once`
 * until all of that was done. When the hub goes away it comes back.
 * `deno run --allow-net --allow-read --allow-env examples/agent/main.ts --url tls://hub.example:8443`
 */
import { parseArgs } from "node:util";
import { type AgentLink, connectAgent } from "../../src/agent/agent_link.ts";
import { readDialTarget } from "../../src/agent/dial_target.ts";
import { ExitCode, processIo } from "../../src/cli/io.ts";
import { listenForStop } from "../../src/cli/signals.ts";
import { type AgentConfig, loadAgentConfig } from "../../src/config/mod.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { messageOf, TrunklineError } from "../../src/core/errors.ts";
import type { Logger } from "../../src/core/ports.ts";
import { createLogging } from "../../src/server/logging.ts";
import { useConnection } from "./use_connection.ts";
import { echo } from "./streams.ts";

const USAGE = "Usage: main.ts [--url tcp://127.0.0.1:8443] [--token <token>] [--ca <file>] [--id <name>] " +
  "[--to <agent>] [--once]";

interface Options {
  readonly config: AgentConfig;
  readonly agentId: string;
  /** To which agent a stream is opened; itself if nobody said. */
  readonly to: string | null;
  readonly isOnce: boolean;
}

/** Flags go over the variables of an agent, as TRUNKLINE_AGENT_HUB__URL and TRUNKLINE_AGENT_HUB__TOKEN. */
function readOptions(args: string[]): Options | string {
  const text = { type: "string" } as const;
  const flags = { url: text, token: text, ca: text, id: text, to: text, once: { type: "boolean" } } as const;
  let values;
  try {
    ({ values } = parseArgs({ args, options: flags }));
  } catch (error) {
    return `${messageOf(error)}\n${USAGE}`;
  }
  const named = {
    "hub.url": values.url,
    "hub.token": values.token,
    "hub.ca": values.ca,
    "agent.id": values.id,
  };
  const set = Object.entries(named).flatMap(([key, value]) => value === undefined ? [] : [`${key}=${value}`]);
  const loaded = loadAgentConfig({
    file: null,
    env: Deno.env.toObject(),
    set,
    cwd: Deno.cwd(),
    readSecretFile: (path) => Deno.readTextFileSync(path),
  });
  if (!loaded.ok) return loaded.problems.map(formatProblem).join("\n");
  const { config } = loaded;
  const agentId = config.agent.id ?? `example-${crypto.randomUUID().slice(0, 6)}`;
  return { config, agentId, to: values.to ?? null, isOnce: values.once ?? false };
}

/** Does everything once on the connection that is up; gives the exit code. */
async function useOnce(link: AgentLink, { to, agentId }: Options): Promise<number> {
  try {
    await useConnection(link, {
      to: to ?? agentId,
      isStreamAskedFor: to !== null,
      tell: (line) => processIo.out(line),
    });
    return ExitCode.done;
  } catch (error) {
    if (!(error instanceof TrunklineError)) throw error;
    processIo.err(error.message);
    return 1;
  }
}

/** Runs until it is stopped, or did everything; gives the exit code. */
async function run(options: Options, logger: Logger): Promise<number> {
  const { config, agentId, isOnce } = options;
  const signals = listenForStop(() => Deno.exit(ExitCode.done));
  const up = Promise.withResolvers<void>();
  const link = connectAgent({
    target: readDialTarget(config.hub, Deno.env.toObject()),
    identity: { agentId, token: config.hub.token, tenant: null },
    logger,
    registerAs: { name: agentId.slice(0, 36), description: "An example of an agent" },
    onState: (state) => {
      if (state.kind === "up") up.resolve();
    },
  });
  link.onStream((stream, open) => {
    processIo.out(`Took a stream for ${"target" in open ? open.target.host : open.dst.ip}`);
    return echo(stream);
  });
  const stopped = signals.first.then(() => ExitCode.done);
  const used = up.promise.then(() => useOnce(link, options));
  const code = await Promise.race([stopped, isOnce ? used : used.then(() => stopped)]);
  await link.stop();
  signals.dispose();
  return code;
}

async function main(): Promise<number> {
  const options = readOptions(Deno.args);
  if (typeof options === "string") {
    processIo.err(options);
    return ExitCode.usage;
  }
  const logging = createLogging({ level: options.config.logging.level, format: "auto", output: "stderr" });
  try {
    return await run(options, logging.logger);
  } catch (error) {
    if (!(error instanceof TrunklineError)) throw error;
    processIo.err(error.message);
    return ExitCode.usage;
  } finally {
    await logging.close();
  }
}

Deno.exit(await main());
