import assert from "node:assert/strict";
import { parseDestinationRule } from "../../src/core/access_rules.ts";
import { planDestination } from "../../src/core/destination.ts";
import { HostRules } from "../../src/core/host_rules.ts";

/** What a list of rules says of a host, and of the addresses that it leads to. */
function judge(rules: readonly string[], { host, port = 80 }: { host: string; port?: number }) {
  const set = new HostRules();
  for (const text of rules) {
    const rule = parseDestinationRule(text);
    assert.ok(rule !== null, text);
    set.add(rule.host, rule.ports);
  }
  return planDestination(host, (asked) => set.allows(asked, port));
}

function admitted(rules: readonly string[], host: string, addresses: readonly string[]): string[] {
  const plan = judge(rules, { host });
  assert.ok(plan.kind === "name");
  return addresses.filter(plan.admits);
}

Deno.test("Destination: an address needs a rule that covers it with its port", () => {
  const rules = ["10.0.0.0/8:80", "[fd00::/8]:1-99", "192.0.2.1:*"];
  for (const host of ["10.1.2.3", "::ffff:10.1.2.3", "[::ffff:10.1.2.3]"]) {
    assert.deepEqual(judge(rules, { host }), { kind: "address", address: "10.1.2.3" });
  }
  assert.deepEqual(judge(rules, { host: "fd00::1" }), { kind: "address", address: "fd00:0:0:0:0:0:0:1" });
  assert.equal(judge(rules, { host: "fd00::1", port: 100 }).kind, "denied");
  assert.equal(judge(rules, { host: "10.1.2.3", port: 81 }).kind, "denied");
  assert.equal(judge(rules, { host: "11.0.0.1" }).kind, "denied");
  assert.equal(judge(["*.lan:80", "a.lan:80"], { host: "10.0.0.1" }).kind, "denied");
  assert.equal(judge([], { host: "127.0.0.1" }).kind, "denied");
});

Deno.test("Destination: what only some systems read as an address is none", () => {
  for (
    const host of ["127.1", "0x7f.1", "0177.0.0.1", "2130706433", "127.0.0.1.", "fe80::1%eth0", "", "a b"]
  ) {
    const plan = judge(["*:*", "10.0.0.0/8:*"], { host });
    assert.ok(plan.kind === "denied" || (host === "127.0.0.1." && plan.kind === "address"), host);
  }
});

Deno.test("Destination: a name that is allowed leads anywhere but to this machine and its link", () => {
  const special = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "fe80::1",
    "224.0.0.1",
  ];
  const usual = ["10.0.0.1", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"];
  const odd = ["255.255.255.255", "ff02::1", "::ffff:127.0.0.1", "no address"];
  const all = [...special, ...usual, ...odd];
  assert.deepEqual(admitted(["db.lan:80"], "db.lan", all), usual);
  assert.deepEqual(admitted(["*.lan:80"], "DB.lan.", all), usual);
  assert.deepEqual(admitted(["db.lan:80", "127.0.0.1:80"], "db.lan", special), ["127.0.0.1"]);
  assert.deepEqual(admitted(["localhost:80"], "localhost", special), ["127.0.0.1", "127.9.9.9", "::1"]);
});

Deno.test("Destination: a name that no rule names leads only to addresses that rules cover", () => {
  assert.deepEqual(admitted(["10.0.0.0/8:80"], "db.lan", ["10.0.0.1", "192.0.2.1"]), ["10.0.0.1"]);
  assert.deepEqual(admitted([], "db.lan", ["10.0.0.1"]), []);
  assert.deepEqual(admitted(["*:80"], "db.lan", ["10.0.0.1", "127.0.0.1"]), ["10.0.0.1", "127.0.0.1"]);
});
