/** HTTP through a tunnel: what was meant is what arrives, and what is answered flows back. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createHash } from "node:crypto";
import type { AddressInfo } from "node:net";
import { visit } from "../helpers/http_visit.ts";
import { Visitor } from "../helpers/tcp_echo.ts";
import {
  fixedService,
  HOST,
  type HttpScene,
  rawService,
  requestText,
  sendRaw,
  statusOf,
  withService,
} from "./http_scene.ts";

const MIB = 1024 * 1024;

/** Runs a scene with a real HTTP server behind it. */
async function withServer(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  use: (scene: HttpScene) => Promise<void>,
  options: { settings?: readonly string[]; more?: string } = {},
): Promise<void> {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await withService((server.address() as AddressInfo).port, use, options);
  } finally {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

Deno.test("HTTP tunnel: every method, with and without a body, as it was sent", async () => {
  const handler = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await bodyOf(request);
    response.setHeader("x-method", request.method ?? "");
    response.end(request.method === "HEAD" ? "" : `${request.url} ${body}`);
  };
  await withServer(handler, async ({ port }) => {
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      const body = ["POST", "PUT", "PATCH"].includes(method) ? "a body" : "";
      const { status, headers, text } = await visit(port, { host: HOST, method, path: "/a%20b?c=d", body });
      assert.deepEqual([status, headers["x-method"]], [200, method]);
      assert.equal(text, method === "HEAD" ? "" : `/a%20b?c=d ${body}`);
    }
  });
});

Deno.test("HTTP tunnel: the service is told who visits, and only by the hub", async () => {
  const told = async (settings: readonly string[]) => {
    let headers: Record<string, unknown> = {};
    await withServer((request, response) => {
      headers = request.headers;
      response.end();
    }, async ({ port }) => {
      await visit(port, {
        host: `${HOST}:80`,
        headers: {
          "x-forwarded-for": "1.2.3.4",
          "x-forwarded-proto": "https",
          "forwarded": "for=1.2.3.4",
          "x-real-ip": "1.2.3.4",
          "x-request-id": "mine",
          "x_forwarded_for": "6.6.6.6",
          "te": "trailers",
          "keep-alive": "x",
          "proxy-authorization": "secret",
        },
      });
    }, { settings });
    const { forwarded, host, te } = headers;
    const names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"];
    assert.ok(
      !("x_forwarded_for" in headers) && !("proxy-authorization" in headers) && !("keep-alive" in headers),
    );
    assert.deepEqual([host, te], [`${HOST}:80`, "trailers"]);
    return [...names.map((name) => headers[name]), forwarded, headers["x-request-id"]];
  };
  const [ip, proto, host, real, forwarded, id] = await told([]);
  assert.deepEqual([ip, proto, host, real], ["127.0.0.1", "http", `${HOST}:80`, "127.0.0.1"]);
  assert.equal(forwarded, `for=127.0.0.1;host="${HOST}:80";proto=http`);
  assert.match(String(id), /^[0-9a-f-]{36}$/);
  const trusted = await told(["public.trusted_proxies=[127.0.0.0/8]"]);
  assert.deepEqual(trusted.slice(0, 4), ["1.2.3.4, 127.0.0.1", "https", `${HOST}:80`, "1.2.3.4"]);
  assert.equal(trusted[4], `for=1.2.3.4, for=127.0.0.1;host="${HOST}:80";proto=http`);
  assert.equal(trusted[5], "mine");
});

Deno.test("HTTP tunnel: pipelined requests are answered in their order, on one connection", async () => {
  await withServer((request, response) => {
    // The first takes the longest.
    setTimeout(() => response.end(request.url), request.url === "/0" ? 50 : 0);
  }, async ({ port }) => {
    const paths = Array.from({ length: 10 }, (_, at) => `/${at}`);
    const last = paths.length - 1;
    const requests = paths.map((path, at) =>
      `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n${at === last ? "Connection: close\r\n" : ""}\r\n`
    );
    const { text, code } = await sendRaw(port, requests.join(""));
    const bodies = text.split("HTTP/1.1 200 OK\r\n").slice(1).map((one) => one.split("\r\n\r\n")[1]);
    assert.deepEqual([bodies, code], [paths, null]);
  });
});

