/** Visitors over TLS, by the name that they ask for, and behind proxies that say who they are. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";
import { TestCertificates } from "../helpers/certificates.ts";
import { relayTo, Visitor } from "../helpers/tcp_echo.ts";
import { fixedService, HOST, rawService, requestText, sendRaw, statusOf, withService } from "./http_scene.ts";

const GET = requestText("GET /");
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** The certificates of the address: a default one, and others by name. */
function tlsSetting(own: TestCertificates, byName: Readonly<Record<string, TestCertificates>> = {}): string {
  const one = ({ certPath, keyPath }: TestCertificates) => `cert: ${certPath}, key: ${keyPath}`;
  const sni = Object.entries(byName).map(([host, certificates]) =>
    `{ host: "${host}", ${one(certificates)} }`
  );
  return `public.tls={ ${one(own)}, sni: [${sni.join(", ")}] }`;
}

/** What a visitor gets over TLS; rejects where the certificate is not the one of its authority. */
async function visitTls(port: number, options: ConnectionOptions, before = ""): Promise<string> {
  const raw = connectTcp({ host: "127.0.0.1", port });
  await once(raw, "connect");
  raw.write(before);
  const socket = connect({ ...options, socket: raw });
  const parts: Uint8Array[] = [];
  socket.on("data", (part: Uint8Array) => parts.push(part));
  try {
    await once(socket, "secureConnect");
    socket.write(GET);
    await once(socket, "end");
    return Buffer.concat(parts).toString("latin1");
  } finally {
    raw.destroy();
    if (!raw.closed) await once(raw, "close");
  }
}

Deno.test("HTTP over TLS: each name has its certificate, the others the first one, and the service is told", async () => {
  using own = await TestCertificates.create("hub.example");
  using exact = await TestCertificates.create("app.localhost");
  using any = await TestCertificates.create("*.hub.example");
  const { service, heads } = await fixedService(OK);
  await using _service = service;
  const settings = [tlsSetting(own, { "App.localhost": exact, "*.hub.example": any, "*.localhost": any })];
  await withService(service.port, async ({ port }) => {
    const ask = (servername: string, { ca }: TestCertificates) => visitTls(port, { servername, ca });
    assert.equal(statusOf(await ask("app.localhost", exact)), 200);
    assert.equal(statusOf(await ask("other.Hub.example", any)), 200);
    assert.equal(statusOf(await ask("hub.example", own)), 200);
    assert.equal(statusOf(await ask("localhost", own)), 200, "a wildcard is not for the name behind it");
    await assert.rejects(ask("other.hub.example", own));
    assert.match(heads[0] ?? "", /\r\nX-Forwarded-Proto: https\r\n/);
    assert.match(heads[0] ?? "", /\r\nForwarded: for=127\.0\.0\.1;host="app\.localhost";proto=https\r\n/);
  }, { settings });
});

Deno.test("HTTP over TLS: who does not speak it, or nothing at all, is ended without an answer", async () => {
  using own = await TestCertificates.create();
  const { service, heads } = await fixedService(OK);
  await using _service = service;
  const settings = [tlsSetting(own), "public.header_timeout=300ms"];
  await withService(service.port, async ({ port, hub }) => {
    assert.ok(!(await sendRaw(port, GET)).text.includes("HTTP"));
    assert.equal((await sendRaw(port, "")).text, "");
    assert.deepEqual(heads, []);
    await hub.metricBecomes("trunkline_visitor_connections", 0);
  }, { settings });
});

Deno.test("HTTP behind a proxy: a PROXY header counts from trusted proxies, before TLS too", async () => {
  using own = await TestCertificates.create();
  const proxied = ["public.proxy_protocol=true", "public.trusted_proxies=[127.0.0.0/8]"];
  const line = "PROXY TCP4 192.0.2.7 192.0.2.1 1234 443\r\n";
  const { service, heads } = await fixedService(OK);
  await using _service = service;
  await withService(service.port, async ({ port }) => {
    const answer = await visitTls(port, { servername: "localhost", ca: own.ca }, line);
    assert.equal(statusOf(answer), 200);
    assert.match(heads.at(-1) ?? "", /\r\nX-Forwarded-For: 192\.0\.2\.7\r\n/);
  }, { settings: [tlsSetting(own), ...proxied] });
  await withService(service.port, async ({ port }) => {
    const said = requestText("GET /", "X-Forwarded-For: 9.9.9.9\r\n");
    assert.equal(statusOf((await sendRaw(port, line + said)).text), 200);
    assert.match(heads.at(-1) ?? "", /\r\nX-Forwarded-For: 192\.0\.2\.7\r\n/, "a visitor is no proxy");
    assert.equal((await sendRaw(port, GET)).text, "", "a proxy that sends none is no proxy");
    assert.equal((await sendRaw(port, `PROXY nonsense\r\n${GET}`)).text, "");
  }, { settings: proxied });
});

