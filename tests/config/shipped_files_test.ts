import { deepEqual, equal, ok } from "node:assert/strict";
import { parse } from "yaml";
import { agentSchemaText, configSchemaText } from "../../tools/generate_config_schema.ts";
import { configSchema } from "../../src/config/schema.ts";
import { agentSchema } from "../../src/config/schema_agent.ts";
import { detachedContext } from "../../src/config/schema_context.ts";
import { isMap, listSettings, valueAt } from "../../src/config/schema_walk.ts";
import { loadAgentRight, loadRight } from "./loading.ts";

const ROOT = new URL("../../", import.meta.url);

/** A shipped file of each kind, and what it is made from. */
const KINDS = [
  {
    path: "config.yaml",
    schemaPath: "config.schema.json",
    pointer: "./config.schema.json",
    schema: configSchema(detachedContext),
    schemaText: configSchemaText,
    load: (text?: string): unknown => loadRight(text === undefined ? {} : { text }).config,
    settings: 100,
    maps: 30,
  },
  {
    path: "examples/agent.yaml",
    schemaPath: "agent.schema.json",
    pointer: "../agent.schema.json",
    schema: agentSchema(detachedContext),
    schemaText: agentSchemaText,
    load: (text?: string): unknown => loadAgentRight(text === undefined ? {} : { text }).config,
    settings: 15,
    maps: 8,
  },
];

for (
  const { path, schemaPath, pointer, schema, schemaText, load, settings: least, maps: leastMaps } of KINDS
) {
  const shipped = Deno.readTextFileSync(new URL(path, ROOT));

  Deno.test(`Config: the shipped ${path} is all defaults`, () => {
    deepEqual(load(shipped), load());
  });

  Deno.test(`Config: the shipped ${path} has every key, and a comment above it`, () => {
    const values: unknown = parse(shipped);
    const settings = listSettings(schema);
    ok(settings.length > least);
    for (const { path } of settings) ok(valueAt(values, path) !== undefined, path.join("."));
    const lines = shipped.split("\n");
    lines.forEach((line, index) => {
      if (/^ *[a-z_]+:/.test(line)) ok(lines[index - 1]?.trim().startsWith("#"), line);
    });
  });

  Deno.test(`Config: the shipped ${path} tells editors its schema`, () => {
    equal(shipped.split("\n")[0], `# yaml-language-server: $schema=${pointer}`);
  });

  Deno.test(`Config: ${schemaPath} is what the schema yields`, () => {
    equal(Deno.readTextFileSync(new URL(schemaPath, ROOT)), schemaText(), "run: deno task generate");
  });

  Deno.test(`Config: ${schemaPath} refuses unknown keys everywhere and describes every key`, () => {
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
    const json: unknown = JSON.parse(schemaText());
    walk(json);
    ok(maps > leastMaps);
    for (const { path } of listSettings(schema)) {
      const place = path.flatMap((key) => ["properties", key]);
      ok(typeof valueAt(json, [...place, "description"]) === "string", path.join("."));
      ok(valueAt(json, [...place, "default"]) !== undefined, path.join("."));
    }
  });
}

Deno.test("Config: the tunnels, destinations and services that examples/agent.yaml shows are right", () => {
  const shipped = Deno.readTextFileSync(new URL("examples/agent.yaml", ROOT));
  const shown = (key: string) =>
    [...shipped.matchAll(new RegExp(`^#   (- \\{ ${key}: .*)$`, "gm"))].map(([, line]) => line);
  const allow = /^# .*none when empty: (\[.*\])$/m.exec(shipped)?.[1] ?? "";
  const text = `tunnels:\n${shown("name").join("\n")}\nservices:\n${
    shown("topic").join("\n")
  }\nallow: ${allow}`;
  const { config } = loadAgentRight({ text });
  deepEqual([config.tunnels.length, config.services.length, config.allow.length], [3, 2, 3]);
});
