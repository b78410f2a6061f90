import assert from "node:assert/strict";
import { OriginPolicy } from "../../src/hub/origin_policy.ts";

const DEFAULT = ["self", "loopback"];

interface Case {
  readonly rules?: readonly string[];
  readonly origin?: string;
  readonly host?: string;
  readonly onLoopback?: boolean;
}

function check({ rules = DEFAULT, origin, host = "127.0.0.1:8443", onLoopback = true }: Case): string {
  return new OriginPolicy(rules).check({ origin, host, onLoopback });
}

Deno.test("Origin policy: clients that are no browsers send no origin and may connect", () => {
  assert.equal(check({}), "allowed");
  assert.equal(check({ rules: ["https://app.example"], host: "hub.example" }), "allowed");
});

Deno.test("Origin policy: a page on loopback may connect, whatever its port", () => {
  for (
    const origin of ["http://localhost:3000", "http://127.0.0.1", "http://127.9.8.7:1", "http://[::1]:9"]
  ) {
    assert.equal(check({ origin }), "allowed", origin);
  }
});

Deno.test("Origin policy: a foreign page may not drive a hub on loopback", () => {
  for (
    const origin of [
      "https://evil.example",
      "http://app.localhost:8080",
      "http://localhost.evil.example",
      "http://127.0.0.1.evil.example",
      "null",
      "file://",
      "garbage",
    ]
  ) {
    assert.equal(check({ origin }), "origin", origin);
  }
});

Deno.test("Origin policy: a name that was rebound to loopback is refused by its Host", () => {
  assert.equal(check({ origin: "http://evil.example:8443", host: "evil.example:8443" }), "host");
  assert.equal(check({ origin: "http://localhost:3000", host: "evil.example:8443" }), "host");
  assert.equal(check({ origin: "http://localhost:3000", host: "app.localhost:8443" }), "host");
});

Deno.test("Origin policy: a rebound name is refused on loopback whatever else is listed", () => {
  const rebound = { origin: "http://evil.example:8443", host: "evil.example:8443" };
  for (const rules of [["self"], ["self", "loopback", "https://app.example"], ["loopback", "self", "self"]]) {
    assert.notEqual(check({ rules, ...rebound }), "allowed", rules.join(" "));
  }
  const rules = ["self", "https://app.example"];
  assert.equal(check({ rules, origin: "https://app.example", host: "app.example" }), "allowed");
  assert.equal(check({ rules, origin: "http://localhost:8443", host: "localhost:8443" }), "allowed");
});

Deno.test("Origin policy: self is the authority of the Host, default ports included", () => {
  const remote = { onLoopback: false };
  assert.equal(check({ ...remote, origin: "https://hub.example", host: "hub.example:443" }), "allowed");
  assert.equal(check({ ...remote, origin: "https://HUB.example:8443", host: "hub.example:8443" }), "allowed");
  assert.equal(check({ ...remote, origin: "https://hub.example", host: "hub.example:8443" }), "origin");
  assert.equal(check({ ...remote, origin: "https://other.example", host: "hub.example" }), "origin");
});

Deno.test("Origin policy: listed origins may connect, others not", () => {
  const rules = ["https://app.example", "http://dev.example:3000"];
  assert.equal(check({ rules, origin: "https://app.example" }), "allowed");
  assert.equal(check({ rules, origin: "https://app.example:443" }), "allowed");
  assert.equal(check({ rules, origin: "http://app.example" }), "origin");
  assert.equal(check({ rules, origin: "http://localhost" }), "origin");
});

Deno.test("Origin policy: everything is allowed only by asking for it", () => {
  assert.equal(check({ rules: ["*"], origin: "https://evil.example", host: "evil.example" }), "allowed");
});

Deno.test("Origin policy: only those that are listed count where words do not", () => {
  const policy = new OriginPolicy(["self", "loopback", "https://app.example"]);
  assert.ok(policy.isListed(undefined));
  assert.ok(policy.isListed("https://app.example"));
  for (const origin of ["http://localhost", "http://127.0.0.1:8443", "https://evil.example", "null", "x"]) {
    assert.equal(policy.isListed(origin), false, origin);
  }
  assert.ok(new OriginPolicy(["*"]).isListed("https://evil.example"));
  const words = new OriginPolicy(["*", "self", "loopback", "https://app.example"]);
  assert.ok(words.isNamed(undefined));
  assert.ok(words.isNamed("https://app.example"));
  for (const origin of ["https://evil.example", "http://localhost", "null", "https://app.example.evil", ""]) {
    assert.equal(words.isNamed(origin), false, origin);
  }
});
