import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseProxy } from "../../src/agent/proxy_choice.ts";
import { TrunklineError } from "../../src/core/errors.ts";

const HUB = { host: "hub.example", port: 8443, isSecure: true };

/** The host of the proxy that is chosen. */
function chosen(env: Record<string, string>, target: Partial<typeof HUB> = {}): string | null {
  return chooseProxy({ ...HUB, ...target }, env)?.host ?? null;
}

Deno.test("Proxy: TLS takes HTTPS_PROXY, plain text HTTP_PROXY, both ALL_PROXY; lower case wins", () => {
  const env = { HTTPS_PROXY: "http://s", HTTP_PROXY: "http://p", ALL_PROXY: "http://a" };
  assert.equal(chosen(env), "s");
  assert.equal(chosen(env, { isSecure: false }), "p");
  assert.equal(chosen({ ALL_PROXY: "http://a" }), "a");
  assert.equal(chosen({ ALL_PROXY: "http://a" }, { isSecure: false }), "a");
  assert.equal(chosen({ ...env, https_proxy: "http://lower" }), "lower");
  assert.equal(chosen({ ...env, HTTPS_PROXY: " " }), "a");
  assert.equal(chosen({ HTTP_PROXY: "http://p" }), null);
  assert.equal(chosen({}), null);
});

Deno.test("Proxy: its URL may lack the scheme and may hold user and password", () => {
  const parse = (HTTPS_PROXY: string) => chooseProxy(HUB, { HTTPS_PROXY });
  assert.deepEqual(parse("proxy.example:3128"), { host: "proxy.example", port: 3128, authorization: null });
  assert.deepEqual(parse("http://[::1]/"), { host: "::1", port: 80, authorization: null });
  assert.equal(parse("http://me:p%40ss%C3%A9@a")?.authorization, `Basic ${btoa("me:p@ss\u00c3\u00a9")}`);
  assert.equal(parse("http://me@a")?.authorization, `Basic ${btoa("me:")}`);
});

Deno.test("Proxy: one that cannot be used is told by its variable and without its password", () => {
  const wrong = [
    "socks5://me:hidden@a:1080",
    "https://me:hidden@a",
    "http://me:hidden@",
    "http://me:%zz@a",
    "http://-",
  ];
  for (const value of wrong) {
    assert.throws(() => chooseProxy(HUB, { HTTPS_PROXY: value }), (error) => {
      assert.ok(error instanceof TrunklineError && error.code === "usage", value);
      assert.match(error.message, /^Cannot use the proxy of HTTPS_PROXY: /);
      assert.doesNotMatch(error.message, /hidden|%zz/);
      return true;
    });
  }
  assert.equal(
    chosen({ HTTPS_PROXY: "socks5://a", NO_PROXY: "*" }),
    null,
    "one that is not used is not looked at",
  );
});

Deno.test("Proxy: this machine itself is never reached by one", () => {
  for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
    assert.equal(chosen({ ALL_PROXY: "http://a" }, { host }), null, host);
  }
});

Deno.test("Proxy: NO_PROXY names hosts, suffixes, ports, addresses and ranges", () => {
  const direct: [entry: string, host: string, port?: number][] = [
    ["*", "hub.example"],
    ["hub.example", "hub.example"],
    ["HUB.Example", "hub.example"],
    ["example", "hub.example"],
    [".example", "hub.example"],
    ["*.example", "hub.example"],
    ["other, hub.example", "hub.example"],
    ["other  hub.example", "hub.example"],
    ["hub.example:8443", "hub.example", 8443],
    [".example:8443", "hub.example", 8443],
    ["10.1.2.3", "10.1.2.3"],
    ["10.0.0.0/8", "10.1.2.3"],
    ["10.1.2.3:8443", "10.1.2.3", 8443],
    ["fd00::/8", "fd00::1"],
    ["[fd00::1]:8443", "fd00::1", 8443],
    ["[fd00::1]", "fd00::1"],
    ["fd00::1", "fd00:0::1"],
  ];
  const proxied: typeof direct = [
    ["", "hub.example"],
    [",", "hub.example"],
    ["ub.example", "hub.example"],
    ["hub.example.com", "hub.example"],
    [".hub.example", "hub.example"],
    ["*.hub.example", "hub.example"],
    [".", "hub.example"],
    ["hub.example:443", "hub.example", 8443],
    ["hub.example:", "hub.example"],
    ["10.0.0.0/33", "10.1.2.3"],
    ["11.0.0.0/8", "10.1.2.3"],
    ["1.2.3", "10.1.2.3"],
    ["10.1.2.3:443", "10.1.2.3", 8443],
    ["fd01::/16", "fd00::1"],
    ["[fd00::1]:443", "fd00::1", 8443],
  ];
  for (const [list, expected] of [[direct, null], [proxied, "a"]] as const) {
    for (const [entry, host, port = 1] of list) {
      assert.equal(
        chosen({ ALL_PROXY: "http://a", NO_PROXY: entry }, { host, port }),
        expected,
        `${entry} ${host}`,
      );
    }
  }
});

Deno.test("Proxy: whatever NO_PROXY holds, nothing is thrown", () => {
  const lists = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom("*", ".", ":", "[", "]", "/", "1", "a", ",")).map((all) => all.join("")),
  );
  fc.assert(fc.property(lists, fc.constantFrom("hub.example", "10.1.2.3", "fd00::1"), (NO_PROXY, host) => {
    chooseProxy({ ...HUB, host }, { ALL_PROXY: "http://a", NO_PROXY });
  }));
});
