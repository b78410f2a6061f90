/** What is not passed on: each trick is refused by the hub, and nothing of it reaches the service. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { TcpService } from "../helpers/tcp_echo.ts";
import { fixedService, HOST, requestText, sendRaw, statusOf, withService } from "./http_scene.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Deno.test("HTTP refusals: what could be read in two ways reaches no service", async () => {
  const { service, heads } = await fixedService(OK);
  await using _service = service;
  const post = (fields: string, body = "") => requestText("POST /", fields, body);
  const tricks: [string, number][] = [
    [post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nX"), 400],
    [post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400],
    [post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), 400],
    [post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400],
    [post("Content-Length: +5\r\n", "hello"), 400],
    [post("Content-Length: 5,5\r\n", "hello"), 400],
    [post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400],
    [post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 400],
    [post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), 400],
    [post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400],
    [post(" Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
    [post("X: a\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
    [post("X: a\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
    [post("X: a\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
    [post("X: a\0b\r\n"), 400],
    [post("Connection: Content-Length\r\nContent-Length: 5\r\n", "hello"), 400],
    [post("Connection: host\r\n"), 400],
    [`POST / HTTP/1.0\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ["GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nHost: ${HOST}\r\nHost: ${HOST}\r\n\r\n`, 400],
    [`GET / HTTP/1.1\r\nHost: ${HOST}\r\nhost: other\r\n\r\n`, 400],
    [`GET / HTTP/1.1\r\nHost: ${HOST}, other\r\n\r\n`, 400],
    [`GET / HTTP/1.1\r\nHost: a@${HOST}\r\n\r\n`, 400],
    [`GET / HTTP/1.1\r\nHost: ${HOST}/x\r\n\r\n`, 400],
    [`GET / HTTP/1.1\r\nHost: ${HOST}:99999\r\n\r\n`, 400],
    ["GET / HTTP/1.1\r\nHost: \r\n\r\n", 400],
    [`GET http://other/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, 400],
    [`GET ftp://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, 400],
    [`GET ${HOST} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, 400],
    [`GET /a#b HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, 400],
    [`GET * HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, 400],
    [`CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`, 400],
    [
      requestText("GET /", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"),
      400,
    ],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    [`GET / HTTP/3.0\r\nHost: ${HOST}\r\n\r\n`, 505],
    [requestText("GET /", `X: ${"a".repeat(70_000)}\r\n`), 431],
    [requestText("GET /", "X: a\r\n".repeat(101)), 431],
  ];
  await withService(service.port, async ({ port, hub }) => {
    for (const [text, status] of tricks) {
      const { text: answer } = await sendRaw(port, text);
      assert.equal(
        statusOf(answer),
        status,
        `${JSON.stringify(text.slice(0, 200))}: ${answer.slice(0, 100)}`,
      );
      assert.equal(
        [...answer.matchAll(/^HTTP\/1\.1 \d/gm)].length,
        1,
        "one answer, whatever stood behind it",
      );
    }
    assert.deepEqual(heads, []);
    assert.equal(statusOf((await sendRaw(port, requestText(`GET http://${HOST}/a`))).text), 200);
    assert.match(heads[0] ?? "", /^GET \/a HTTP\/1\.1\r\n/);
    assert.ok(await hub.metric('tunnel_requests_total{method="POST",status="4xx"}') > 5);
  });
});

Deno.test("HTTP refusals: chunks that are none end the request, and its stream", async () => {
  const seen: string[] = [];
  await using service = await TcpService.start((socket) => {
    socket.on("data", (chunk: Uint8Array) => seen.push(Buffer.from(chunk).toString("latin1")));
  });
  await withService(service.port, async ({ port, hub }) => {
    for (
      const body of [
        "5\nhello\r\n",
        "+5\r\nhello\r\n",
        "5\r\nhelloX\r\n",
        "0x5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        "fffffffffffffffff\r\n",
      ]
    ) {
      const { text } = await sendRaw(
        port,
        requestText("POST /", "Transfer-Encoding: chunked\r\n", `1\r\na\r\n${body}0\r\n\r\n`),
      );
      assert.equal(statusOf(text), 400, body);
    }
    await hub.metricBecomes("tunnel_streams_active", 0);
    assert.ok(seen.every((text) => !text.includes("0\r\n\r\n")), "no request was completed");
  });
});

/** What a byte-recording server got of a request, read by rules of its own: head lines and body. */
interface Recorded {
  readonly line: string;
  readonly fields: Map<string, string>;
  readonly body: string;
}

