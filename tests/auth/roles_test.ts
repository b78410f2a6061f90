import { equal, notEqual } from "node:assert/strict";
import { Roles, type RolesOptions } from "../../src/auth/roles.ts";
import { grantOf } from "./fakes.ts";

function roles(options?: RolesOptions): Roles {
  return new Roles(
    {
      reader: grantOf({ subscribe: ["#"] }),
      writer: grantOf({ publish: ["#"] }),
      boss: grantOf({ admin: true }),
    },
    options,
  );
}

Deno.test("Roles: rights are those of all roles and of the own grant together", () => {
  const set = roles().resolve({ roles: ["reader", "boss"], grant: grantOf({ tunnel: ["web"] }) });
  equal(set.covers("subscribe", "a.#"), true);
  equal(set.isAdmin, true);
  equal(set.allowsTunnel("web"), true);
  equal(set.allows("publish", "a"), false);
});

Deno.test("Roles: one that is not known gives nothing, whatever its name", () => {
  const set = roles().resolve({ roles: ["nobody", "__proto__", "constructor", "Reader"], grant: null });
  equal(set.covers("subscribe", "a"), false);
  equal(set.isAdmin, false);
});

Deno.test("Roles: the same roles and grant share one object, in any order and with others unknown", () => {
  const all = roles();
  const first = all.resolve({ roles: ["reader", "writer"], grant: null });
  equal(all.resolve({ roles: ["writer", "x", "reader", "writer"], grant: grantOf({}) }), first);
  const own = all.resolve({ roles: ["reader"], grant: grantOf({ publish: ["a"] }) });
  equal(all.resolve({ roles: ["reader"], grant: grantOf({ publish: ["a"] }) }), own);
  notEqual(all.resolve({ roles: ["reader"], grant: grantOf({ request: ["a"] }) }), own);
  notEqual(all.resolve({ roles: ["reader"], grant: null }), own);
  equal(all.size, 4);
});

Deno.test("Roles: keeps no more sets than it may, whatever grants come; those in use stay", () => {
  const all = roles({ maxSets: 10 });
  const used = all.resolve({ roles: ["reader"], grant: null });
  for (let n = 0; n < 1000; n++) {
    const set = all.resolve({ roles: [], grant: grantOf({ publish: [`t${n}`] }) });
    equal(set.allows("publish", `t${n}`), true);
    equal(all.resolve({ roles: ["reader"], grant: null }), used);
    equal(all.size <= 10, true);
  }
});

Deno.test("Roles: what a change of the configuration does not touch keeps its object", () => {
  const first = roles();
  const reader = first.resolve({ roles: ["reader"], grant: grantOf({ publish: ["a"] }) });
  const writer = first.resolve({ roles: ["writer"], grant: null });
  const changed = new Roles(
    { reader: grantOf({ subscribe: ["#"] }), writer: grantOf({ publish: ["a.#"] }) },
    { previous: first },
  );
  equal(changed.resolve({ roles: ["reader"], grant: grantOf({ publish: ["a"] }) }), reader);
  const narrower = changed.resolve({ roles: ["writer"], grant: null });
  notEqual(narrower, writer);
  equal(narrower.allows("publish", "b"), false);
  equal(narrower.equals(writer), false);
});

Deno.test("Roles: rights by grants with the same content are equal, whoever made them", () => {
  const wanted = { roles: ["boss", "reader"], grant: grantOf({ publish: ["a"] }) };
  const set = roles().resolve(wanted);
  equal(set.equals(roles().resolve({ ...wanted, roles: ["reader", "boss"] })), true);
  equal(set.equals(roles().resolve({ ...wanted, roles: ["reader"] })), false);
  equal(set.equals(roles().resolve({ ...wanted, grant: null })), false);
});