Deno.test("HTTP tunnel: each request of a connection goes where its own host leads", async () => {
  await withServer((request, response) => response.end(request.headers.host), async ({ port }) => {
    const one = (host: string, more = "") => `GET / HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
    const { text } = await sendRaw(
      port,
      one(HOST) + one("other.localhost") + one(HOST.toUpperCase(), "Connection: close\r\n"),
    );
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1]);
    assert.deepEqual(statuses, ["200", "404", "200"]);
  });
});

Deno.test("HTTP tunnel: a large body up and down is whole, in bounded memory", async () => {
  const size = 256 * MIB;
  const chunk = crypto.getRandomValues(new Uint8Array(64 * 1024));
  const hashOf = () => createHash("sha256");
  const expected = hashOf();
  for (let at = 0; at < size; at += chunk.length) expected.update(chunk);
  const digest = expected.digest("hex");
  await withServer(async (request, response) => {
    if (request.method === "POST") {
      const hash = hashOf();
      for await (const part of request) hash.update(part);
      return void response.end(hash.digest("hex"));
    }
    for (let at = 0; at < size; at += chunk.length) {
      if (!response.write(chunk)) await once(response, "drain");
    }
    response.end();
  }, async ({ port, hub }) => {
    await using up = await Visitor.at(port);
    up.socket.write(
      `POST / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`,
    );
    for (let at = 0; at < size; at += chunk.length) {
      if (!up.socket.write(chunk)) await once(up.socket, "drain");
      if (at === size / 2) assert.ok(await hub.metric("trunkline_stream_buffered_bytes") < 40 * MIB);
    }
    await up.all;
    assert.ok(up.text.includes(digest), up.text);
    const { request } = await import("node:http");
    const outgoing = request({ host: "127.0.0.1", port, headers: { host: HOST, connection: "close" } });
    outgoing.end();
    const [response] = await once(outgoing, "response");
    const hash = hashOf();
    for await (const part of response) hash.update(part);
    assert.equal(hash.digest("hex"), digest);
  });
});

Deno.test("HTTP tunnel: what is answered flows back as it comes, also before the request is complete", async () => {
  const { promise: go, resolve } = Promise.withResolvers<void>();
  await withServer(async (request, response) => {
    if (request.url === "/early") {
      response.writeHead(413);
      return void response.end("too much");
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: one\n\n");
    await go;
    response.end("data: two\n\n");
  }, async ({ port }) => {
    await using visitor = await Visitor.at(port);
    visitor.socket.write(requestText("GET /events"));
    while (!visitor.text.includes("data: one")) await visitor.got(visitor.bytes.length + 1);
    assert.ok(!visitor.text.includes("data: two"));
    resolve();
    await visitor.all;
    assert.ok(visitor.text.endsWith("data: two\n\n\r\n0\r\n\r\n"), visitor.text);
    const early = await sendRaw(
      port,
      requestText("POST /early", "Content-Length: 1000000\r\n", "x".repeat(1000)),
    );
    assert.equal(statusOf(early.text), 413);
    assert.match(early.text, /connection: close/i);
  });
});

Deno.test("HTTP tunnel: who waits for 100 Continue gets it from the service, others are refused", async () => {
  await withServer(async (request, response) => {
    response.end(await bodyOf(request));
  }, async ({ port }) => {
    await using visitor = await Visitor.at(port);
    visitor.socket.write(requestText("PUT /", "Content-Length: 4\r\nExpect: 100-continue\r\n"));
    while (!visitor.text.includes("\r\n\r\n")) await visitor.got(visitor.bytes.length + 1);
    assert.match(visitor.text, /^HTTP\/1\.1 100 Continue\r\n/);
    visitor.socket.write("body");
    await visitor.all;
    assert.match(visitor.text, /HTTP\/1\.1 200 OK\r\n[^]*body$/);
    const other = await sendRaw(port, requestText("PUT /", "Content-Length: 4\r\nExpect: miracles\r\n"));
    assert.equal(statusOf(other.text), 417);
  });
});

Deno.test("HTTP tunnel: interim answers, trailers, and answers without a body", async () => {
  const service = await rawService((socket, head) => {
    const path = / (\S+) /.exec(head)?.[1];
    const answers: Record<string, string> = {
      "/hints":
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      "/trailers":
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n",
      "/none": "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
      "/same": "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\nETag: a\r\n\r\n",
      "/close": "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    };
    socket.write(answers[path ?? ""] ?? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    if (path === "/close") socket.end();
  });
  await using _service = service;
  await withService(service.port, async ({ port }) => {
    const hints = await sendRaw(port, requestText("GET /hints"));
    assert.match(
      hints.text,
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*ok$/,
    );
    const trailers = await sendRaw(port, requestText("GET /trailers"));
    assert.ok(trailers.text.endsWith("2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"), trailers.text);
    assert.match(
      (await sendRaw(port, requestText("GET /none"))).text,
      /^HTTP\/1\.1 204 No Content\r\nX-A: b\r\nConnection: close\r\n\r\n$/,
    );
    assert.match(
      (await sendRaw(port, requestText("GET /same"))).text,
      /304 Not Modified\r\nETag: a\r\nContent-Length: 100\r\n/,
    );
    assert.match(
      (await sendRaw(port, requestText("HEAD /head"))).text,
      /200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n$/,
    );
    const close = await sendRaw(port, requestText("GET /close"));
    assert.match(close.text, /Transfer-Encoding: chunked[^]*until the end\r\n0\r\n\r\n$/);
    const old = await sendRaw(port, `GET /close HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
    assert.match(old.text, /^HTTP\/1\.1 200 OK\r\nConnection: close\r\n\r\nuntil the end$/);
    const kept = await sendRaw(
      port,
      `GET /hints HTTP/1.0\r\nHost: ${HOST}\r\nConnection: keep-alive\r\n\r\nGET /hints HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`,
    );
    assert.equal(
      kept.text.split("ok").length,
      3,
      "HTTP/1.0 keeps a connection that asks for it, and gets no interim answers",
    );
    assert.ok(!kept.text.includes("103"));
  });
});