Deno.test("HTTP behind a proxy: who is no trusted proxy cannot say that it is somebody else", async () => {
  const { service, heads } = await fixedService(OK);
  await using _service = service;
  const settings = ["public.proxy_protocol=true", "public.trusted_proxies=[192.0.2.0/24]"];
  await withService(service.port, async ({ port }) => {
    const { text } = await sendRaw(port, `PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n${GET}`);
    assert.equal(statusOf(text), 400);
    assert.deepEqual(heads, []);
    const said = requestText("GET /", "X-Forwarded-For: 9.9.9.9\r\nX-Real-IP: 9.9.9.9\r\n");
    assert.equal(statusOf((await sendRaw(port, said)).text), 200);
    assert.match(heads[0] ?? "", /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/);
    assert.match(heads[0] ?? "", /\r\nX-Real-IP: 127\.0\.0\.1\r\n/);
  }, { settings });
});

Deno.test("HTTP over TLS: an answer that breaks off resets the connection below, never ends it cleanly", async () => {
  using own = await TestCertificates.create();
  for (const answer of ["HTTP/1.1 200 OK\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"]) {
    let breakOff = () => {};
    await using service = await rawService((socket) => {
      socket.write(answer);
      breakOff = () => socket.resetAndDestroy();
    });
    await withService(service.port, async ({ port }) => {
      const ended = Promise.withResolvers<string>();
      await using between = await relayTo(port, ended.resolve);
      const raw = connectTcp({ host: "127.0.0.1", port: between.port });
      const socket = connect({ servername: "localhost", ca: own.ca, socket: raw });
      for (const one of [raw, socket]) one.on("error", () => {});
      let text = "";
      const half = Promise.withResolvers<void>();
      socket.on("data", (part: Uint8Array) => {
        text += Buffer.from(part).toString("latin1");
        if (text.includes("half")) half.resolve();
      });
      await once(socket, "secureConnect");
      // Of HTTP/1.0 the end of the connection is the end of the answer.
      socket.write(`GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
      await half.promise;
      breakOff();
      assert.equal(await ended.promise, "ECONNRESET", answer);
      socket.destroy();
      raw.destroy();
    }, { settings: [tlsSetting(own)] });
  }
});

Deno.test("HTTP over TLS: who ends in the middle of the handshake is no visitor", async () => {
  using own = await TestCertificates.create();
  const { service } = await fixedService(OK);
  await using _service = service;
  // Far longer than anybody waits.
  const settings = [tlsSetting(own), "public.header_timeout=1h"];
  await withService(service.port, async ({ port, hub }) => {
    await using visitor = await Visitor.at(port);
    // The begin of a record that holds more.
    visitor.socket.end(new Uint8Array([0x16, 3, 1, 2, 0, 1, 0]));
    await visitor.closed;
    assert.equal(visitor.bytes.length, 0);
    await hub.metricBecomes("trunkline_visitor_connections", 0);
  }, { settings });
});

Deno.test("HTTP behind a proxy: the visitors that it names are bounded by address, and it is not", async () => {
  const { service } = await fixedService(OK);
  await using _service = service;
  const settings = [
    "public.proxy_protocol=true",
    "public.trusted_proxies=[127.0.0.0/8]",
    "hub.max_connections_per_ip=1",
  ];
  await withService(service.port, async ({ port }) => {
    const came = async (ip: string) => {
      const visitor = await Visitor.at(port);
      visitor.socket.write(
        `PROXY TCP4 ${ip} 192.0.2.1 1234 80\r\nGET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
      );
      await visitor.got(1);
      return visitor;
    };
    await using first = await came("192.0.2.7");
    assert.equal(statusOf(first.text), 200);
    await using second = await came("192.0.2.7");
    assert.equal(await second.closed, "ECONNRESET");
    await using other = await came("192.0.2.8");
    assert.equal(statusOf(other.text), 200);
  }, { settings });
});
