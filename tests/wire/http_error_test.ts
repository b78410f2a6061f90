/** The hub's own pages. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { encodeHttpError, type HttpErrorAnswer, titleOf } from "../../src/wire/http_error.ts";

function answer(options: Partial<HttpErrorAnswer> = {}): { head: string; body: string } {
  const bytes = encodeHttpError({
    status: 404,
    message: 'There is no "<app>" & more',
    requestId: "id",
    accept: "",
    isHead: false,
    isKept: true,
    retryAfterSeconds: null,
    ...options,
  });
  const [head = "", body = ""] = Buffer.from(bytes).toString().split("\r\n\r\n");
  return { head, body };
}

Deno.test("HTTP error: a page in what the visitor accepts, with its length and its id", () => {
  const types: [string, RegExp, RegExp][] = [
    ["", /^text\/plain; charset=utf-8$/, /^404 Not Found: There is no "<app>" & more \(request id\)\n$/],
    ["*/*", /^text\/plain/, /^404/],
    ["text/html,application/xhtml+xml,application/json", /^text\/html/, /^<!doctype html>/],
    ["application/json", /^application\/json$/, /^\{"error":\{"status":404,/],
    ["application/problem+json;q=0.9", /^application\/json$/, /^\{"error":/],
    ["application/jsonx", /^text\/plain/, /^404/],
  ];
  for (const [accept, type, page] of types) {
    const { head, body } = answer({ accept });
    assert.match(/\r\nContent-Type: (.*)\r\n/.exec(head)?.[1] ?? "", type, accept);
    assert.match(body, page, accept);
    assert.equal(Number(/\r\nContent-Length: (\d+)/.exec(head)?.[1]), Buffer.byteLength(body));
    assert.match(head, /\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff/);
  }
});

Deno.test("HTTP error: nothing of a message or an id is markup", () => {
  const { body } = answer({ accept: "text/html", message: "<script>'&\"", requestId: '"><b>' });
  assert.ok(body.includes("<p>&#60;script&#62;&#39;&#38;&#34;</p>"), body);
  assert.ok(body.includes("Request &#34;&#62;&#60;b&#62;"), body);
});

Deno.test("HTTP error: a HEAD gets the same head and no body, and what follows is told", () => {
  const [get, head] = [answer(), answer({ isHead: true })];
  assert.deepEqual([head.head, head.body], [get.head, ""]);
  assert.ok(!/Connection|Retry-After/.test(get.head));
  const last = answer({ isKept: false, status: 503, retryAfterSeconds: 7 });
  assert.match(
    last.head,
    /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*\r\nRetry-After: 7\r\nConnection: close$/,
  );
});

Deno.test("HTTP error: every status that the hub answers has its words", () => {
  for (const status of [400, 404, 408, 413, 417, 429, 431, 502, 503, 504, 505]) {
    assert.notEqual(titleOf(status), "Error", `${status}`);
  }
  assert.equal(titleOf(418), "Error");
});
