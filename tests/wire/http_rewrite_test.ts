/** What of a head is passed on. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type BodyFraming, requestFraming } from "../../src/wire/http_body.ts";
import { HttpFields } from "../../src/wire/http_fields.ts";
import {
  FORWARDED_LIMITS,
  type HttpRequestHead,
  type HttpResponseHead,
  isRefusal,
  MAX_FIELDS,
  MAX_HEAD_BYTES,
  parseFields,
  RequestReader,
  ResponseReader,
} from "../../src/wire/http_head.ts";
import {
  forwardRequest,
  forwardResponse,
  forwardTrailers,
  requestIdOf,
  type VisitorInfo,
  VisitorLines,
  wantsToStay,
  withHost,
} from "../../src/wire/http_rewrite.ts";
import { TargetReader } from "../../src/wire/http_target.ts";

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const VISITOR: VisitorInfo = { ip: "192.0.2.1", protocol: "https", isTrusted: false };
/** What the hub says of that visitor. */
const SAID = 'Forwarded: for=192.0.2.1;host="a";proto=https\r\nX-Forwarded-For: 192.0.2.1\r\n' +
  "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nX-Real-IP: 192.0.2.1\r\nX-Request-Id: id\r\n";

function requestOf(fields: string, line = "GET / HTTP/1.1"): HttpRequestHead {
  const result = new RequestReader().feed(bytesOf(`${line}\r\nHost: a\r\n${fields}\r\n`));
  assert.ok(result.kind === "head");
  return result.head;
}

function responseOf(text: string): HttpResponseHead {
  const result = new ResponseReader().feed(bytesOf(`${text}\r\n`));
  assert.ok(result.kind === "head");
  return result.head;
}

function fieldsOf(lines: string): HttpFields {
  const parsed = parseFields(bytesOf(`${lines}\r\n`), 0);
  assert.ok(!isRefusal(parsed));
  return parsed.fields;
}

function forward(request: HttpRequestHead, visitor: Partial<VisitorInfo> = {}) {
  const [target, framing] = [new TargetReader().read(request), requestFraming(request)];
  assert.ok(!isRefusal(target) && !isRefusal(framing));
  const lines = new VisitorLines({ ...VISITOR, ...visitor });
  return forwardRequest(request, { target, framing, visitor: lines, requestId: "id" });
}

/** The head that the service gets. */
function passedOn(fields: string, visitor: Partial<VisitorInfo> = {}): string {
  const result = forward(requestOf(fields), visitor);
  assert.ok(!isRefusal(result));
  return textOf(result.head);
}

Deno.test("HTTP rewrite: a request without what is meant for one connection, and with who visits", () => {
  const head = passedOn(
    "X-A: b\r\nConnection: x-mine, keep-alive\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: p\r\n" +
      "TE: gzip\r\nTrailer: X\r\nX_A: c\r\nAuthorization: kept\r\n",
  );
  assert.equal(head, `GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\nAuthorization: kept\r\n${SAID}\r\n`);
});

Deno.test("HTTP rewrite: what a visitor says of itself counts only where it is trusted", () => {
  const said = "Forwarded: for=9.9.9.9\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 8.8.8.8\r\n" +
    "X-Forwarded-Proto: ftp\r\nX-Forwarded-Host: b\r\nX-Real-IP: 9.9.9.9\r\nX-Request-Id: x\r\n";
  assert.ok(passedOn(said).endsWith(`\r\n${SAID}\r\n`));
  const trusted = passedOn(said, { isTrusted: true });
  assert.match(trusted, /Forwarded: for=9\.9\.9\.9, for=192\.0\.2\.1;host="a";proto=https\r\n/);
  assert.match(trusted, /X-Forwarded-For: 9\.9\.9\.9, 8\.8\.8\.8, 192\.0\.2\.1\r\n/);
  assert.match(trusted, /X-Forwarded-Proto: ftp\r\nX-Forwarded-Host: b\r\nX-Real-IP: 9\.9\.9\.9\r\n/);
  assert.match(passedOn("", { ip: "2001:db8::1" }), /Forwarded: for="\[2001:db8::1\]";host="a"/);
});

Deno.test("HTTP rewrite: a field that Connection names is for one connection, whatever it is called", () => {
  const head = passedOn("Connection: close, x-Mine\r\nClose: 1\r\nX-Mine: 2\r\nX-Kept: 3\r\n");
  assert.ok(!head.includes("Close:") && !head.includes("X-Mine:") && head.includes("X-Kept: 3\r\n"), head);
});

