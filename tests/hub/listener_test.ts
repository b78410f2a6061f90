import assert from "node:assert/strict";
import { connect } from "node:tls";
import { createCertificateAuthority, createDevelopmentCertificates } from "../../src/cli/dev_certificates.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { RawClient, upgradeRequest } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

const refused = (reason: string) => `trunkline_connections_refused_total{reason="${reason}"}`;

Deno.test("Listener: HTTP, an upgrade and a frame in one segment work", async () => {
  await using hub = await TestHub.start();
  using client = await RawClient.connect(hub.port);
  const hello = Uint8Array.of(0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69);
  await client.write(new Uint8Array([...new TextEncoder().encode(upgradeRequest()), ...hello]));
  assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
  assert.equal(new TextDecoder().decode((await client.readFrame())?.payload), "hi");
});

Deno.test("Listener: a head that comes byte by byte is read", async () => {
  await using hub = await TestHub.start();
  using client = await RawClient.connect(hub.port);
  for (const letter of upgradeRequest()) await client.write(letter);
  assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
});

Deno.test("Listener: keep-alive answers several requests, pipelined too", async () => {
  await using hub = await TestHub.start();
  using client = await RawClient.connect(hub.port);
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  await client.write(
    request("/healthz") + request("/nowhere") +
      `HEAD /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  const statuses = (await client.readText()).match(/HTTP\/1\.1 \d+/g);
  assert.deepEqual(statuses, ["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"]);
});

Deno.test("Listener: over max_connections the answer is 503, and a place that becomes free is used", async () => {
  await using hub = await TestHub.start(["hub.max_connections=1"]);
  {
    await using _first = await WsClient.connect(hub.url());
    using second = await RawClient.connect(hub.port);
    await second.write(upgradeRequest());
    assert.match(await second.readText(), /^HTTP\/1\.1 503 .*Retry-After: \d+/s);
    assert.equal(await hub.metric(refused("max_connections")), 1);
    using silent = await RawClient.connect(hub.port);
    await silent.write(Uint8Array.of(0, 0));
    assert.equal((await silent.readToEnd()).length, 0);
  }
  await hub.metricBecomes("trunkline_sockets", 0);
  await using third = await WsClient.connect(hub.url());
  third.send("in");
  assert.equal(await third.next(), "in");
});

Deno.test("Listener: over max_connections a TLS client is closed", async () => {
  using certificates = await TestCertificates.create();
  await using hub = await TestHub.start([...certificates.settings, "hub.max_connections=1"]);
  const url = `wss://localhost:${hub.port}/relay`;
  await using _first = await WsClient.connect(url, { ca: certificates.ca });
  await assert.rejects(WsClient.connect(url, { ca: certificates.ca }));
});

Deno.test("Listener: the PROXY header of a listed source gives the address that is counted", async () => {
  await using hub = await TestHub.start(["hub.proxy_protocol=[127.0.0.1]", "hub.max_connections_per_ip=1"]);
  const enter = async (ip: string) => {
    const client = await RawClient.connect(hub.port);
    await client.write(`PROXY TCP4 ${ip} 198.51.100.1 4711 443\r\n${upgradeRequest()}`);
    return client;
  };
  using first = await enter("192.0.2.1");
  assert.match(await first.readHead(), /^HTTP\/1\.1 101 /);
  using other = await enter("192.0.2.2");
  assert.match(await other.readHead(), /^HTTP\/1\.1 101 /);
  using second = await enter("192.0.2.1");
  assert.match(await second.readText(), /^HTTP\/1\.1 503 .*from this address/s);
  assert.equal(await hub.metric(refused("max_connections_per_ip")), 1);
});

Deno.test("Listener: version 2 of the PROXY header works in pieces", async () => {
  await using hub = await TestHub.start(["hub.proxy_protocol=[127.0.0.0/8]"]);
  using client = await RawClient.connect(hub.port);
  const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
  const header = [...signature, 0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 1, 0x10, 0, 1, 0xbb];
  for (const byte of header) await client.write(Uint8Array.of(byte));
  await client.write(upgradeRequest());
  assert.match(await client.readHead(), /^HTTP\/1\.1 101 /);
});

Deno.test("Listener: a listed source without a PROXY header is refused", async () => {
  await using hub = await TestHub.start(["hub.proxy_protocol=[127.0.0.1]"]);
  using client = await RawClient.connect(hub.port);
  await client.write(upgradeRequest());
  assert.equal((await client.readToEnd()).length, 0);
  assert.equal(await hub.metric(refused("proxy_header")), 1);
});

for (const bytes of ["", "PROXY TCP4 192.0.2.1 198", "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n"]) {
  Deno.test(`Listener: a proxy that closes after ${bytes.length} bytes of its header leaves nothing behind`, async () => {
    using certificates = await TestCertificates.create();
    for (const settings of [[], certificates.settings]) {
      const times = "hub.first_byte_timeout=200ms";
      await using hub = await TestHub.start([...settings, "hub.proxy_protocol=[127.0.0.1]", times]);
      for (let i = 0; i < 5; i++) {
        using client = await RawClient.connect(hub.port);
        await client.write(bytes);
        await client.finish();
        await client.readToEnd();
      }
      await hub.metricBecomes("trunkline_sockets", 0);
    }
  });
}

Deno.test("Listener: those who are told that there are too many are bounded themselves", async () => {
  await using hub = await TestHub.start(["hub.max_connections=1"]);
  await using _first = await WsClient.connect(hub.url());
  const clients = await Promise.all(Array.from({ length: 600 }, () => RawClient.connect(hub.port)));
  for (const client of clients) await client.write(upgradeRequest());
  await hub.metricBecomes(refused("max_connections"), 600);
  assert.ok(await hub.metric("trunkline_sockets") <= 1 + 256);
  for (const client of clients) client[Symbol.dispose]();
  await hub.metricBecomes("trunkline_sockets", 1);
});

Deno.test("Listener: a PROXY header goes before TLS", async () => {
  using certificates = await TestCertificates.create();
  await using hub = await TestHub.start([...certificates.settings, "hub.proxy_protocol=[127.0.0.1]"]);
  using proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relaying = (async () => {
    using visitor = await proxy.accept();
    using inside = await Deno.connect({ hostname: "127.0.0.1", port: hub.port });
    await inside.write(new TextEncoder().encode("PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n"));
    const ends = [visitor.readable.pipeTo(inside.writable), inside.readable.pipeTo(visitor.writable)];
    await Promise.allSettled(ends);
  })();
  await using client = await WsClient.connect(`wss://localhost:${proxy.addr.port}/relay`, {
    ca: certificates.ca,
  });
  client.send("through the proxy");
  assert.equal(await client.next(), "through the proxy");
  await client.close();
  await relaying;
});

/** The version that a TLS client with these bounds gets, or the error. */
function handshake(port: number, ca: string, version: "TLSv1.2" | "TLSv1.3"): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca,
    minVersion: version,
    maxVersion: version,
  });
  socket.once("secureConnect", () => {
    resolve(socket.getProtocol() ?? "none");
    socket.destroy();
  });
  socket.once("error", () => resolve("refused"));
  socket.once("close", () => resolve("refused"));
  return promise;
}

