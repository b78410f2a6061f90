import { deepEqual, equal, ok } from "node:assert/strict";
import { planChanges } from "../../src/config/changes.ts";
import { isLive, LIVE_AGENT_SETTINGS, LIVE_HUB_SETTINGS } from "../../src/config/live_settings.ts";
import { configSchema } from "../../src/config/schema.ts";
import { agentSchema } from "../../src/config/schema_agent.ts";
import { detachedContext } from "../../src/config/schema_context.ts";
import { listSettings } from "../../src/config/schema_walk.ts";
import { renderReloadDocs } from "../../tools/generate_reload_docs.ts";
import { loadRight } from "./loading.ts";

const TOKENS = `auth.tokens=[{ token: ${"t".repeat(16)}, subject: a, roles: [reader] }]`;
const before = loadRight({}).config;
const after = loadRight({
  set: [
    TOKENS,
    "auth.mode=required",
    "auth.permissions={ reader: { subscribe: [a] } }",
    "auth.revoked.subjects=[b]",
    "auth.jwt.secret=0123456789abcdef0123456789abcdef",
    "auth.oidc.issuer=https://id.example",
    "auth.claims.tenant=org",
    "auth.lockout.threshold=9",
    "logging.level=debug",
    "hub.listen=127.0.0.1:9",
    "broker.max_payload=1KiB",
    "broker.topics=[{ pattern: a, presence: true }]",
    "hub.origins=[self]",
  ],
}).config;

const LIVE = [
  "auth.tokens",
  "auth.jwt.secret",
  "auth.oidc.issuer",
  "auth.claims.tenant",
  "auth.revoked.subjects",
  "auth.lockout.threshold",
  "auth.permissions",
  "logging.level",
  "broker.topics",
  "hub.origins",
];
const RESTART = ["hub.listen", "broker.max_payload", "auth.mode"];

Deno.test("Config changes: every setting that differs is named, what needs a restart beside what does not", () => {
  const { changed, needRestart } = planChanges(before, after);
  deepEqual(changed.toSorted(), LIVE.toSorted());
  deepEqual(needRestart.toSorted(), RESTART.toSorted());
  deepEqual(planChanges(before, before), { config: before, changed: [], needRestart: [] });
});

Deno.test("Config changes: what needs a restart stays as it runs, and is named until then", () => {
  const { config } = planChanges(before, after);
  equal(config.auth.mode, "none");
  equal(config.auth.tokens.length, 1);
  deepEqual([...planChanges(config, after).changed], []);
  deepEqual(planChanges(config, after).needRestart.toSorted(), RESTART.toSorted());
});

Deno.test("Config changes: every setting that is listed as live is one, or a section of some", () => {
  for (
    const [schema, live] of [
      [configSchema(detachedContext), LIVE_HUB_SETTINGS],
      [agentSchema(detachedContext), LIVE_AGENT_SETTINGS],
    ] as const
  ) {
    const keys = listSettings(schema).map(({ path }) => path.join("."));
    for (const one of live) ok(keys.some((key) => isLive(key, [one])), one);
  }
});

Deno.test("Config changes: certificates are live while there are some, and whether there are any is not", () => {
  const plain = loadRight({}).config;
  const [one, other] = ["a", "b"].map((name) =>
    loadRight({ set: [`hub.tls.cert=/${name}.pem`, `hub.tls.key=/${name}-key.pem`] }).config
  );
  ok(one !== undefined && other !== undefined);
  deepEqual(planChanges(one, other), {
    config: other,
    changed: ["hub.tls.cert", "hub.tls.key"],
    needRestart: [],
  });
  for (const [before, after] of [[plain, one], [one, plain]] as const) {
    const { config, changed, needRestart } = planChanges(before, after);
    deepEqual([config, changed], [before, []]);
    deepEqual(needRestart, ["hub.listen", "hub.tls.cert", "hub.tls.key"]);
  }
});

Deno.test("docs/reload.md: is what the schema and the lists render", () => {
  const committed = Deno.readTextFileSync(new URL("../../docs/reload.md", import.meta.url));
  equal(committed, renderReloadDocs(), "Run deno task generate");
});
