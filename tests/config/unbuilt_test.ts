import { deepEqual, equal, ok } from "node:assert/strict";
import { parseDocument, visit } from "yaml";
import { defaultConfig } from "../../src/config/mod.ts";
import { schemaAt, valueAt } from "../../src/config/schema_walk.ts";
import { configSchema } from "../../src/config/schema.ts";
import { detachedContext } from "../../src/config/schema_context.ts";
import { UNBUILT } from "../../src/config/unbuilt.ts";
import { loadRight, loadWrong } from "./loading.ts";

Deno.test("Config: every part that does not exist yet is a key of the schema with its default off", () => {
  ok(UNBUILT.length > 0);
  for (const { key } of UNBUILT) {
    ok(schemaAt(configSchema(detachedContext), key.split(".")) !== null, key);
    ok(valueAt(defaultConfig(), key.split(".")) !== true, key);
  }
});

Deno.test("Config: refuses a part that does not exist yet by name, wherever it is switched on", () => {
  const message =
    "Cannot enable dashboard.enabled: the dashboard is not part of this version; leave it false";
  deepEqual(loadWrong({ text: "dashboard:\n  enabled: true" }), [
    `config.yaml:2:12: dashboard.enabled: ${message}`,
  ]);
  deepEqual(loadWrong({ set: ["dashboard.enabled=true"] }), [`--set dashboard.enabled: ${message}`]);
  deepEqual(loadWrong({ env: { TRUNKLINE_DASHBOARD__ENABLED: "true" } }), [
    `TRUNKLINE_DASHBOARD__ENABLED: dashboard.enabled: ${message}`,
  ]);
});

Deno.test("Config: takes a part that does not exist yet when it is off in so many words", () => {
  const { config } = loadRight({
    text: "dashboard: { enabled: false, listen: :0 }\ncluster: { driver: memory }",
  });
  equal(config.dashboard.listen.port, 0);
});

Deno.test("Config: config.yaml says of each key whether it is part of this version", () => {
  const text = Deno.readTextFileSync(new URL("../../config.yaml", import.meta.url));
  const said: string[] = [];
  visit(parseDocument(text), {
    Pair(_, pair, path) {
      const above = path.flatMap((node) => "key" in node ? [String(node.key)] : []);
      const before = text.slice(0, rangeStart(pair.key)).split("\n").slice(0, -1).reverse();
      const comment = before.slice(0, before.findIndex((line) => !line.trim().startsWith("#")));
      if (comment.some((line) => line.includes("Not in this version"))) {
        said.push([...above, String(pair.key)].join("."));
      }
    },
  });
  const expected = UNBUILT.filter(({ refused }) => refused === undefined).map(({ key }) => key);
  deepEqual(said.sort(), expected.sort());
});

function rangeStart(node: unknown): number {
  const range = (node as { range?: [number, number, number] }).range;
  return range?.[0] ?? 0;
}
