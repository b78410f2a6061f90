/** Loads configurations in tests: nothing but what a test names is there. */
import {
  type Config,
  type ConfigInput,
  type ConfigResult,
  formatProblem,
  loadConfig,
  type Source,
} from "../../src/config/mod.ts";

/** What a test gives instead of an empty world. */
export interface TestInput {
  text?: string;
  env?: Record<string, string>;
  set?: readonly string[];
  /** Secrets' files by absolute path. */
  files?: Readonly<Record<string, string>>;
}

/** Loads; the file is `/etc/trunkline/config.yaml`, named `config.yaml`, when there is a text. */
export function load({ text, env = {}, set = [], files = {} }: TestInput): ConfigResult {
  const input: ConfigInput = {
    file: text === undefined ? null : { path: "config.yaml", text },
    env,
    set,
    cwd: "/etc/trunkline",
    readSecretFile: (path) => {
      const content = files[path];
      if (content === undefined) throw new Error("no such file");
      return content;
    },
  };
  return loadConfig(input);
}

/** Loads what must be right. */
export function loadRight(input: TestInput): { config: Config; sources: ReadonlyMap<string, Source> } {
  const result = load(input);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result;
}

/** Loads what must be wrong; the problems as lines. */
export function loadWrong(input: TestInput): string[] {
  const result = load(input);
  if (result.ok) throw new Error("the configuration was taken");
  return result.problems.map(formatProblem);
}