Deno.test("HTTP rewrite: the id of a request is believed of the trusted, if it is one", () => {
  const idOf = (id: string, isTrusted: boolean) => {
    const fields = fieldsOf(`X-Request-Id: ${id}\r\n`);
    return requestIdOf(fields, isTrusted);
  };
  assert.equal(idOf("a-1", true), "a-1");
  assert.equal(idOf("a-1", false), null);
  for (const id of ["", "a b", "a\xe4", "a".repeat(129)]) assert.equal(idOf(id, true), null, id);
  assert.equal(requestIdOf(new HttpFields(), true), null);
});

Deno.test("HTTP rewrite: another protocol is asked for by both fields, over HTTP/1.1, and by a name", () => {
  const upgradeOf = (fields: string, line?: string) => {
    const result = forward(requestOf(fields, line));
    assert.ok(!isRefusal(result));
    const isPassedOn = /\r\nUpgrade: .*\r\nConnection: .*Upgrade/.test(textOf(result.head));
    assert.equal(isPassedOn, result.upgrade !== null, fields);
    return result.upgrade;
  };
  assert.equal(upgradeOf("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"), "websocket");
  assert.equal(upgradeOf("Connection: upgrade\r\nUpgrade: a/1\r\nUpgrade: b\r\n"), "a/1, b");
  assert.equal(upgradeOf("Upgrade: websocket\r\n"), null);
  assert.equal(upgradeOf("Connection: upgrade\r\n"), null);
  assert.equal(upgradeOf("Connection: upgrade\r\nUpgrade: websocket\r\n", "GET / HTTP/1.0"), null);
  for (const nothing of ["", ",", " , \t,"]) {
    assert.equal(upgradeOf(`Connection: upgrade\r\nUpgrade:${nothing}\r\n`), null, "a name that is none");
  }
});

Deno.test("HTTP rewrite: requests that cannot be passed on are refused with their status", () => {
  const statusOf = (fields: string, line?: string) => {
    const result = forward(requestOf(fields, line));
    return isRefusal(result) ? result.status : null;
  };
  assert.equal(statusOf("Connection: Content-Length\r\n"), 400);
  assert.equal(statusOf("Connection: close, HOST\r\n"), 400);
  assert.equal(statusOf("Upgrade: H2C\r\n"), 400);
  assert.equal(statusOf("Upgrade: websocket, h2c\r\n"), 400);
  assert.equal(statusOf("Expect: miracles\r\n"), 417);
  assert.equal(statusOf("Expect: 100-Continue\r\n"), null);
  assert.equal(statusOf("Expect: miracles\r\n", "GET / HTTP/1.0"), null, "HTTP/1.0 has no Expect");
});

Deno.test("HTTP rewrite: what goes with a body is said anew", () => {
  assert.match(passedOn("Content-Length: 007\r\n"), /\r\nContent-Length: 7\r\n\r\n$/);
  assert.match(passedOn("Transfer-Encoding: Chunked\r\n"), /\r\nTransfer-Encoding: chunked\r\n\r\n$/);
  assert.match(
    passedOn("Expect: 100-continue\r\nContent-Length: 1\r\n"),
    /\r\nExpect: 100-continue\r\nContent-/,
  );
  assert.match(passedOn("TE: trailers, gzip\r\n"), /\r\nTE: trailers\r\nConnection: TE\r\n\r\n$/);
});

