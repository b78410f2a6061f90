import { deepEqual, equal, ok } from "node:assert/strict";
import { parse } from "yaml";
import { defaultConfig, printConfigJson, printConfigYaml } from "../../src/config/mod.ts";
import { listSettings } from "../../src/config/schema_walk.ts";
import { configSchema } from "../../src/config/schema.ts";
import { detachedContext } from "../../src/config/schema_context.ts";
import { load, loadRight } from "./loading.ts";

const INPUT = {
  text:
    "hub:\n  max_connections: 5\n  auth_timeout: 90s\nauth:\n  jwt: { secret: hidden-value-hidden-value-hidden-value }\n  permissions: { a: { admin: true } }",
  env: { TRUNKLINE_METRICS__LISTEN: "[::1]:9090" },
  set: ["hub.outbox.control=100000", "relay.max_message=2MiB", "tunnel.window.initial=64KiB"],
};

function lineOf(text: string, key: string): string {
  return text.split("\n").find((line) => line.trim().startsWith(`${key}:`))?.trim() ?? "";
}

Deno.test("Config: prints every setting on a line with its source and in human units", () => {
  const text = printConfigYaml(loadRight(INPUT));
  equal(lineOf(text, "max_connections"), "max_connections: 5 # from config.yaml:2");
  equal(lineOf(text, "auth_timeout"), "auth_timeout: 90s # from config.yaml:3");
  equal(lineOf(text, "first_byte_timeout"), "first_byte_timeout: 10s # default");
  equal(lineOf(text, "control"), "control: 100000B # from --set");
  equal(lineOf(text, "max_message"), "max_message: 2MiB # from --set");
  ok(
    text.includes(
      'metrics:\n  enabled: true # default\n  listen: "[::1]:9090" # from TRUNKLINE_METRICS__LISTEN\n',
    ),
  );
  const settings = listSettings(configSchema(detachedContext));
  equal(text.split("\n").filter((line) => line.includes(" # ")).length, settings.length);
});

Deno.test("Config: prints no secret", () => {
  const right = loadRight(INPUT);
  equal(lineOf(printConfigYaml(right), "secret"), 'secret: "***" # from config.yaml:5');
  ok(!printConfigYaml(right).includes("hidden-value"));
  ok(!printConfigJson(right).includes("hidden-value"));
});

Deno.test("Config: prints no secret of a list either", () => {
  const tokens = [{ token: "hidden-value", subject: "a", roles: [] }];
  const { auth } = configSchema(detachedContext).parse({ auth: { tokens } });
  const text = printConfigYaml({ config: { ...defaultConfig(), auth }, sources: new Map() });
  ok(text.includes('tokens: [ { token: "***", subject: a'));
  ok(!text.includes("hidden-value"));
});

Deno.test("Config: what is printed loads to the same configuration", () => {
  const { text: _text, ...rest } = INPUT;
  const right = loadRight(rest);
  const again = load({ text: printConfigYaml(right) });
  ok(again.ok);
  deepEqual(again.config, right.config);
});

Deno.test("Config: prints JSON with the values as in YAML and the source of each key", () => {
  const right = loadRight(INPUT);
  const json = JSON.parse(printConfigJson(right));
  deepEqual(json.config, parse(printConfigYaml(right)));
  equal(json.sources["hub.max_connections"], "config.yaml:2");
  equal(json.sources["hub.outbox.control"], "--set");
  equal(json.sources["metrics.path"], "default");
});
