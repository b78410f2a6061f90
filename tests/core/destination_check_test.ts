import { deepEqual, equal } from "node:assert/strict";
import { CompiledGrant, PermissionSet } from "../../src/auth/permission_set.ts";
import { allowedAddresses, type DestinationRules, judgeHost } from "../../src/core/destination_check.ts";
import { HostRules } from "../../src/core/host_rules.ts";
import { ALL_RIGHTS, USER_RIGHTS } from "../../src/core/rights.ts";
import { grantOf } from "../auth/fakes.ts";

/** The same rules as an agent and as a hub has them. */
function testBoth(name: string, run: (rulesOf: (...rules: string[]) => DestinationRules) => void): void {
  Deno.test(`Destinations: ${name} (agent)`, () => run((...rules) => HostRules.parse(rules)));
  Deno.test(`Destinations: ${name} (hub)`, () => {
    run((...rules) => {
      const grants = rules.map((rule) => new CompiledGrant(grantOf({ connect: [`hub:${rule}`] })));
      return new PermissionSet(grants).throughHub;
    });
  });
}

/** The addresses that may be dialled of those that a host leads to; `null`: it is refused as it was asked for. */
function leads(
  rules: DestinationRules,
  host: string,
  { port = 80, addresses = [] as string[] } = {},
): string[] | null {
  const verdict = judgeHost({ host, port }, rules);
  if (verdict.kind === "refused") return null;
  return verdict.kind === "address"
    ? [verdict.address]
    : allowedAddresses(addresses, { host: verdict, port, rules });
}

testBoth("an address needs a rule for addresses, and the port", (rulesOf) => {
  const rules = rulesOf("10.0.0.0/8:80-90", "[fd00::/8]:80", "127.0.0.1:80", "*.lan:*");
  for (const host of ["10.1.2.3", "::ffff:10.1.2.3", "[::ffff:a01:203]", "10.1.2.3."]) {
    deepEqual(leads(rules, host), ["10.1.2.3"], host);
  }
  deepEqual(leads(rules, "127.0.0.1"), ["127.0.0.1"]);
  deepEqual(leads(rules, "[FD00::1]"), ["fd00:0:0:0:0:0:0:1"]);
  deepEqual(leads(rules, "10.1.2.3", { port: 90 }), ["10.1.2.3"]);
  for (const port of [0, 79, 91]) equal(leads(rules, "10.1.2.3", { port }), null, `${port}`);
  for (const host of ["11.0.0.1", "127.0.0.2", "::1", "fe80::1", "::a01:203"]) {
    equal(leads(rules, host), null, host);
  }
});

testBoth("odd spellings of addresses are refused, whatever is allowed", (rulesOf) => {
  const rules = rulesOf("*:*", "127.0.0.1:*", "*.1:*");
  const odd = [
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0x7f000001",
    "127.0.0.1..",
    "::1%lo",
    "[127.0.0.1]",
  ];
  for (const host of [...odd, "", "a b", "ä", "a..b", "1.2.3.4.5", "*", "a\0"]) {
    equal(leads(rules, host), null, host);
  }
});

testBoth("a name that is allowed leads to every address that is not special", (rulesOf) => {
  const rules = rulesOf("db.lan:80");
  const addresses = ["10.0.0.1", "192.0.2.7", "fd00::7", "10.0.0.1", "64:ff9b::c000:207", "2002:c000:207::1"];
  const spelled = ["10.0.0.1", "192.0.2.7", "fd00:0:0:0:0:0:0:7"];
  const behindNat64 = "64:ff9b:0:0:0:0:c000:207";
  deepEqual(leads(rules, "DB.lan.", { addresses }), [...spelled, behindNat64, "2002:c000:207:0:0:0:0:1"]);
  const special = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "224.0.0.1",
    "239.255.255.255",
  ]
    .concat([
      "255.255.255.255",
      "::",
      "::1",
      "fe80::1",
      "febf::1",
      "ff02::1",
      "::ffff:127.0.0.1",
      "::127.0.0.1",
    ])
    .concat([
      "64:ff9b::7f00:1",
      "64:ff9b::a9fe:a9fe",
      "64:ff9b:1::7f00:1",
      "2002:7f00:1::1",
      "fe80::1%eth0",
      "garbage",
      "127.1",
      "",
    ]);
  deepEqual(leads(rules, "db.lan", { addresses: [...special, "192.0.2.7"] }), ["192.0.2.7"]);
  equal(leads(rules, "db.lan", { port: 81, addresses }), null);
  equal(leads(rules, "x.db.lan", { addresses }), null);
});

