import { deepEqual, equal, ok } from "node:assert/strict";
import { formatProblem, loadConfig, printConfigYaml } from "../../src/config/mod.ts";

const FIXTURES = new URL("../fixtures/config/", import.meta.url);

function names(folder: string): string[] {
  const entries = [...Deno.readDirSync(new URL(`${folder}/`, FIXTURES))].map(({ name }) => name);
  return entries.filter((name) => name.endsWith(".yaml")).sort();
}

function read(name: string): string {
  return Deno.readTextFileSync(new URL(name, FIXTURES));
}

function load(path: string, text: string) {
  const readSecretFile = () => {
    throw new Error("no such file");
  };
  return loadConfig({ file: { path, text }, env: {}, set: [], cwd: "/etc/trunkline", readSecretFile });
}

Deno.test("Config: there are fixtures of both kinds", () => {
  ok(names("valid").length >= 5);
  ok(names("invalid").length >= 15);
});

for (const name of names("valid")) {
  Deno.test(`Config: takes ${name}, and what it prints of it`, () => {
    const result = load(name, read(`valid/${name}`));
    if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
    // What stands in the place of a secret is too short to be one.
    const printed = printConfigYaml(result).replace(/\bsecret: "?\*\*\*"?/, `secret: "${"*".repeat(32)}"`);
    const again = load(name, printed);
    if (!again.ok) throw new Error(again.problems.map(formatProblem).join("\n"));
    deepEqual(withoutSecrets(again.config), withoutSecrets(result.config));
  });
}

function withoutSecrets<T extends { auth: { jwt: { secret: string | null } } }>(config: T): T {
  return { ...config, auth: { ...config.auth, jwt: { ...config.auth.jwt, secret: null } } };
}

for (const name of names("invalid")) {
  Deno.test(`Config: tells all that is wrong with ${name}`, () => {
    const result = load(name, read(`invalid/${name}`));
    const lines = result.ok ? [] : result.problems.map(formatProblem);
    equal(`${lines.join("\n")}\n`, read(`invalid/${name.replace(/yaml$/, "txt")}`));
    ok(!lines.join("\n").includes("hidden-value"), "a secret is in a problem");
  });
}

Deno.test("Config: tells five different mistakes with line and column at once", () => {
  const result = load("five_mistakes.yaml", read("invalid/five_mistakes.yaml"));
  const places = result.ok ? [] : result.problems.map(({ line, column, key }) => [line, column, key]);
  deepEqual(places, [
    [2, 3, "hub.lisen"],
    [3, 20, "hub.max_connections"],
    [4, 40, "hub.heartbeat.timeout"],
    [6, 19, "relay.paths[1]"],
    [8, 10, "logging.level"],
  ]);
});