Deno.test("HTTP refusals: whatever is generated is refused, or arrives as exactly what was meant", async () => {
  const recorded: Recorded[] = [];
  await using service = await TcpService.start((socket) => {
    let text = "";
    socket.on("data", (chunk: Uint8Array) => {
      text += Buffer.from(chunk).toString("latin1");
      for (let request = readRecorded(text); request !== null; request = readRecorded(text)) {
        text = request.rest;
        recorded.push(request);
        socket.write(OK);
      }
    });
    socket.on("end", () => socket.end());
  });
  const name = fc.constantFrom(
    "X-A",
    "x-b",
    "Accept",
    "Cookie",
    "X_C",
    "Content-Type",
    "Transfer-Encoding",
    "Content-Length",
  );
  const value = fc.constantFrom("a", "", " b ", "chunked", "3", "3, 3", "a, b", "\xe4\xff", "\t c");
  const body = fc.constantFrom("", "abc", "3\r\nabc\r\n0\r\n\r\n", "abcGET / HTTP/1.1\r\n\r\n");
  const generated = fc.record({
    method: fc.constantFrom("GET", "POST", "PUT", "get", "G-T"),
    target: fc.constantFrom("/", "/a?b=c", "/%00", "//x", "/a/../b", "/;x"),
    fields: fc.array(fc.tuple(name, value), { maxLength: 4 }),
    body,
  });
  await withService(service.port, async ({ port }) => {
    await fc.assert(
      fc.asyncProperty(generated, async ({ method, target, fields, body }) => {
        // What is never complete is waited for.
        fc.pre(body.includes("\r\n") || fields.every(([name]) => !/^(Transfer|Content-L)/.test(name)));
        recorded.length = 0;
        const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
        const { text } = await sendRaw(port, requestText(`${method} ${target}`, lines, body));
        const framing = meaningOf(fields, body);
        if (framing === null) {
          assert.equal(statusOf(text), 400, text);
          assert.equal(recorded.length, 0);
          return;
        }
        const [one, ...more] = recorded;
        assert.ok(one !== undefined && more.length === 0, `${recorded.length} requests arrived: ${text}`);
        assert.equal(one.line, `${method} ${target} HTTP/1.1`);
        assert.equal(one.body, framing);
        for (const [name, value] of fields) {
          const key = name.toLowerCase();
          if (key === "transfer-encoding" || key === "content-length") continue;
          if (key.includes("_")) assert.ok(!one.fields.has(key));
          else assert.ok(one.fields.get(key)?.split("\n").includes(value.trim()), `${name} is lost`);
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** The body that a request means; `null` where that is open to opinion. */
function meaningOf(fields: readonly [string, string][], body: string): string | null {
  const all = (key: string) =>
    fields.filter(([name]) => name.toLowerCase() === key).map(([, value]) => value.trim());
  const [codings, lengths] = [all("transfer-encoding"), all("content-length")];
  if (codings.length > 0) {
    if (lengths.length > 0 || codings.length > 1 || codings[0] !== "chunked") return null;
    // A body that is no chunks is refused while it is read.
    return body.startsWith("3\r\nabc") ? "abc" : null;
  }
  if (lengths.length === 0) return "";
  if (lengths.length > 1 || lengths[0] !== "3") return null;
  // A request whose body never comes is none.
  return body.length >= 3 ? body.slice(0, 3) : null;
}

function readRecorded(text: string): (Recorded & { rest: string }) | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [line = "", ...rest] = text.slice(0, end).split("\r\n");
  const fields = new Map<string, string>();
  for (const one of rest) {
    const [name = "", ...value] = one.split(":");
    const key = name.toLowerCase();
    const before = fields.get(key);
    fields.set(key, before === undefined ? value.join(":").trim() : `${before}\n${value.join(":").trim()}`);
  }
  const after = text.slice(end + 4);
  const length = Number(fields.get("content-length") ?? 0);
  if (fields.get("transfer-encoding") === undefined) {
    return after.length < length
      ? null
      : { line, fields, body: after.slice(0, length), rest: after.slice(length) };
  }
  const match = /^((?:[0-9a-f]+\r\n[^\r]*\r\n)*?)0\r\n\r\n/.exec(after);
  if (match === null) return null;
  const body = (match[1] ?? "").replace(/[0-9a-f]+\r\n([^\r]*)\r\n/g, "$1");
  return { line, fields, body, rest: after.slice(match[0].length) };
}