testBoth("a special address needs a rule of its own, beside that for the name", (rulesOf) => {
  const rules = rulesOf("db.lan:80", "127.0.0.0/8:80", "[fe80::/10]:81");
  const addresses = ["127.0.0.1", "fe80::1", "169.254.1.1"];
  deepEqual(leads(rules, "db.lan", { addresses }), ["127.0.0.1"]);
});

testBoth("localhost may be loopback, and nothing else that is special", (rulesOf) => {
  const addresses = ["::1", "127.0.0.1", "169.254.1.1", "0.0.0.0"];
  deepEqual(leads(rulesOf("localhost:80"), "LocalHost.", { addresses }), ["0:0:0:0:0:0:0:1", "127.0.0.1"]);
  deepEqual(leads(rulesOf("*.localhost:80"), "a.localhost", { addresses }), []);
  equal(leads(rulesOf("db.lan:80"), "localhost", { addresses }), null);
});

testBoth("of a name that nobody allows only the allowed addresses are dialled", (rulesOf) => {
  const rules = rulesOf("10.0.0.0/8:80", "other.lan:80");
  deepEqual(leads(rules, "db.lan", { addresses: ["192.0.2.1", "10.0.0.2", "127.0.0.1"] }), ["10.0.0.2"]);
  deepEqual(leads(rules, "db.lan", { addresses: ["192.0.2.1"] }), []);
});

testBoth("a name is not even resolved where no rule for addresses has the port", (rulesOf) => {
  equal(leads(rulesOf(), "db.lan"), null);
  equal(leads(rulesOf("10.0.0.0/8:22", "*.lan:22"), "db.example"), null);
});

testBoth("a star for the host is a rule for names and for addresses", (rulesOf) => {
  const rules = rulesOf("*:80");
  deepEqual(leads(rules, "10.0.0.1"), ["10.0.0.1"]);
  deepEqual(leads(rules, "db.lan", { addresses: ["127.0.0.1"] }), ["127.0.0.1"]);
  equal(leads(rules, "db.lan", { port: 81 }), null);
});

testBoth("a star inside a name is no rule for addresses", (rulesOf) => {
  const rules = rulesOf("*.*.*.x:80", "a*:80");
  for (const host of ["10.0.0.1", "::1"]) equal(leads(rules, host), null, host);
  equal(judgeHost({ host: "a.b.c.y", port: 80 }, rules).kind, "refused");
});

Deno.test("Destinations: what is no entry allows nothing", () => {
  const rules = HostRules.parse(["", "*", "db", "a:0", "10.0.0.*:80", ":80", "a:b:80"]);
  for (const host of ["10.0.0.1", "a", "db"]) equal(leads(rules, host), null, host);
});

Deno.test("Destinations: the hub connects only for whoever has a rule with its very name", () => {
  const star = new PermissionSet([
    new CompiledGrant(grantOf({ connect: ["*:*:*", "h*:*:*", "Hub:*:*"], admin: true })),
  ]);
  for (const rights of [star, USER_RIGHTS, ALL_RIGHTS]) {
    equal(leads(rights.throughHub, "10.0.0.1"), null);
    equal(leads(rights.throughHub, "db.lan"), null);
    equal(rights.allowsConnect({ agent: "hub", host: "10.0.0.1", port: 80 }), false);
    equal(rights.allowsConnect({ agent: "hub1", host: "10.0.0.1", port: 80 }), true);
  }
  const named = new PermissionSet([new CompiledGrant(grantOf({ connect: ["hub:10.0.0.0/8:80"] }))]);
  equal(named.allowsConnect({ agent: "hub", host: "10.0.0.1", port: 80 }), true);
  equal(named.allowsConnect({ agent: "Hub", host: "10.0.0.1", port: 80 }), false);
});
