/**
 * Finds and loads the configuration for a command: the named file, else `config.yaml` in the working folder,
 * else the defaults; then environment and flags over it.
 */
import { type ConfigResult, loadConfig } from "../config/hub_config.ts";
import { messageOf, TrunklineError } from "../core/errors.ts";

/** What a command line says about the configuration. */
export interface ConfigArguments {
  readonly configFile?: string | undefined;
  readonly set: readonly string[];
}

const DEFAULT_FILE = "config.yaml";

/** Loads the configuration. Throws `usage` when a named file cannot be read. */
export function loadFromSystem({ configFile, set }: ConfigArguments): ConfigResult {
  return loadConfig({
    file: readConfigFile(configFile),
    env: Deno.env.toObject(),
    set,
    cwd: Deno.cwd(),
    readSecretFile: (path) => Deno.readTextFileSync(path),
  });
}

function readConfigFile(path: string | undefined): { path: string; text: string } | null {
  try {
    return { path: path ?? DEFAULT_FILE, text: Deno.readTextFileSync(path ?? DEFAULT_FILE) };
  } catch (cause) {
    if (path === undefined && cause instanceof Deno.errors.NotFound) return null;
    const why = cause instanceof Deno.errors.NotFound ? "the file does not exist" : messageOf(cause);
    const message = `Cannot read the configuration file ${path ?? DEFAULT_FILE}: ${why}`;
    throw new TrunklineError("usage", message, { cause });
  }
}