Deno.test("HTTP rewrite: a response says how it ends and whether the connection stays", () => {
  const text = (head: string, framing: BodyFraming, minor: 0 | 1 = 1, isKept = true) =>
    textOf(forwardResponse(responseOf(head), { framing, minor, isKept }));
  const head = "HTTP/1.0 200 Fine\r\nContent-Length: 5\r\nConnection: x-a\r\nX-A: b\r\nSet-Cookie: c\r\n";
  const length = { kind: "length", bytes: 5 } as const;
  assert.equal(text(head, length), "HTTP/1.1 200 Fine\r\nSet-Cookie: c\r\nContent-Length: 5\r\n\r\n");
  assert.match(text(head, length, 1, false), /Content-Length: 5\r\nConnection: close\r\n\r\n$/);
  assert.match(text(head, length, 0), /Content-Length: 5\r\nConnection: keep-alive\r\n\r\n$/);
  assert.match(text(head, { kind: "chunked" }), /\r\nTransfer-Encoding: chunked\r\n\r\n$/);
  assert.match(text(head, { kind: "until_close" }, 0, false), /Set-Cookie: c\r\nConnection: close\r\n\r\n$/);
  const none = { kind: "none" } as const;
  assert.match(text(head, none), /\r\nContent-Length: 5\r\n\r\n$/, "the length of a body that is not sent");
  const empty = "HTTP/1.1 204 None\r\nContent-Length: 5\r\n";
  assert.equal(text(empty, none), "HTTP/1.1 204 None\r\n\r\n");
  assert.equal(
    text("HTTP/1.1 103 Hints\r\nLink: a\r\n", none, 1, false),
    "HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n",
  );
  const other = "HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: Upgrade, X\r\nX: y\r\n";
  assert.equal(text(other, none), "HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
});

Deno.test("HTTP rewrite: who stays says so by its version and its options", () => {
  const stays = (minor: 0 | 1, value?: string) => {
    const fields = fieldsOf(value === undefined ? "" : `Connection: ${value}\r\n`);
    return wantsToStay({ minor, fields });
  };
  assert.deepEqual([stays(1), stays(1, "Close"), stays(1, "a, close")], [true, false, false]);
  assert.deepEqual([stays(0), stays(0, "Keep-Alive"), stays(0, "keep-alive, close")], [false, true, false]);
});

Deno.test("HTTP rewrite: the service is told another host, and nothing else is touched", () => {
  const head = bytesOf(`GET /\xe4 HTTP/1.1\r\nHost: a\r\nX-Host: Host: b\r\n\r\n`);
  const text = "GET /\xe4 HTTP/1.1\r\nHost: inside:8080\r\nX-Host: Host: b\r\n\r\n";
  assert.equal(textOf(withHost(head, "inside:8080")), text);
});

Deno.test("HTTP rewrite: behind a body stands nothing that means something before it", () => {
  const names = [
    "X-Sum",
    "Host",
    "Content-Length",
    "transfer-encoding",
    "Authorization",
    "Set-Cookie",
    "X_Y",
  ];
  const fields = fieldsOf([...names, "Server-Timing"].map((name) => `${name}: 1\r\n`).join(""));
  assert.equal(forwardTrailers(fields), "X-Sum: 1\r\nServer-Timing: 1\r\n");
});

/** A head with as many fields and bytes as there may be; `every` of its fields is repeated. */
function largestHead(every: string): HttpRequestHead {
  const name = `${"a".repeat(61)}.`.repeat(4).slice(0, 247);
  const begin = `GET http://${name}:65535?x HTTP/1.1\r\nHost:${name}:65535\r\n` +
    "Connection:upgrade,te\r\nUpgrade:a\r\nTE:trailers\r\nExpect:100-continue\r\nTransfer-Encoding:chunked\r\n";
  const fields = every.repeat(MAX_FIELDS - 7);
  const last = MAX_HEAD_BYTES - begin.length - fields.length - "X:\r\n\r\n".length;
  const result = new RequestReader().feed(bytesOf(`${begin}${fields}X:${"x".repeat(last)}\r\n\r\n`));
  assert.ok(result.kind === "head", JSON.stringify(result));
  assert.equal(result.head.fields.length, MAX_FIELDS);
  return result.head;
}

Deno.test("HTTP rewrite: what is passed on of the largest request is within the limits of who gets it", () => {
  const repeated = ["Y:1\r\n", "X-Forwarded-For:1\r\n", "Forwarded:for=1\r\n", "X-Real-IP:a\r\n", "Z:\r\n"];
  const ip = "1111:2222:3333:4444:5555:6666:7777:8888";
  for (const every of repeated) {
    for (const isTrusted of [false, true]) {
      const request = largestHead(every);
      const [target, framing] = [new TargetReader().read(request), requestFraming(request)];
      assert.ok(!isRefusal(target) && !isRefusal(framing));
      const visitor = new VisitorLines({ ip, protocol: "https", isTrusted });
      const requestId = "i".repeat(128);
      const forwarded = forwardRequest(request, { target, framing, visitor, requestId });
      assert.ok(!isRefusal(forwarded));
      const read = new RequestReader(FORWARDED_LIMITS).feed(forwarded.head);
      assert.equal(read.kind, "head", `${every} ${isTrusted} ${forwarded.head.length}`);
    }
  }
});
