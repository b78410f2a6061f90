import assert from "node:assert/strict";
import fc from "fast-check";
import type { Grant } from "../../src/auth/authenticator.ts";
import { claimAt, withClaim } from "../../src/auth/claim_path.ts";
import { readIdentity } from "../../src/auth/claims.ts";
import { type Json } from "../helpers/jwt.ts";
import { goodClaims, NOW, PATHS } from "./setup.ts";

const NO_GRANT: Grant = {
  publish: [],
  subscribe: [],
  request: [],
  serve: [],
  tunnel: [],
  connect: [],
  admin: false,
};

function read(claims: Json, paths = PATHS) {
  const result = readIdentity(goodClaims(claims), { method: "oidc", paths, clockToleranceMs: 5000 });
  return result.ok ? result.identity : result.claim;
}

Deno.test("Claims: what is not there is nothing", () => {
  assert.deepEqual(read({}), {
    method: "oidc",
    subject: "alice",
    tenant: null,
    account: null,
    roles: [],
    grant: null,
    expiresAtMs: (NOW + 305) * 1000,
    tokenId: null,
  });
});

Deno.test("Claims: roles of the realm and of a client come together, each once", () => {
  const claims = {
    realm_access: { roles: ["reader", "writer"] },
    resource_access: { "hub.example": { roles: ["admin", "reader"] }, other: { roles: ["root"] } },
  };
  const roles = ["realm_access.roles", "resource_access.hub.example.roles"];
  const identity = read(claims, { ...PATHS, roles });
  assert.deepEqual(typeof identity === "object" && identity.roles, ["reader", "writer", "admin"]);
});

Deno.test("Claims: limits are what may still be", () => {
  const roles = Array.from({ length: 100 }, (_, at) => `${at}`.padEnd(128, "r"));
  const identity = read({
    sub: "s".repeat(255),
    tenant_id: "t".repeat(128),
    account: "a".repeat(128),
    roles,
  });
  assert.equal(typeof identity === "object" && identity.roles.length, 100);
});

Deno.test("Claims: the claim that is wrong is named", () => {
  assert.equal(read({ sub: 1 }), "sub");
  for (const exp of ["1", 8.64e12, 8.7e12, Number.MAX_SAFE_INTEGER / 1000]) {
    assert.equal(read({ exp }), "exp");
  }
  assert.equal(read({ jti: "" }), "jti");
  assert.equal(read({ tenant_id: {} }), "tenant_id");
  assert.equal(read({ account: [] }), "account");
  assert.equal(read({ realm_access: { roles: "x" } }), "realm_access.roles");
  assert.equal(read({ permissions: null }), "permissions");
});

Deno.test("Claims: permissions have the form of a role, and ports may be numbers", () => {
  const permissions = {
    publish: ["orders.#"],
    subscribe: ["+.status"],
    tunnel: ["*.example", 15432, "20000-20010"],
    connect: ["edge-1:*:22"],
    admin: true,
  };
  const identity = read({ permissions });
  const tunnel = ["*.example", "15432", "20000-20010"];
  assert.deepEqual(typeof identity === "object" && identity.grant, { ...NO_GRANT, ...permissions, tunnel });
  for (const tunnel of [[0], [65_536], [1.5], [["a"]]]) {
    assert.equal(read({ permissions: { tunnel } }), "permissions");
  }
});

Deno.test("claimAt: names with dots are found, the longest that leads somewhere first", () => {
  assert.equal(claimAt({ "https://id.example/tenant": "blue" }, "https://id.example/tenant"), "blue");
  assert.equal(claimAt({ a: { "b.c": { d: 1 } } }, "a.b.c.d"), 1);
  assert.equal(claimAt({ "a.b": { x: 1 }, a: { b: { c: 2 } } }, "a.b.c"), 2);
  assert.equal(claimAt({ "a.b": 1, a: { b: 2 } }, "a.b"), 1);
});

Deno.test("claimAt: leads only to what the token itself has", () => {
  for (const path of ["__proto__", "constructor.name", "toString", "a.length", "list.0"]) {
    assert.equal(claimAt({ a: "text", list: ["x"] }, path), undefined, path);
  }
  assert.equal(claimAt({ "a": 1 }, Array(17).fill("a").join(".")), undefined);
});

Deno.test("withClaim: what is put at a path is found there, beside what was there", () => {
  const part = fc.stringMatching(/^[a-z_]{1,4}$/);
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("."));
  fc.assert(fc.property(path, fc.jsonValue(), (path, value) => {
    const claims = withClaim({ sub0: "alice" }, path, value);
    assert.deepEqual(claimAt(claims, path), value);
    assert.equal(claimAt(claims, "sub0"), "alice");
  }));
  assert.deepEqual(withClaim({ a: { b: 1 } }, "a.c", 2), { a: { b: 1, c: 2 } });
});
