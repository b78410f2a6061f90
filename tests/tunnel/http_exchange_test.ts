/** Exchanges with services and visitors that do not keep to what they said. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { DEFAULT_BOUNDS } from "../../src/agent/session_limits.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { answerOf } from "../../src/tunnel/http_exchange.ts";
import { visit } from "../helpers/http_visit.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { fixedService, HOST, rawService, requestText, sendRaw, statusOf, withService } from "./http_scene.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Deno.test("HTTP exchange: a service that answers twice answers only one of two requests that came together", async () => {
  await using service = await rawService((socket, head) => {
    const path = / (\S+) /.exec(head)?.[1] ?? "";
    const answer = (text: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    socket.write(answer(`to ${path}`) + answer("to nobody"));
  });
  await withService(service.port, async ({ port, hub }) => {
    const one = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n${more}\r\n`;
    const { text } = await sendRaw(port, one("/1") + one("/2") + one("/3", "Connection: close\r\n"));
    assert.deepEqual([...text.matchAll(/to \S+?(?=HTTP|$)/g)].map(([found]) => found), [
      "to /1",
      "to /2",
      "to /3",
    ]);
    await hub.metricBecomes("tunnel_streams_active", 0);
  });
});

Deno.test("HTTP exchange: a head in a head is 502", async () => {
  for (const answer of [`HTTP/1.1 200 OK\r\n${OK}`, `HTTP/1.1 200 OK\r\nX: a\r\n${OK}`]) {
    const { service } = await fixedService(answer);
    await using _service = service;
    await withService(service.port, async ({ port }) => {
      assert.equal(statusOf((await sendRaw(port, requestText("GET /"))).text), 502, answer);
    });
  }
});

Deno.test("HTTP exchange: an answer that is longer than it says is cut at what it says, on a connection used no more", async () => {
  let connections = 0;
  await using service = await TcpService.start((socket) => {
    connections++;
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more"));
  });
  await withService(service.port, async ({ port }) => {
    for (let times = 1; times <= 3; times++) {
      assert.equal((await visit(port, { host: HOST })).text, "ok");
      assert.equal(connections, times);
    }
  });
});

Deno.test("HTTP exchange: a visitor's trailers arrive, but for those that mean something before the body", async () => {
  let got = "";
  await using service = await TcpService.start((socket) => {
    socket.on("data", (chunk: Uint8Array) => {
      got += Buffer.from(chunk).toString("latin1");
      if (got.endsWith("\r\n\r\n") && got.includes("\r\n0\r\n")) socket.write(OK);
    });
  });
  await withService(service.port, async ({ port }) => {
    const trailers = "X-Sum: 1\r\nAuthorization: me\r\nContent-Length: 9\r\nHost: b\r\nX_Y: z\r\n";
    const body = `3;a=b\r\nabc\r\n0\r\n${trailers}\r\n`;
    const { text } = await sendRaw(port, requestText("POST /", "Transfer-Encoding: chunked\r\n", body));
    assert.equal(statusOf(text), 200);
    assert.ok(got.endsWith("\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"), got);
  });
});

Deno.test("HTTP exchange: more requests than the agent takes are 429 with a time to come back, until one is over", async () => {
  const waiting: (() => void)[] = [];
  let onAsked = () => {};
  await using service = await rawService((socket, head) => {
    if (head.startsWith("GET /now")) return void socket.write(OK);
    waiting.push(() => socket.write(OK));
    onAsked();
  });
  await using hub = await TestHub.start();
  const tunnels = `[{ name: web, kind: http, local: ${service.port}, subdomain: app }]`;
  const bounds = { ...DEFAULT_BOUNDS, maxStreams: 2 };
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, tunnels, { bounds });
  await edge.reached("web", "up");
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  onAsked = () => waiting.length === 2 ? resolve() : undefined;
  const slow = [1, 2].map(() => visit(hub.publicPort, { host: HOST }));
  await asked;
  await using visitor = await Visitor.at(hub.publicPort);
  visitor.socket.write(`GET /now HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  while (!visitor.text.includes("request ")) await visitor.got(visitor.bytes.length + 1);
  assert.match(visitor.text, /^HTTP\/1\.1 429 Too Many Requests\r\n[^]*\r\nRetry-After: 1\r\n/);
  for (const answer of waiting) answer();
  for (const { text } of await Promise.all(slow)) assert.equal(text, "ok");
  await hub.metricBecomes("tunnel_streams_active", 0);
  visitor.socket.write(requestText("GET /now"));
  await visitor.all;
  assert.ok(visitor.text.endsWith("ok"), "the connection was kept");
});

Deno.test("HTTP exchange: the largest head that a visitor may send arrives, in fields and in bytes", async () => {
  const { service } = await fixedService(OK);
  await using _service = service;
  for (const settings of [[], ["public.trusted_proxies=[127.0.0.0/8]"]]) {
    await withService(service.port, async ({ port }) => {
      // Two more fields are in each request.
      const many = "X-Forwarded-For: 1\r\n".repeat(49) + "X: 1\r\n".repeat(49);
      assert.equal(statusOf((await sendRaw(port, requestText("GET /", many))).text), 200);
      const more = `${many}X: 1\r\n`;
      assert.equal(statusOf((await sendRaw(port, requestText("GET /", more))).text), 431);
      const bytes = 64 * 1024 - requestText("GET /", "X: \r\n").length;
      for (const [over, status] of [[0, 200], [1, 431]] as const) {
        const large = requestText("GET /", `X: ${"a".repeat(bytes + over)}\r\n`);
        assert.equal(statusOf((await sendRaw(port, large)).text), status);
      }
    }, { settings });
  }
});

Deno.test("HTTP exchange: why a stream was not opened, or ended, is told by the status", () => {
  const statuses = Object.fromEntries(
    Object.entries(StreamCode).map(([name, code]) => [name, answerOf({ code, origin: "peer" }).status]),
  );
  assert.deepEqual(statuses, {
    cancelled: 502,
    localRefused: 502,
    localTimeout: 504,
    localReset: 502,
    localBroken: 502,
    notAllowed: 403,
    overLimit: 429,
    unknownTunnel: 404,
    draining: 503,
    idle: 504,
    internal: 502,
  });
  assert.equal(answerOf({ code: StreamCode.overLimit, origin: "link" }).status, 502);
});
