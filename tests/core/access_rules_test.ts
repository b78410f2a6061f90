import { deepEqual, equal } from "node:assert/strict";
import { parseConnectRule, parseTunnelRule, tunnelName } from "../../src/core/access_rules.ts";

Deno.test("Access rules: a tunnel rule is any, ports, or a name with stars", () => {
  deepEqual(parseTunnelRule("*"), { kind: "any" });
  deepEqual(parseTunnelRule("20000"), { kind: "ports", ports: { first: 20000, last: 20000 } });
  deepEqual(parseTunnelRule("20000-20100"), { kind: "ports", ports: { first: 20000, last: 20100 } });
  deepEqual(parseTunnelRule("*.Apps.Example."), { kind: "name", pattern: "*.apps.example" });
  deepEqual(parseTunnelRule("app-**"), { kind: "name", pattern: "app-*" });
  deepEqual(parseTunnelRule("8080-web"), { kind: "name", pattern: "8080-web" });
});

Deno.test("Access rules: what is no tunnel rule is none", () => {
  for (
    const text of ["", "0", "65536", "20100-20000", "1-2-3", "-", "1-", "a b", "a..b", ".a", ".", "ä", "a/b"]
  ) {
    equal(parseTunnelRule(text), null, text);
  }
});

Deno.test("Access rules: a destination has an agent, a host and ports", () => {
  const all = { first: 1, last: 65535 };
  deepEqual(parseConnectRule("*:*:*"), { agent: "*", host: { kind: "any" }, ports: all });
  deepEqual(parseConnectRule("Box-1:*.Internal:80-90"), {
    agent: "Box-1",
    host: { kind: "name", pattern: "*.internal" },
    ports: { first: 80, last: 90 },
  });
  deepEqual(parseConnectRule("a:DB.internal.:*"), {
    agent: "a",
    host: { kind: "name", pattern: "db.internal" },
    ports: all,
  });
  equal(parseConnectRule("a**:*.*:1")?.agent, "a*");
  const ranges = ["10.0.0.0/8", "10.0.0.1", "[::1]", "[fd00::/8]", "[::ffff:10.0.0.1]"];
  for (const range of ranges) equal(parseConnectRule(`a:${range}:22`)?.host.kind, "range", range);
});

Deno.test("Access rules: what is no destination is none", () => {
  const hosts = ["", "::1", "[db]", "[10.0.0.1]", "10.0.0.*", "10.*", "*.0.0.1", "0177.0.0.1", "127.1", "a b"]
    .concat(["10.0.0.0/33", "[fd00::]/8", "a.b/8", "[::1%eth0]", "db..internal", "[*]"]);
  for (const host of hosts) equal(parseConnectRule(`agent:${host}:22`), null, host);
  for (const port of ["", "0", "65536", "90-80", "-1", "1-", "**", "22*"]) {
    equal(parseConnectRule(`agent:db:${port}`), null, port);
  }
  for (const text of ["db:22", "a:b:db:22", ":db:22", "a b:db:22", "*"]) {
    equal(parseConnectRule(text), null, text);
  }
});

Deno.test("Access rules: a tunnel's name has one spelling", () => {
  equal(tunnelName("Web.Example."), "web.example");
  for (const text of ["", ".", "a..b", ".a", "a:b", "*", "a b", "\u212A", "a".repeat(254)]) {
    equal(tunnelName(text), null, text);
  }
});
