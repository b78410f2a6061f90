/** Dialling a hub: what is refused at once, what cannot be reached, and what a person is told of it. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createDevelopmentCertificates } from "../../src/cli/dev_certificates.ts";
import { dial } from "../../src/cli/dial.ts";
import { type ConnectionArguments, readHubTarget } from "../../src/cli/hub_target.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { freePort } from "../helpers/free_port.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { run } from "./commands.ts";
import { answerTo, errorPayload, StubHub } from "./stub_hub.ts";

const SUCCESS = { status: "success" };
const NO_ENV = new Map<string, string>();

function target(options: Partial<ConnectionArguments>, env: ReadonlyMap<string, string> = NO_ENV) {
  return readHubTarget({ insecure: false, ...options }, env);
}

/** Publishes to the URL, which is expected to fail; gives exit code and what was said. */
async function publishTo(url: string, ...options: string[]): Promise<[number, string]> {
  const { code, io } = await run(["pub", "a", "x", "--url", url, ...options]);
  return [code, io.errors];
}

/** A listener that does this with each connection, until the end of its scope. */
class RawServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;

  constructor(serve: (connection: Deno.Conn) => Promise<void>) {
    this.#serving = this.#serve(serve);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(serve: (connection: Deno.Conn) => Promise<void>): Promise<void> {
    for await (const connection of this.#listener) {
      await serve(connection).catch(() => {});
      connection.close();
    }
  }
}

async function readAll(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  while (await connection.read(buffer) !== null);
}

Deno.test("Hub target: URL and token come from options, else from the environment, else loopback", () => {
  const env = new Map([["TRUNKLINE_URL", "tls://hub.example"], ["TRUNKLINE_TOKEN", "from-env"]]);
  const fromEnv = target({}, env);
  assert.deepEqual([fromEnv.host, fromEnv.port, fromEnv.token], ["hub.example", 8443, "from-env"]);
  assert.deepEqual([fromEnv.transport, fromEnv.tls?.verify], ["text", true]);
  const given = target({ url: "ws://[::1]:80/ws?x=1", token: "t" }, env);
  assert.deepEqual([given.host, given.port, given.token, given.tls], ["::1", 80, "t", null]);
  const neither = target({}, new Map([["TRUNKLINE_URL", ""]]));
  assert.deepEqual([neither.url, neither.port, neither.token], ["ws://127.0.0.1:8443", 8443, null]);
  assert.equal(target({ url: "wss://hub.example/" }).port, 443);
});