for (const [minimum, spoken] of [["1.2", ["TLSv1.2", "TLSv1.3"]], ["1.3", ["refused", "TLSv1.3"]]] as const) {
  Deno.test(`Listener: with a minimum of TLS ${minimum} older versions are refused`, async () => {
    using certificates = await TestCertificates.create();
    await using hub = await TestHub.start([...certificates.settings, `hub.tls.min_version="${minimum}"`]);
    const versions = [];
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      versions.push(await handshake(hub.port, certificates.ca, version));
    }
    assert.deepEqual(versions, spoken);
    await hub.metricBecomes("trunkline_sockets", 0);
  });
}

Deno.test("Listener: plain text on a TLS address ends, is counted, and the hub goes on", async () => {
  using certificates = await TestCertificates.create();
  await using hub = await TestHub.start(certificates.settings);
  using client = await RawClient.connect(hub.port);
  await client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await client.readToEnd();
  await hub.metricBecomes("trunkline_tls_handshake_errors_total", 1);
  await using good = await WsClient.connect(`wss://localhost:${hub.port}/relay`, { ca: certificates.ca });
  good.send("x");
  assert.equal(await good.next(), "x");
});

Deno.test("Listener: a TLS handshake that never comes is closed after the time-out", async () => {
  using certificates = await TestCertificates.create();
  await using hub = await TestHub.start([...certificates.settings, "hub.first_byte_timeout=200ms"]);
  using client = await RawClient.connect(hub.port);
  await client.write(Uint8Array.of(0x16, 0x03, 0x01));
  await client.readToEnd();
  await hub.metricBecomes(refused("first_byte_timeout"), 1);
  await hub.metricBecomes("trunkline_sockets", 0);
});

