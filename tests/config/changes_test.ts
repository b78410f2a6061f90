import { deepEqual, equal } from "node:assert/strict";
import { planChanges } from "../../src/config/changes.ts";
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
