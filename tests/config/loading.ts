/** Loads configurations in tests: nothing but what a test names is there. */
import {
  type AgentConfig,
  type AgentConfigResult,
  type Config,
  type ConfigInput,
  type ConfigResult,
  formatProblem,
  loadAgentConfig,
  loadConfig,
  type Source,
} from "../../src/config/mod.ts";
import type { LoadResult } from "../../src/config/load.ts";

/** What a test gives instead of an empty world. */
export interface TestInput {
  text?: string;
  env?: Record<string, string>;
  set?: readonly string[];
  /** Secrets' files by absolute path. */
  files?: Readonly<Record<string, string>>;
}

/** Loads; the file is `/etc/trunkline/config.yaml`, named `config.yaml`, when there is a text. */
export function load(input: TestInput): ConfigResult {
  return loadConfig(inputOf("config.yaml", input));
}

/** The same for an agent; its file is `agent.yaml`. */
export function loadAgent(input: TestInput): AgentConfigResult {
  return loadAgentConfig(inputOf("agent.yaml", input));
}

function inputOf(path: string, { text, env = {}, set = [], files = {} }: TestInput): ConfigInput {
  return {
    file: text === undefined ? null : { path, text },
    env,
    set,
    cwd: "/etc/trunkline",
    readSecretFile: (path) => {
      const content = files[path];
      if (content === undefined) throw new Error("no such file");
      return content;
    },
  };
}

/** What was loaded. */
export interface Loaded<C> {
  readonly config: C;
  readonly sources: ReadonlyMap<string, Source>;
}

/** Loads what must be right. */
export function loadRight(input: TestInput): Loaded<Config> {
  return right(load(input));
}

/** The same for an agent. */
export function loadAgentRight(input: TestInput): Loaded<AgentConfig> {
  return right(loadAgent(input));
}

function right<C>(result: LoadResult<C>): Loaded<C> {
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result;
}

/** Loads what must be wrong; the problems as lines. */
export function loadWrong(input: TestInput): string[] {
  return wrong(load(input));
}

/** The same for an agent. */
export function loadAgentWrong(input: TestInput): string[] {
  return wrong(loadAgent(input));
}

function wrong(result: LoadResult<unknown>): string[] {
  if (result.ok) throw new Error("the configuration was taken");
  return result.problems.map(formatProblem);
}
