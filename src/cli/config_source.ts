/**
 * Finds and loads the configuration for a command: the named file, else `config.yaml` (of an agent `agent.yaml`) in the
 * working folder, else the defaults; then environment and flags over it.
 */
import { type AgentConfigResult, loadAgentConfig } from "../config/agent_config.ts";
import { type ConfigResult, loadConfig } from "../config/hub_config.ts";
import type { ConfigInput } from "../config/load.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";

/** What a command line says about the configuration. */
export interface ConfigArguments {
  readonly configFile?: string | undefined;
  readonly set: readonly string[];
}

/** Told of the path of every file that a configuration is, or would be, made of, before it is read. */
export interface FileNotes {
  add(path: string): void;
}

/** Where the configuration of a program that runs comes from. */
export interface ConfigSource<R> {
  /** Reads it. The path of every file that it is, or would be, made of is told to `files`. May throw. */
  read(files: FileNotes): R;
  /** Whether a configuration that is valid wants its files to be looked at. */
  isWatched(result: R): boolean;
}

const HUB_FILE = "config.yaml";
const AGENT_FILE = "agent.yaml";
const NOBODY: FileNotes = { add() {} };

/** Loads the configuration. Throws `usage` when a named file cannot be read. */
export function loadFromSystem(
  { configFile, set }: ConfigArguments,
  files: FileNotes = NOBODY,
): ConfigResult {
  files.add(configFile ?? HUB_FILE);
  return loadConfig({ file: readConfigFile(configFile, HUB_FILE), set, ...fromSystem(files) });
}

/** Loads the configuration of an agent, from `agent.yaml` when no file is named. Throws as {@link loadFromSystem}. */
export function loadAgentFromSystem(
  { configFile, set }: ConfigArguments,
  files: FileNotes = NOBODY,
): AgentConfigResult {
  files.add(configFile ?? AGENT_FILE);
  return loadAgentConfig({ file: readConfigFile(configFile, AGENT_FILE), set, ...fromSystem(files) });
}

/** Whether an agent has a file: one that is named, or `agent.yaml`. */
export function hasAgentFile({ configFile }: ConfigArguments): boolean {
  return configFile !== undefined || readConfigFile(undefined, AGENT_FILE) !== null;
}

/** The configuration of a hub, with the file of its keys. */
export function hubSource(source: ConfigArguments): ConfigSource<ConfigResult> {
  return {
    read(files) {
      const result = loadFromSystem(source, files);
      const jwks = result.ok ? result.config.auth.jwt.jwks : null;
      if (jwks !== null && !/^https?:/i.test(jwks)) files.add(jwks);
      return result;
    },
    isWatched: (result) => result.ok && result.config.config.watch,
  };
}

/** The configuration of an agent, with the authorities of its local services. */
export function agentSource(source: ConfigArguments): ConfigSource<AgentConfigResult> {
  return {
    read(files) {
      const result = loadAgentFromSystem(source, files);
      for (const { ca } of result.ok ? result.config.tunnels : []) if (ca !== null) files.add(ca);
      return result;
    },
    isWatched: () => true,
  };
}

function fromSystem(files: FileNotes): Pick<ConfigInput, "env" | "cwd" | "readSecretFile"> {
  return {
    env: Deno.env.toObject(),
    cwd: Deno.cwd(),
    readSecretFile: (path) => {
      files.add(path);
      return Deno.readTextFileSync(path);
    },
  };
}

function readConfigFile(
  path: string | undefined,
  defaultFile: string,
): { path: string; text: string } | null {
  const file = path ?? defaultFile;
  try {
    return { path: file, text: Deno.readTextFileSync(file) };
  } catch (cause) {
    if (path === undefined && cause instanceof Deno.errors.NotFound) return null;
    const why = cause instanceof Deno.errors.NotFound ? "the file does not exist" : messageOf(cause);
    const message = `Cannot read the configuration file ${file}: ${why}`;
    throw new TrunklineError("usage", message, { cause });
  }
}