Deno.test("Listener: one hub serves a plain and a TLS address at once", async () => {
  using certificates = await TestCertificates.create();
  const listen = "[{address: '127.0.0.1:0', tls: false}, {address: '127.0.0.1:0', tls: true}]";
  await using hub = await TestHub.start([...certificates.settings, `hub.listen=${listen}`]);
  const [plain, secure] = hub.server.addresses();
  assert.deepEqual([plain?.encrypted, secure?.encrypted], [false, true]);
  await using alice = await WsClient.connect(`ws://127.0.0.1:${plain?.port}/relay`);
  await using bob = await WsClient.connect(`wss://localhost:${secure?.port}/relay`, { ca: certificates.ca });
  alice.send("across");
  assert.equal(await bob.next(), "across");
});

async function failsWith(code: string, set: readonly string[]): Promise<string> {
  try {
    await (await TestHub.start(set)).server.stop();
  } catch (error) {
    assert.ok(error instanceof TrunklineError, String(error));
    assert.equal(error.code, code);
    return error.message;
  }
  assert.fail("the hub started");
}

Deno.test("Listener: a port in use is named with what to do", async () => {
  await using hub = await TestHub.start();
  const message = await failsWith("address_in_use", [`hub.listen=127.0.0.1:${hub.port}`]);
  assert.match(message, new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${hub.port}: .*in use.*hub\\.listen`));
});

Deno.test("Listener: missing, broken and mismatched certificate files are named", async () => {
  using certificates = await TestCertificates.create();
  const other = await createDevelopmentCertificates({
    hosts: ["localhost"],
    days: 1,
    ca: await createCertificateAuthority(),
  });
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/other-key.pem`, other.server.keyPem);
  await Deno.writeTextFile(`${folder}/garbage.pem`, "no PEM at all");
  const cert = `hub.tls.cert=${certificates.certPath}`;
  const key = `hub.tls.key=${certificates.keyPath}`;
  const cases: readonly (readonly [RegExp, readonly string[]])[] = [
    [/^Cannot read hub\.tls\.cert from .*nowhere\.pem: the file does not exist/, [
      `hub.tls.cert=${folder}/nowhere.pem`,
      key,
    ]],
    [/^Cannot read hub\.tls\.key from .*nowhere\.pem: the file does not exist/, [
      cert,
      `hub.tls.key=${folder}/nowhere.pem`,
    ]],
    [/^Cannot use hub\.tls\.cert: .*garbage\.pem holds no valid PEM/, [
      `hub.tls.cert=${folder}/garbage.pem`,
      key,
    ]],
    [/^Cannot use hub\.tls\.key: .*garbage\.pem holds no valid PEM/, [
      cert,
      `hub.tls.key=${folder}/garbage.pem`,
    ]],
    [/^Cannot use hub\.tls\.key: .*does not belong/, [cert, `hub.tls.key=${folder}/other-key.pem`]],
    [/^Cannot read hub\.tls\.client_ca from .*nowhere\.pem: the file does not exist/, [
      cert,
      key,
      `hub.tls.client_ca=${folder}/nowhere.pem`,
    ]],
    [/^Cannot use hub\.tls\.client_ca: .*garbage\.pem holds no certificate in PEM; write/, [
      cert,
      key,
      `hub.tls.client_ca=${folder}/garbage.pem`,
    ]],
    [
      /^Cannot use hub\.tls\.client_ca: a certificate in .*server\.pem cannot vouch for clients, as it is not one of/,
      [
        cert,
        key,
        `hub.tls.client_ca=${certificates.certPath}`,
      ],
    ],
  ];
  try {
    for (const [wanted, set] of cases) assert.match(await failsWith("certificate_invalid", set), wanted);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Listener: a first byte, and so a head, may take longer than a request does as a rule", async () => {
  await using hub = await TestHub.start(["hub.first_byte_timeout=5m"]);
  await using client = await WsClient.connect(hub.url());
  client.send("in");
  assert.equal(await client.next(), "in");
});
