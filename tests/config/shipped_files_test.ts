import { deepEqual, equal, ok } from "node:assert/strict";
import { parse } from "yaml";
import { configSchemaText } from "../../tools/generate_config_schema.ts";
import { configSchema } from "../../src/config/schema.ts";
import { detachedContext } from "../../src/config/schema_context.ts";
import { isMap, listSettings, valueAt } from "../../src/config/schema_walk.ts";
import { loadRight } from "./loading.ts";

const ROOT = new URL("../../", import.meta.url);
const CONFIG_YAML = Deno.readTextFileSync(new URL("config.yaml", ROOT));

Deno.test("Config: the shipped config.yaml is all defaults", () => {
  deepEqual(loadRight({ text: CONFIG_YAML }).config, loadRight({}).config);
});

Deno.test("Config: the shipped config.yaml has every key, and a comment above it", () => {
  const values: unknown = parse(CONFIG_YAML);
  const settings = listSettings(configSchema(detachedContext));
  ok(settings.length > 100);
  for (const { path } of settings) ok(valueAt(values, path) !== undefined, path.join("."));
  const lines = CONFIG_YAML.split("\n");
  lines.forEach((line, index) => {
    if (/^ *[a-z_]+:/.test(line)) ok(lines[index - 1]?.trim().startsWith("#"), line);
  });
});

Deno.test("Config: the shipped config.yaml tells editors its schema", () => {
  equal(CONFIG_YAML.split("\n")[0], "# yaml-language-server: $schema=./config.schema.json");
});

Deno.test("Config: config.schema.json is what the schema yields", () => {
  const text = Deno.readTextFileSync(new URL("config.schema.json", ROOT));
  equal(text, configSchemaText(), "run: deno run -A tools/generate_config_schema.ts");
});

Deno.test("Config: config.schema.json refuses unknown keys everywhere and describes every key", () => {
  let maps = 0;
  const walk = (node: unknown): void => {
    if (!isMap(node)) return Array.isArray(node) ? node.forEach(walk) : undefined;
    if (isMap(node["properties"])) {
      maps++;
      equal(node["additionalProperties"], false);
    }
    ok(
      !("unit" in node && typeof node["unit"] === "string") && !("shorthand" in node),
      "a note of our own is left",
    );
    Object.values(node).forEach(walk);
  };
  const schema: unknown = JSON.parse(configSchemaText());
  walk(schema);
  ok(maps > 30);
  for (const { path } of listSettings(configSchema(detachedContext))) {
    const place = path.flatMap((key) => ["properties", key]);
    ok(typeof valueAt(schema, [...place, "description"]) === "string", path.join("."));
    ok(valueAt(schema, [...place, "default"]) !== undefined, path.join("."));
  }
});