Deno.test("Hub target: what cannot be meant is refused before anything is dialled", async () => {
  using certificates = await TestCertificates.create();
  const other = await createDevelopmentCertificates({ hosts: ["a"], days: 1 });
  const otherKey = certificates.keyPath + ".other";
  await Deno.writeTextFile(otherKey, other.server.keyPem);
  const { certPath: cert, keyPath: key, caPath: ca } = certificates;
  const wss = "wss://127.0.0.1:1";
  const wrong: [Partial<ConnectionArguments>, RegExp][] = [
    [{ url: "127.0.0.1:8443" }, /begins with ws:\/\//],
    [{ url: "localhost:8443" }, /begins with ws:\/\//],
    [{ url: "http://127.0.0.1" }, /begins with ws:\/\//],
    [{ url: "tcp://" }, /names no host/],
    [{ url: "ws://" }, /^Cannot dial ws:\/\/: it names no host; give one as/],
    [{ url: "WSS://:8443" }, /names no host/],
    [{ url: "tcp://a b" }, /Cannot dial/],
    [{ url: "ws://me:secret@127.0.0.1" }, /^Cannot dial a URL that holds a user or password; .*--token$/],
    [{ url: "tcp://127.0.0.1:1/path" }, /only host and port/],
    [{ url: "ws://127.0.0.1/#x" }, /only host and port/],
    [{ url: "ws://127.0.0.1", token: "a\nb" }, /^Cannot send the token/],
    [{ url: "ws://127.0.0.1", ca }, /^Cannot use --ca with .*not encrypted/],
    [{ url: "tcp://127.0.0.1", insecure: true }, /^Cannot use --insecure with/],
    [{ url: wss, ca: "nowhere.pem" }, /^Cannot read --ca from nowhere\.pem: the file does not exist$/],
    [{ url: wss, ca: key }, /^Cannot use --ca: .* holds no valid PEM/],
    [{ url: wss, cert }, /--cert and --key belong together/],
    [{ url: wss, cert, key: otherKey }, /does not belong to the certificate/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => target(options), (error) => {
      assert.ok(error instanceof TrunklineError && error.code === "usage", JSON.stringify(options));
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("Dialling: a port where nobody listens is exit 3, with all four transports", async () => {
  const port = freePort();
  for (const scheme of ["ws", "wss", "tcp", "tls"]) {
    const [code, message] = await publishTo(`${scheme}://127.0.0.1:${port}`);
    assert.equal(code, 3, scheme);
    assert.match(message, /^Cannot reach the hub at \w+:\/\/127\.0\.0\.1:\d+: the connection was refused; /);
  }
});

Deno.test("Dialling: a name without an address is exit 3", async () => {
  const [code, message] = await publishTo("tcp://nowhere.invalid:1");
  assert.deepEqual([code, message.includes("no address is known for nowhere.invalid")], [3, true], message);
});

Deno.test("Dialling: a hub that does not answer is given up after the time-out", async () => {
  await using deaf = new RawServer(readAll);
  const url = `127.0.0.1:${deaf.port}`;
  for (const scheme of ["ws", "wss", "tls"]) {
    const late = dial(target({ url: `${scheme}://${url}` }), { warn: () => {}, timeoutMs: 20 });
    await assert.rejects(late, (error) => {
      assert.ok(error instanceof TrunklineError && error.code === "unreachable");
      assert.match(error.message, /nothing came of it within 20ms/);
      return true;
    });
  }
});

Deno.test("Dialling: a certificate of an authority that is not trusted is exit 3 with a way out", async () => {
  using certificates = await TestCertificates.create();
  using others = await TestCertificates.create();
  await using hub = await TestHub.start(certificates.settings);
  for (const scheme of ["wss", "tls"]) {
    for (const ca of [[], ["--ca", others.caPath]]) {
      const [code, message] = await publishTo(`${scheme}://127.0.0.1:${hub.port}`, ...ca);
      assert.equal(code, 3);
      assert.match(message, /TLS failed \(.*certificate\); .*--ca, or --insecure/);
    }
  }
});

Deno.test("Dialling: a certificate for another host is exit 3; --insecure takes it and says so each time", async () => {
  using folder = await TestCertificates.create();
  const { ca, server } = await createDevelopmentCertificates({ hosts: ["hub.example"], days: 1 });
  await Deno.writeTextFile(folder.caPath, ca.certPem);
  await Deno.writeTextFile(folder.certPath, server.certPem);
  await Deno.writeTextFile(folder.keyPath, server.keyPem);
  await using hub = await TestHub.start(folder.settings);
  for (const scheme of ["wss", "tls"]) {
    for (const host of ["127.0.0.1", "localhost"]) {
      const [code, message] = await publishTo(`${scheme}://${host}:${hub.port}`, "--ca", folder.caPath);
      assert.equal(code, 3, message);
      assert.match(message, new RegExp(`its certificate is not for ${host} \\(`));
    }
    const [code, message] = await publishTo(`${scheme}://127.0.0.1:${hub.port}`, "--insecure", "--quiet");
    assert.equal(code, 0);
    assert.match(message, /^Warning: the certificate of 127\.0\.0\.1 is not verified \(--insecure\)/);
  }
});

Deno.test("Dialling: TLS against plain text, and the other way round, names the other scheme", async () => {
  using certificates = await TestCertificates.create();
  await using plain = await TestHub.start();
  await using secure = await TestHub.start(certificates.settings);
  const mistaken: [string, number, RegExp][] = [
    ["wss", plain.port, /ws:\/\/127/],
    ["tls", plain.port, /tcp:\/\/127/],
    ["ws", secure.port, /wss:\/\/127/],
    ["tcp", secure.port, /tls:\/\/127/],
  ];
  for (const [scheme, port, other] of mistaken) {
    const [code, message] = await publishTo(`${scheme}://127.0.0.1:${port}`);
    assert.deepEqual([code, other.test(message)], [3, true], `${scheme}: ${message}`);
  }
});

Deno.test("Dialling: HTTP answers are told apart: 401, 403 and 429 are exit 4, others exit 3", async () => {
  const server = createServer();
  let status = 0;
  server.on(
    "upgrade",
    (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const expected: [number, number, RegExp][] = [
    [401, 4, /^Cannot log in at .*HTTP 401; give a token/],
    [403, 4, /^Cannot log in at .*HTTP 403/],
    [
      404,
      3,
      /no broker at this path \(HTTP 404\): it is at \/ and \/ws of the hub, unless broker\.enabled is false$/,
    ],
    [429, 4, /^Cannot log in at \S+: too many failed logins from this address; try again later$/],
    [503, 3, /HTTP 503.*later/],
    [302, 3, /no hub \(HTTP 302\)/],
  ];
  for (const [answer, exit, message] of expected) {
    status = answer;
    const [code, said] = await publishTo(url);
    assert.equal(code, exit, said);
    assert.match(said, message);
  }
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("Dialling: the reason of a refusal is one printable line of bounded length, of plain text alone", async () => {
  const bodies: readonly (readonly [string, string, RegExp])[] = [
    ["text/plain", "bad \x1b[2J\nsecond", / with HTTP 401 \(bad \\x1b\[2J\); give a token/],
    ["text/plain", "x".repeat(100_000), / with HTTP 401 \(x{200}\); /],
    ["text/html", "<h1>no</h1>", / with HTTP 401; /],
    ["text/plain", "", / with HTTP 401; /],
  ];
  for (const [type, body, told] of bodies) {
    await using server = new RawServer(async (connection) => {
      // A long text never ends by itself.
      const length = body.length > 1000 ? body.length + 1 : body.length;
      const head = `HTTP/1.1 401 No\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;
      await connection.write(new TextEncoder().encode(`${head}${body}`));
      await readAll(connection);
    });
    const { code, io } = await run(["services", "--url", `ws://127.0.0.1:${server.port}`]);
    assert.equal(code, 4, io.errors);
    assert.match(io.errors, told);
  }
});

Deno.test("Dialling: what is no hub at all is exit 3", async () => {
  const banner = new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n");
  await using server = new RawServer(async (connection) => {
    await connection.write(banner);
    await readAll(connection);
  });
  for (const scheme of ["ws", "tcp"]) {
    const [code, message] = await publishTo(`${scheme}://127.0.0.1:${server.port}`);
    assert.equal(code, 3);
    assert.match(message, /what answers is no hub|no message of a hub/);
  }
  await using mute = new RawServer(() => Promise.resolve());
  for (const scheme of ["ws", "tcp"]) {
    const [code, message] = await publishTo(`${scheme}://127.0.0.1:${mute.port}`);
    assert.equal(code, 3);
    assert.match(message, /if it speaks TLS, dial (wss|tls):/);
  }
});

Deno.test("Login: a token goes as a header to ws, with the subprotocol of text messages", async () => {
  const server = createServer();
  const { promise: headers, resolve } = Promise.withResolvers<Record<string, unknown>>();
  server.on("upgrade", (request, socket) => {
    resolve(request.headers);
    socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const [code, message] = await publishTo(`ws://127.0.0.1:${port}`, "--token", "open-sesame");
  assert.equal(code, 4);
  assert.match(message, /see that the token is valid/);
  assert.doesNotMatch(message, /sesame/);
  const seen = await headers;
  assert.equal(seen["authorization"], "Bearer open-sesame");
  assert.equal(seen["sec-websocket-protocol"], "trunkline.text.v1");
  assert.equal(seen["sec-websocket-extensions"], undefined);
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("Login: over tcp a token is the first request; a refusal is exit 4", async () => {
  let verdict: unknown = SUCCESS;
  await using hub = new StubHub((message) => [
    answerTo(message, message.topic === "system.authenticate" ? verdict : SUCCESS),
  ]);
  assert.deepEqual(await publishTo(hub.url, "--token", "t"), [0, ""]);
  assert.deepEqual(hub.received.map(({ topic }) => topic), ["system.authenticate", "a"]);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(hub.received[0]?.payload)), { token: "t" });
  verdict = errorPayload("UNAUTHORIZED", "expired");
  const [code, message] = await publishTo(hub.url, "--token", "t");
  assert.equal(code, 4);
  assert.match(message, /^Cannot log in at tcp:.*UNAUTHORIZED \(expired\); give a valid token/);
  verdict = errorPayload("TOPIC_NOT_SUPPORTED");
  assert.deepEqual(await publishTo(hub.url, "--token", "t"), [0, ""]);
});

Deno.test("Connection: what system.close says is told; 4401 and 4403 are exit 4, others exit 3", async () => {
  let code = 0;
  const header = { action: "publish", topic: "system.close", requestId: crypto.randomUUID() } as const;
  await using hub = new StubHub(() => [[header, { code, reason: "go \x1b[2J" }], "close"]);
  for (const [closed, exit] of [[4401, 4], [4403, 4], [4503, 3], [1008, 3]]) {
    code = closed ?? 0;
    const [exited, message] = await publishTo(hub.url);
    assert.equal(exited, exit);
    assert.ok(message.includes(`(code ${closed}, go \\x1b[2J)`), message);
  }
});
