import { equal } from "node:assert/strict";
import type { Grant } from "../../src/auth/authenticator.ts";
import { CompiledGrant, PermissionSet } from "../../src/auth/permission_set.ts";
import { grantOf } from "./fakes.ts";

function rights(...grants: Partial<Grant>[]): PermissionSet {
  return new PermissionSet(grants.map((parts) => new CompiledGrant(grantOf(parts))));
}

Deno.test("Permissions: nothing is allowed that nobody granted", () => {
  for (const set of [rights(), rights({})]) {
    equal(set.isAdmin, false);
    equal(set.allows("publish", "a"), false);
    equal(set.allows("request", "a"), false);
    equal(set.covers("subscribe", "a"), false);
    equal(set.covers("serve", "a"), false);
    equal(set.allowsTunnel("web"), false);
    equal(set.allowsConnect({ agent: "a", host: "b", port: 1 }), false);
  }
});

Deno.test("Permissions: each right has its own patterns", () => {
  const set = rights({ publish: ["a.#"], request: ["b.#"], subscribe: ["c.#"], serve: ["d.#"] });
  equal(set.allows("publish", "a.x"), true);
  equal(set.allows("request", "a.x"), false);
  equal(set.allows("request", "b"), true);
  equal(set.covers("subscribe", "c.+"), true);
  equal(set.covers("serve", "c.+"), false);
  equal(set.covers("serve", "d.#"), true);
});

Deno.test("Permissions: grants add up, but a pattern has to lie inside a single one", () => {
  const set = rights({ subscribe: ["a"] }, { subscribe: ["a.+.#"], admin: true });
  equal(set.isAdmin, true);
  equal(set.covers("subscribe", "a"), true);
  equal(set.covers("subscribe", "a.b"), true);
  equal(set.covers("subscribe", "a.#"), false);
});

Deno.test("Permissions: a wildcard at the first level never grants system", () => {
  const set = rights({ publish: ["#", "+.#"], subscribe: ["#", "+.+"] });
  equal(set.allows("publish", "system.control"), false);
  equal(set.allows("publish", "system"), false);
  equal(set.covers("subscribe", "system.log"), false);
  equal(set.covers("subscribe", "#"), true);
  equal(rights({ subscribe: ["system.service.events"] }).covers("subscribe", "system.service.events"), true);
});

Deno.test("Permissions: patterns are taken in any case", () => {
  equal(rights({ publish: ["Orders.New"] }).allows("publish", "orders.new"), true);
});

Deno.test("Permissions: texts that are no patterns or rules allow nothing", () => {
  const set = rights({
    publish: ["#.a", "", "a..b", "ok"],
    tunnel: ["0", "a b"],
    connect: ["a:10.0.0.*:22", "*"],
  });
  equal(set.allows("publish", "a"), false);
  equal(set.allows("publish", "ok"), true);
});

Deno.test("Permissions: tunnels by name, host name and port", () => {
  const set = rights({ tunnel: ["web", "app-*", "*.Apps.Example", "20000-20100", "443"] });
  for (const name of ["web", "WEB", "app-1", "x.apps.example", "X.Apps.Example.", "20050", "443"]) {
    equal(set.allowsTunnel(name), true, name);
  }
  const refused = ["webb", "app-", "app-1.x", "a.b.apps.example", "apps.example", "20101", "19999", "44"]
    .concat(["020050", "", "*", "app-*", "app-1 ", "ap\u212A-1", "20050.5", "0", "99999"]);
  for (const name of refused) equal(set.allowsTunnel(name), false, name);
  const any = rights({ tunnel: ["*"] });
  for (const name of ["a.b.c", "1", "x"]) equal(any.allowsTunnel(name), true);
  for (const name of ["a b", "", ".", "a..b"]) equal(any.allowsTunnel(name), false);
  equal(rights({ tunnel: ["2*"] }).allowsTunnel("20000"), false);
});

Deno.test("Permissions: destinations by agent, host and port", () => {
  const set = rights({
    connect: ["box:db.internal:5432", "edge-*:*.local:80-90", "*:10.0.0.0/8:22", "box:[::1]:*", "Root:*:*"],
  });
  const allowed: [agent: string, host: string, port: number][] = [
    ["box", "DB.internal.", 5432],
    ["edge-1", "cam.local", 85],
    ["any.thing", "10.9.9.9", 22],
    ["any", "::ffff:10.0.0.1", 22],
    ["box", "[0:0::1]", 9],
    ["box", "::1", 65535],
    ["Root", "10.0.0.1", 1],
    ["Root", "a.b", 1],
  ];
  for (const [agent, host, port] of allowed) {
    equal(set.allowsConnect({ agent, host, port }), true, `${agent}:${host}:${port}`);
  }
  const refused: [agent: string, host: string, port: number][] = [
    ["Box", "db.internal", 5432],
    ["box", "db.internal", 5433],
    ["box", "xdb.internal", 5432],
    ["edge-", "cam.local", 80],
    ["edge-1", "a.cam.local", 80],
    ["edge-1", "cam.local", 91],
    ["any", "11.0.0.1", 22],
    ["any", "012.0.0.1", 22],
    ["box", "::2", 22],
    ["root", "x", 1],
    ["Root", "0177.0.0.1", 1],
    ["Root", "x", 0],
    ["Root", "x", 65536],
    ["Root", "::1%lo", 1],
  ];
  for (const [agent, host, port] of refused) {
    equal(set.allowsConnect({ agent, host, port }), false, `${agent}:${host}:${port}`);
  }
});

Deno.test("Permissions: a star inside a host name stands for no address in any spelling", () => {
  const set = rights({ connect: ["*:*.*.*.x*:*", "*:a*:*", "*:*.internal:*"] });
  for (
    const host of ["127.0.0.1", "127.0.0.1.", "::1", "::ffff:127.0.0.1", "0x7f.0.0.1", "2130706433", "127.1"]
  ) {
    equal(set.allowsConnect({ agent: "a", host, port: 80 }), false, host);
  }
});
