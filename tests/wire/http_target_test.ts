/** What requests are for. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { isRefusal, RequestReader } from "../../src/wire/http_head.ts";
import { TargetReader } from "../../src/wire/http_target.ts";

/** The target of a request with these hosts; its reason where it is refused. */
function targetOf(line: string, hosts: readonly string[] = ["a"], reader = new TargetReader()) {
  const fields = hosts.map((host) => `Host: ${host}\r\n`).join("");
  const result = new RequestReader().feed(
    Uint8Array.from(Buffer.from(`${line} HTTP/1.1\r\n${fields}\r\n`, "latin1")),
  );
  assert.ok(result.kind === "head", line);
  const target = reader.read(result.head);
  return isRefusal(target) ? target.reason : [target.host, target.authority, target.path];
}

Deno.test("HTTP target: the origin form, and the host as tunnels are found by it", () => {
  assert.deepEqual(targetOf("GET /a?b=http://c/", ["App.Example.:8080"]), [
    "app.example",
    "App.Example.:8080",
    "/a?b=http://c/",
  ]);
  assert.deepEqual(targetOf("GET //b/../c", ["127.0.0.1"]), ["127.0.0.1", "127.0.0.1", "//b/../c"]);
  assert.deepEqual(targetOf("GET /", ["[::1]:80"]), ["[::1]", "[::1]:80", "/"]);
});

Deno.test("HTTP target: the absolute form becomes the origin form, if it is for the same host", () => {
  assert.deepEqual(targetOf("GET http://A/b?c"), ["a", "a", "/b?c"]);
  assert.deepEqual(targetOf("GET HTTPS://a"), ["a", "a", "/"]);
  assert.deepEqual(targetOf("GET http://a?b"), ["a", "a", "/?b"]);
  const another = "Target and Host name different hosts";
  for (
    const target of ["http://b/", "http://a:80/", "http://a.b/", "http://x@a/", "http:///", "http://a\\/"]
  ) {
    assert.equal(targetOf(`GET ${target}`), another, target);
  }
  for (const target of ["ftp://a/", "a:80", "a", "http:/a", "http://a/#b", "?b"]) {
    assert.equal(targetOf(`GET ${target}`), "The target is none", target);
  }
});

Deno.test("HTTP target: other forms are refused, but for the asterisk of OPTIONS", () => {
  assert.deepEqual(targetOf("OPTIONS *"), ["a", "a", "*"]);
  assert.deepEqual(targetOf("OPTIONS http://a"), ["a", "a", "*"], "that is how a proxy is asked for it");
  assert.deepEqual(targetOf("OPTIONS http://a/"), ["a", "a", "/"]);
  assert.deepEqual(targetOf("OPTIONS http://a?b"), ["a", "a", "/?b"]);
  assert.equal(targetOf("GET *"), "Only OPTIONS is for *");
  assert.equal(targetOf("CONNECT a:443"), "CONNECT is not answered here");
  assert.equal(targetOf("GET /a#b"), "The target has a fragment");
});

Deno.test("HTTP target: there is one Host, and it is one", () => {
  for (const hosts of [[], ["a", "a"], ["a", "b"]]) {
    assert.equal(targetOf("GET /", hosts), "There has to be one Host");
  }
  const wrong = [
    "",
    "a, b",
    "a b",
    "a@b",
    "a/b",
    "a:",
    "a:b",
    "a:65536",
    "a:1:2",
    "[::1",
    "::1",
    "a..b",
    "\xe4",
  ];
  for (const host of wrong) assert.equal(targetOf("GET /", [host]), "The Host is none", host);
});

Deno.test("HTTP target: what was read before changes nothing of what is read next", () => {
  const reader = new TargetReader();
  const hosts = ["", "a", "a", "A", "b:1", "", "a b", "a b", "a"];
  for (const host of hosts) {
    assert.deepEqual(targetOf("GET /", [host], reader), targetOf("GET /", [host]), host);
  }
});
