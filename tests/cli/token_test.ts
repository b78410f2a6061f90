import assert from "node:assert/strict";
import { createAuthenticators } from "../../src/auth/create_authenticators.ts";
import { systemClock } from "../../src/core/ports.ts";
import { EventList, NO_JWT, optionsOf, PATHS } from "../auth/setup.ts";
import { run } from "./commands.ts";

const SECRET = "a-secret-that-nobody-guesses-1234";
const SIGNED = ["--set", `auth.jwt.secret=${SECRET}`];

/** What a hub of this secret makes of a token. */
function authenticate(token: string, paths = PATHS) {
  const ports = {
    fetch: () => Promise.reject(new Error("nothing is fetched")),
    readTextFile: () => Promise.reject(new Error("nothing is read")),
    clock: systemClock,
    epochMs: Date.now,
    events: new EventList(),
  };
  const jwt = { ...NO_JWT, secret: SECRET, issuer: "https://id.example", audiences: ["hub", "api"] };
  return createAuthenticators(optionsOf({ jwt, claims: paths }), ports).authenticate(token);
}

const NAMED = ["--set", "auth.jwt.issuer=https://id.example", "--set", "auth.jwt.audience=[hub, api]"];

Deno.test("token: a hub of the same configuration takes it, and reads what was said", async () => {
  const who = [
    "--subject",
    "alice",
    "--tenant",
    "blue",
    "--account",
    "acme",
    "--role",
    "reader",
    "--role",
    "writer",
  ];
  const { code, io } = await run(["token", ...SIGNED, ...NAMED, ...who]);
  assert.equal(code, 0, io.errors);
  const answer = await authenticate(io.text);
  assert.equal(answer.kind, "accepted");
  const { subject, tenant, account, roles } = answer.kind === "accepted" ? answer.identity : assert.fail();
  assert.deepEqual({ subject, tenant, account, roles }, {
    subject: "alice",
    tenant: "blue",
    account: "acme",
    roles: ["reader", "writer"],
  });
});

Deno.test("token: --json gives the token and its claims, which stand where the configuration says", async () => {
  const paths = {
    roles: ["resource_access.my.client.roles"],
    permissions: "permissions",
    tenant: "org.tenant",
    account: "org.account",
  };
  const set = ["--set", `auth.claims=${JSON.stringify(paths)}`, "--json", "--expires", "2h"];
  const who = ["--tenant", "blue", "--account", "acme", "--role", "reader"];
  const { code, io } = await run(["token", ...SIGNED, ...NAMED, ...set, ...who]);
  assert.equal(code, 0, io.errors);
  const { token, claims } = JSON.parse(io.text);
  assert.deepEqual(claims.org, { tenant: "blue", account: "acme" });
  assert.deepEqual([claims.sub, claims.iss, claims.aud], ["developer", "https://id.example", "hub"]);
  assert.equal(claims.exp - claims.iat, 7200);
  const answer = await authenticate(token, paths);
  assert.deepEqual(answer.kind === "accepted" && answer.identity.roles, ["reader"]);
});

Deno.test("token: without issuer and audience it names none", async () => {
  const { io } = await run(["token", ...SIGNED, "--json"]);
  const { claims } = JSON.parse(io.text);
  assert.deepEqual(Object.keys(claims).sort(), ["exp", "iat", "jti", "sub"]);
});

Deno.test("token: without a secret it says what to set, exit 2", async () => {
  for (const set of [[], ["--set", "auth.jwt.jwks=https://id.example/keys"]]) {
    const { code, io } = await run(["token", ...set]);
    assert.deepEqual([code, io.text], [2, ""]);
    assert.match(io.errors, /^Cannot sign a token: .*set auth\.jwt\.secret \(at least 32 bytes\)/);
  }
  const short = await run(["token", "--set", "auth.jwt.secret=short"]);
  assert.equal(short.code, 2);
  assert.match(short.io.errors, /auth\.jwt\.secret: Cannot use a secret of 5 bytes/);
});

Deno.test("token: what the hub would refuse is not made, exit 2", async () => {
  const roles = Array.from({ length: 101 }, (_, at) => ["--role", `role-${at}`]).flat();
  const useless: [string[], RegExp][] = [
    [["--subject", "a\nb"], /claim sub/],
    [["--subject", "s".repeat(256)], /claim sub/],
    [["--tenant", "t".repeat(129)], /claim tenant_id/],
    [roles, /claim realm_access\.roles/],
    [["--issuer", "https://other.example"], /issuer https:\/\/id\.example alone/],
    [["--audience", "other"], /audience hub, api alone/],
    [["--expires", "soon"], /duration/],
  ];
  for (const [args, expected] of useless) {
    const { code, io } = await run(["token", ...SIGNED, ...NAMED, ...args]);
    assert.deepEqual([code, io.text], [2, ""], args.join(" "));
    assert.match(io.errors, expected);
  }
});

Deno.test("token: the secret is never printed", async () => {
  const { io } = await run(["token", ...SIGNED, "--json"]);
  assert.ok(!`${io.text}${io.errors}`.includes(SECRET));
});
