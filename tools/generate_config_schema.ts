/**
 * Writes `config.schema.json` and `agent.schema.json`, by which editors complete and check `config.yaml` and
 * `agent.yaml`, from the schemas that the loader uses. Guarantees the same text for the same schema, so that a test
 * can compare it with the file.
 */
import { z } from "zod";
import { configSchema } from "../src/config/schema.ts";
import { agentSchema } from "../src/config/schema_agent.ts";
import { detachedContext } from "../src/config/schema_context.ts";
import { isMap, type Schema } from "../src/config/schema_walk.ts";

/** The text of `config.schema.json`. */
export function configSchemaText(): string {
  return schemaText(configSchema(detachedContext), "Configuration of a Trunkline hub");
}

/** The text of `agent.schema.json`. */
export function agentSchemaText(): string {
  return schemaText(agentSchema(detachedContext), "Configuration of a Trunkline agent");
}

function schemaText(schema: Schema, title: string): string {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "throw" });
  const { $schema, ...rest } = json;
  const titled = { $schema, title, ...rest };
  return `${JSON.stringify(tidy(titled), null, 2)}\n`;
}

/** Replaces the schema's own notes by what JSON Schema knows: `shorthand` becomes an alternative. */
function tidy(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(tidy);
  if (!isMap(node)) return node;
  const { unit: _unit, shorthand, description, default: usual, ...rest } = node;
  const tidied = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, tidyKeyword(key, value)]),
  );
  const about = {
    ...(description !== undefined && { description }),
    ...(usual !== undefined && { default: usual }),
  };
  return shorthand === undefined ? { ...about, ...tidied } : { ...about, anyOf: [shorthand, tidied] };
}

/** Below `properties`, keys are names of settings and not of JSON Schema. */
function tidyKeyword(keyword: string, value: unknown): unknown {
  if (keyword !== "properties" || !isMap(value)) return tidy(value);
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, tidy(schema)]));
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("../config.schema.json", import.meta.url), configSchemaText());
  Deno.writeTextFileSync(new URL("../agent.schema.json", import.meta.url), agentSchemaText());
}
