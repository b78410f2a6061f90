import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { type Host, parseHost } from "../../src/core/host.ts";

const LOCALHOST: Host = { kind: "address", bytes: [127, 0, 0, 1] };

Deno.test("Host: an address is the same address in every spelling that is one", () => {
  for (
    const text of ["127.0.0.1", "127.0.0.1.", "::ffff:127.0.0.1", "[::ffff:7f00:1]", "[::FFFF:127.0.0.1]"]
  ) {
    deepEqual(parseHost(text), LOCALHOST, text);
  }
  deepEqual(parseHost("::1"), parseHost("[0:0:0:0:0:0:0:1]"));
});

Deno.test("Host: a name has one spelling", () => {
  for (const text of ["DB.Internal", "db.internal.", "db.internal"]) {
    deepEqual(parseHost(text), { kind: "name", name: "db.internal" });
  }
});

Deno.test("Host: what some would read as an address, and what is no host for sure, is none", () => {
  const wrong = ["0177.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "127.0.0.0x1", "127.0.0.01"]
    .concat(["1.2.3.4.5", "a.1", "::1%eth0", "[::1%25lo]", "[127.0.0.1]", "[db]", "[::1", "::1]", "::g", ":"])
    .concat(["", ".", "a..b", "a.b..", "-a", "a-", "*", "*.a", "a b", "a/b", "a:80", "ａ.b", "\u212Aelvin"])
    .concat(["a\n", "a\0", `${"a".repeat(64)}.b`, `${"a.".repeat(127)}b`]);
  for (const text of wrong) equal(parseHost(text), null, JSON.stringify(text));
});

Deno.test("Host: any case and a dot at the end change nothing", () => {
  const label = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
  fc.assert(fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), (labels) => {
    const name = labels.join(".");
    deepEqual(parseHost(`${name.toUpperCase()}.`), parseHost(name));
  }));
});
