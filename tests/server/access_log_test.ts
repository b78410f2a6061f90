/** The lines of the access log. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { DenoProcess, taskArguments } from "../helpers/process.ts";
import { freePort } from "../helpers/free_port.ts";
import { Visitor } from "../helpers/tcp_echo.ts";
import { rawService, requestText, sendRaw } from "../tunnel/http_scene.ts";
import { accessLine } from "../../src/server/access_log.ts";
import type { ExchangeRecord } from "../../src/tunnel/exchange_record.ts";
import type { HttpFields } from "../../src/wire/http_fields.ts";
import { RequestReader } from "../../src/wire/http_head.ts";

/** The fields of a request with these values. */
function fieldsOf(values: Readonly<Record<string, string>>): HttpFields {
  const lines = Object.entries(values).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const bytes = Uint8Array.from(Buffer.from(`GET / HTTP/1.1\r\n${lines}\r\n`, "latin1"));
  const result = new RequestReader().feed(bytes);
  assert.ok(result.kind === "head");
  return result.head.fields;
}

const RECORD: ExchangeRecord = {
  ip: "192.0.2.1",
  method: "GET",
  target: "/a?b",
  minor: 1,
  host: "app.localhost:8080",
  tunnel: "edge/web",
  status: 200,
  bytesIn: 3,
  bytesOut: 42,
  atMs: Date.UTC(2026, 0, 9, 5, 6, 7),
  durationMs: 12.6,
  waitedMs: 3.4,
  requestId: "id",
  fields: fieldsOf({ Referer: "http://r/", "User-Agent": "curl/8" }),
  isWhole: true,
};

Deno.test("Access log: a line of the Common Log Format with referer and user agent", () => {
  assert.equal(
    accessLine(RECORD, "common"),
    '192.0.2.1 - - [09/Jan/2026:05:06:07 +0000] "GET /a?b HTTP/1.1" 200 42 "http://r/" "curl/8"',
  );
  const gone = accessLine({ ...RECORD, ip: "", status: 0, bytesOut: 0, fields: null, minor: 0 }, "common");
  assert.equal(gone, '- - - [09/Jan/2026:05:06:07 +0000] "GET /a?b HTTP/1.0" 499 0 "-" "-"');
});

Deno.test("Access log: nothing of a visitor ends a line, a quoted part, or drives a terminal", () => {
  // What a head may hold at most: quotes, tabs, and what some terminals take for escapes.
  const fields = fieldsOf({ Referer: 'a"b\\', "User-Agent": "a\tb\x9b2J\xe4" });
  const line = accessLine({ ...RECORD, target: '/"', fields }, "common");
  assert.ok(line.endsWith(String.raw`"GET /\x22 HTTP/1.1" 200 42 "a\x22b\x5c" "a\x09b\x9b2J\xe4"`), line);
  const control = accessLine({ ...RECORD, target: "/\x1b[2J\r\n\x7f" }, "common");
  assert.ok(control.includes(String.raw`"GET /\x1b[2J\x0d\x0a\x7f HTTP/1.1"`), control);
  const json = accessLine({ ...RECORD, target: "/\r\n\x1b" }, "json");
  for (const character of ["\r", "\n", "\x1b"]) assert.ok(!json.includes(character));
});

Deno.test("Access log: a line of JSON with everything", () => {
  assert.deepEqual(JSON.parse(accessLine(RECORD, "json")), {
    time: "2026-01-09T05:06:07.000Z",
    ip: "192.0.2.1",
    method: "GET",
    host: "app.localhost:8080",
    target: "/a?b",
    protocol: "HTTP/1.1",
    tunnel: "edge/web",
    status: 200,
    bytesIn: 3,
    bytesOut: 42,
    ms: 13,
    firstByteMs: 3,
    requestId: "id",
    referer: "http://r/",
    userAgent: "curl/8",
    complete: true,
  });
  const never = JSON.parse(accessLine({ ...RECORD, waitedMs: null, isWhole: false }, "json"));
  assert.deepEqual([never.firstByteMs, never.complete], [null, false]);
});

Deno.test("Access log: a hub writes a line for each request, those that it refuses and those that broke off too", async () => {
  const [hubPort, publicPort] = [freePort(), freePort()];
  const settings = [
    `hub.listen=127.0.0.1:${hubPort}`,
    `public.listen=127.0.0.1:${publicPort}`,
    "public.access_log=json",
    "metrics.enabled=false",
  ];
  const args = [...await taskArguments("start"), ...settings.flatMap((one) => ["--set", one])];
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  await using service = await rawService((socket, head) => {
    if (head.includes("GET /never ")) return onAsked();
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  await using hub = new DenoProcess(args);
  await using edge = new TunnelAgent(
    `tcp://127.0.0.1:${hubPort}`,
    `[{ name: web, kind: http, local: ${service.port}, subdomain: app }]`,
  );
  await edge.reached("web", "up");
  const nextLine = async () => {
    for (;;) {
      const text = await hub.nextLine();
      if (!text.startsWith('{"time":')) continue;
      const { method, target, status, bytesIn, bytesOut, tunnel, complete } = JSON.parse(text);
      return [method, target, status, bytesIn, bytesOut, tunnel, complete];
    }
  };
  await sendRaw(publicPort, requestText("POST /a?b", "Content-Length: 3\r\n", "abc"));
  assert.deepEqual(await nextLine(), ["POST", "/a?b", 200, 3, 2, "web", true]);
  await sendRaw(publicPort, "GET / HTTP/1.1\r\nHost: nobody.localhost\r\nConnection: close\r\n\r\n");
  assert.deepEqual(await nextLine(), ["GET", "/", 404, 0, 0, null, true]);
  await sendRaw(publicPort, "no request\r\n\r\n");
  assert.deepEqual(await nextLine(), ["-", "-", 400, 0, 0, null, true]);
  await using visitor = await Visitor.at(publicPort);
  visitor.socket.write(requestText("GET /never"));
  await asked;
  visitor.socket.resetAndDestroy();
  assert.deepEqual(await nextLine(), ["GET", "/never", 0, 0, 0, "web", false]);
});
