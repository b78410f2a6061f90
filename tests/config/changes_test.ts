import { deepEqual, equal, ok } from "node:assert/strict";
import { changedSettings, withLiveSettings } from "../../src/config/changes.ts";
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

Deno.test("Config changes: every setting that differs is named, and nothing of its value", () => {
  deepEqual(changedSettings(before, before), []);
  deepEqual(changedSettings(before, after).toSorted(), [...LIVE, ...RESTART].toSorted());
  deepEqual(changedSettings(before, after), changedSettings(after, before));
});

Deno.test("Config changes: what needs a restart stays as it runs", () => {
  const live = withLiveSettings(before, after);
  deepEqual(changedSettings(before, live).toSorted(), LIVE.toSorted());
  deepEqual(changedSettings(live, after).toSorted(), RESTART.toSorted());
  equal(live.auth.mode, "none");
  ok(live.auth.tokens.length === 1);
});