Deno.test("HTTP tunnel: an upgrade is a pipe of bytes with a half-close, whatever comes with it", async () => {
  const service = await rawService((socket, head) => {
    assert.match(head, /\r\nUpgrade: echo\r\n/);
    assert.match(head, /\r\nConnection: Upgrade\r\n/);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst ");
    socket.removeAllListeners("data");
    socket.on("data", (chunk: Uint8Array) => socket.write(chunk));
  });
  await using _service = service;
  await withService(service.port, async ({ port }) => {
    await using visitor = await Visitor.at(port);
    visitor.socket.write(
      `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\nearly `,
    );
    while (!visitor.text.includes("first early ")) await visitor.got(visitor.bytes.length + 1);
    visitor.socket.end("last");
    await visitor.all;
    assert.match(
      visitor.text,
      /101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nfirst early last$/,
    );
  });
});

Deno.test("HTTP tunnel: a 101 that nobody asked for is 502, and anything but a 101 goes on as HTTP", async () => {
  const { service } = await fixedService(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
  );
  await using _service = service;
  await withService(service.port, async ({ port }) => {
    assert.equal(statusOf((await sendRaw(port, requestText("GET /"))).text), 502);
    const other = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade, close\r\nUpgrade: y\r\n\r\n`;
    assert.equal(statusOf((await sendRaw(port, other)).text), 502);
  });
  const plain = await fixedService("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  await using _plain = plain.service;
  await withService(plain.service.port, async ({ port }) => {
    const asked = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade, close\r\nUpgrade: y\r\n\r\n`;
    const { text } = await sendRaw(port, asked);
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
  });
});

Deno.test("HTTP tunnel: a service is told another host where that is configured", async () => {
  await withServer((request, response) => response.end(request.headers.host), async ({ port }) => {
    assert.equal((await visit(port, { host: HOST })).text, "inside.lan:8080");
  }, { more: ', host_header: "inside.lan:8080"' });
});

Deno.test("HTTP tunnel: connections to the service are kept and used again, and closed ones are noticed", async () => {
  let sockets = 0;
  const server = createServer({ keepAliveTimeout: 60_000 }, (_, response) => response.end("ok"));
  server.on("connection", () => sockets++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await withService((server.address() as AddressInfo).port, async ({ port }) => {
    for (let at = 0; at < 5; at++) assert.equal((await visit(port, { host: HOST })).text, "ok");
    assert.equal(sockets, 1);
    server.closeAllConnections();
    assert.equal((await visit(port, { host: HOST })).text, "ok");
    assert.equal(sockets, 2);
  });
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});
