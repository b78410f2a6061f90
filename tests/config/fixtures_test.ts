import { deepEqual, equal, ok } from "node:assert/strict";
import type { LoadResult } from "../../src/config/load.ts";
import {
  type AgentConfig,
  type Config,
  type ConfigInput,
  formatProblem,
  loadAgentConfig,
  loadConfig,
  printAgentConfigYaml,
  printConfigYaml,
} from "../../src/config/mod.ts";
import type { Loaded } from "./loading.ts";

/** The fixtures of one kind of configuration. */
interface Kind<C> {
  readonly folder: string;
  readonly load: (input: ConfigInput) => LoadResult<C>;
  readonly print: (effective: Loaded<C>) => string;
  /** The configuration without what is printed masked. */
  readonly withoutSecrets: (config: C) => C;
  readonly valid: number;
  readonly invalid: number;
}

const HUB: Kind<Config> = {
  folder: "config",
  load: loadConfig,
  // What stands in the place of a secret is too short to be one.
  print: (effective) =>
    printConfigYaml(effective).replace(/\bsecret: "?\*\*\*"?/, `secret: "${"*".repeat(32)}"`),
  withoutSecrets: (config) => ({
    ...config,
    auth: { ...config.auth, jwt: { ...config.auth.jwt, secret: null } },
  }),
  valid: 5,
  invalid: 15,
};

const AGENT: Kind<AgentConfig> = {
  folder: "agent",
  load: loadAgentConfig,
  print: printAgentConfigYaml,
  withoutSecrets: (config) => ({ ...config, hub: { ...config.hub, token: null } }),
  valid: 4,
  invalid: 6,
};

function read(folder: string, name: string): string {
  return Deno.readTextFileSync(new URL(`../fixtures/${folder}/${name}`, import.meta.url));
}

function names(folder: string): string[] {
  const entries = [...Deno.readDirSync(new URL(`../fixtures/${folder}/`, import.meta.url))];
  return entries.map(({ name }) => name).filter((name) => name.endsWith(".yaml")).sort();
}

function load<C>(kind: Kind<C>, path: string, text: string): LoadResult<C> {
  const readSecretFile = () => {
    throw new Error("no such file");
  };
  return kind.load({ file: { path, text }, env: {}, set: [], cwd: "/etc/trunkline", readSecretFile });
}

function testFixtures<C>(kind: Kind<C>): void {
  const { folder, print, withoutSecrets } = kind;
  Deno.test(`Config: there are fixtures of both kinds (${folder})`, () => {
    ok(names(`${folder}/valid`).length >= kind.valid);
    ok(names(`${folder}/invalid`).length >= kind.invalid);
  });

  for (const name of names(`${folder}/valid`)) {
    Deno.test(`Config: takes ${folder} ${name}, and what it prints of it`, () => {
      const result = load(kind, name, read(folder, `valid/${name}`));
      if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
      const again = load(kind, name, print(result));
      if (!again.ok) throw new Error(again.problems.map(formatProblem).join("\n"));
      deepEqual(withoutSecrets(again.config), withoutSecrets(result.config));
    });
  }

  for (const name of names(`${folder}/invalid`)) {
    Deno.test(`Config: tells all that is wrong with ${folder} ${name}`, () => {
      const result = load(kind, name, read(folder, `invalid/${name}`));
      const lines = result.ok ? [] : result.problems.map(formatProblem);
      equal(`${lines.join("\n")}\n`, read(folder, `invalid/${name.replace(/yaml$/, "txt")}`));
      ok(!lines.join("\n").includes("hidden-value"), "a secret is in a problem");
    });
  }
}

testFixtures(HUB);
testFixtures(AGENT);

Deno.test("Config: tells five different mistakes with line and column at once", () => {
  const result = load(HUB, "five_mistakes.yaml", read("config", "invalid/five_mistakes.yaml"));
  const places = result.ok ? [] : result.problems.map(({ line, column, key }) => [line, column, key]);
  deepEqual(places, [
    [2, 3, "hub.lisen"],
    [3, 20, "hub.max_connections"],
    [4, 40, "hub.heartbeat.timeout"],
    [6, 19, "relay.paths[1]"],
    [8, 10, "logging.level"],
  ]);
});
