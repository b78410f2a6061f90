/** Dialling through an HTTP proxy that takes CONNECT. */
import assert from "node:assert/strict";
import { createDevelopmentCertificates } from "../../src/cli/dev_certificates.ts";
import type { Proxy } from "../../src/agent/proxy_choice.ts";
import { freePort } from "../helpers/free_port.ts";
import { fieldOf, SocketServer } from "../helpers/socket_server.ts";
import { ConnectProxy } from "./connect_proxy.ts";
import { dialFirst, echoed, failureOfDial, targetOf } from "./dialling.ts";
import { echo, echoFrames } from "./frame_servers.ts";

// A name that only the proxy can resolve.
const HOST = "hub.test";
const { ca, server } = await createDevelopmentCertificates({ hosts: [HOST], days: 1 });
const TLS = { cert: server.certPem, key: server.keyPem };
const BYTES = new Uint8Array(70_000).map((_, i) => i * 7);

/** What is told when this proxy stands on the way to a hub. */
async function failureBy(proxy: Proxy, { scheme = "tls", connectTimeoutMs = 30_000 } = {}): Promise<string> {
  const error = await failureOfDial(targetOf(`${scheme}://${HOST}:8443`, { proxy, connectTimeoutMs }));
  assert.equal(error.code, "unreachable");
  return error.message;
}

Deno.test("Dial by proxy: every scheme gets through, and TLS is with the hub", async () => {
  await using proxy = await ConnectProxy.open();
  for (const [scheme, tls] of [["tcp", undefined], ["tls", TLS], ["ws", undefined], ["wss", TLS]] as const) {
    const serve = scheme === "ws" || scheme === "wss" ? echoFrames([]) : echo;
    await using hub = await SocketServer.open(serve, tls);
    const target = targetOf(`${scheme}://${HOST}:${hub.port}`, { ca: ca.certPem, proxy: proxy.proxy });
    assert.deepEqual(await echoed(await dialFirst(target), BYTES), BYTES, scheme);
    const head = proxy.heads.at(-1) ?? "";
    assert.match(head, new RegExp(`^CONNECT hub\\.test:${hub.port} HTTP/1\\.1\r\n`));
    assert.equal(fieldOf(head, "Host"), `hub.test:${hub.port}`);
    assert.equal(fieldOf(head, "Proxy-Authorization"), null);
  }
  assert.equal(proxy.heads.length, 4);
});

Deno.test("Dial by proxy: a proxy cannot stand in for the hub", async () => {
  const others = await createDevelopmentCertificates({ hosts: [HOST], days: 1 });
  await using thief = await SocketServer.open(echo, {
    cert: others.server.certPem,
    key: others.server.keyPem,
  });
  await using proxy = await ConnectProxy.open();
  const target = targetOf(`tls://${HOST}:${thief.port}`, { ca: ca.certPem, proxy: proxy.proxy });
  assert.match((await failureOfDial(target)).message, /TLS failed/);
});

Deno.test("Dial by proxy: user and password are sent, and a proxy that wants others says so", async () => {
  const authorization = `Basic ${btoa("me:secret")}`;
  await using proxy = await ConnectProxy.open((head) =>
    fieldOf(head, "Proxy-Authorization") === authorization
      ? null
      : 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n'
  );
  await using hub = await SocketServer.open(echo);
  const url = `tcp://${HOST}:${hub.port}`;
  const dialled = await dialFirst(targetOf(url, { proxy: { ...proxy.proxy, authorization } }));
  assert.deepEqual(await echoed(dialled, BYTES), BYTES);
  assert.match(await failureBy(proxy.proxy), /HTTP 407; give user and password in its URL/);
  const wrong = await failureBy({ ...proxy.proxy, authorization: "Basic hidden" });
  assert.match(wrong, /HTTP 407; see that user and password/);
  assert.doesNotMatch(wrong, /hidden/);
});

Deno.test("Dial by proxy: refusals are told with what to do next", async () => {
  const cases: [status: number, message: RegExp][] = [
    [403, /HTTP 403; see that it allows CONNECT to hub\.test:8443$/],
    [405, /see that it allows CONNECT/],
    [502, /HTTP 502; it cannot reach hub\.test:8443; see that the hub runs there$/],
    [504, /it cannot reach/],
    [101, /HTTP 101/],
    [302, /HTTP 302/],
  ];
  for (const [status, message] of cases) {
    await using proxy = await ConnectProxy.open(() => `HTTP/1.1 ${status} No\r\n\r\n<html>`);
    const said = await failureBy(proxy.proxy);
    assert.match(
      said,
      /^Cannot reach the hub at tls:\/\/hub\.test:8443: the proxy 127\.0\.0\.1:\d+ answered HTTP/,
    );
    assert.match(said, message);
  }
});

Deno.test("Dial by proxy: one that is down, no proxy, endless, or gone in the middle is told as the proxy", async () => {
  const down = { host: "127.0.0.1", port: freePort(), authorization: null };
  assert.match(await failureBy(down), /the proxy 127\.0\.0\.1:\d+ refused the connection/);
  const nowhere = { host: "nowhere.invalid", port: 1, authorization: null };
  assert.match(await failureBy(nowhere), /no address is known for nowhere\.invalid/);
  for (
    const [answer, message] of [
      ["SOCKS? no", /the proxy .* is not what it should be: it does not speak HTTP\/1\.1/],
      [new Uint8Array(100_000), /does not speak HTTP\/1\.1/],
      [`HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(101)}\r\n`, /more than 100 fields/],
      [`HTTP/1.1 200 OK\r\nX: ${"y".repeat(20_000)}`, /longer than 16384 bytes/],
      ["HTTP/1.1 200 OK\r\nbroken\r\n\r\n", /a field of its answer is malformed/],
      ["HTTP/1.1 200 OK\r\n", /the proxy .* closed the connection before it answered/],
      ["", /the proxy .* closed the connection before it answered/],
    ] as const
  ) {
    await using proxy = await ConnectProxy.open(() => answer);
    assert.match(await failureBy(proxy.proxy), message);
  }
});

Deno.test("Dial by proxy: one that hangs, before its answer or behind it, is given up after the time-out", async () => {
  await using silent = await SocketServer.open((socket) => void socket.resume());
  const proxy = { host: "127.0.0.1", port: silent.port, authorization: null };
  const said = await failureBy(proxy, { connectTimeoutMs: 30 });
  assert.match(said, /nothing came within 30ms of an answer of the proxy 127\.0\.0\.1:\d+$/);
  await using half = await SocketServer.open((socket) =>
    void socket.resume().write("HTTP/1.1 200 OK\r\n\r\n")
  );
  const behind = { host: "127.0.0.1", port: half.port, authorization: null };
  assert.match(await failureBy(behind, { connectTimeoutMs: 30 }), /nothing came within 30ms of TLS$/);
});

Deno.test("Dial by proxy: bytes behind its answer are the hub's where they can be", async () => {
  const greeting = "HTTP/1.1 200 OK\r\n\r\nhello";
  await using early = await SocketServer.open((socket) => void socket.resume().write(greeting));
  const proxy = { host: "127.0.0.1", port: early.port, authorization: null };
  const { head, link } = await dialFirst(targetOf(`tcp://${HOST}:1`, { proxy }));
  assert.equal(new TextDecoder().decode(head), "hello");
  link.socket.destroy();
  assert.match(await failureBy(proxy, { scheme: "tls" }), /the proxy sent bytes of its own/);
  assert.match(await failureBy(proxy, { scheme: "ws" }), /does not speak HTTP\/1\.1/);
});
