import assert from "node:assert/strict";
import { firstPath, readDialTarget } from "../../src/agent/dial_target.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { loadAgentRight } from "../config/loading.ts";
import { TestCertificates } from "../helpers/certificates.ts";

function hubOf(set: readonly string[]) {
  return loadAgentRight({ set }).config.hub;
}

Deno.test("Dial target: has everything that configuration and environment say", async () => {
  using certificates = await TestCertificates.create();
  const { caPath, certPath, keyPath } = certificates;
  const files = [`hub.ca=${caPath}`, `hub.cert=${certPath}`, `hub.key=${keyPath}`];
  const hub = hubOf([
    "hub.url=tls://hub.example",
    "hub.tls_min_version=1.2",
    "hub.connect_timeout=5s",
    ...files,
  ]);
  const target = readDialTarget(hub, { HTTPS_PROXY: "http://proxy.example:3128" });
  assert.equal(target.proxy?.host, "proxy.example");
  assert.equal(target.connectTimeoutMs, 5000);
  assert.deepEqual(target.tls, {
    ca: certificates.ca,
    client: { cert: certificates.cert, key: certificates.key },
    verify: true,
    minVersion: "1.2",
  });
  const plain = readDialTarget(hubOf(["hub.url=ws://127.0.0.1"]), {});
  assert.deepEqual([plain.tls, plain.proxy], [null, null]);
  assert.deepEqual([firstPath(target.url), firstPath(plain.url)], ["stream", "websocket"]);
});

Deno.test("Dial target: files that cannot be used are told by their key", async () => {
  using certificates = await TestCertificates.create();
  const { caPath, certPath, keyPath } = certificates;
  const wrong: [settings: readonly string[], message: RegExp][] = [
    [["hub.ca=/nowhere.pem"], /^Cannot read hub\.ca from \/nowhere\.pem: the file does not exist$/],
    [[`hub.ca=${keyPath}`], /^Cannot use hub\.ca: .* holds no valid PEM/],
    [
      [`hub.cert=${caPath}`, `hub.key=${keyPath}`],
      /^Cannot use hub\.key: .* does not belong to the certificate/,
    ],
    [[`hub.cert=${certPath}`, `hub.key=${certPath}`], /^Cannot use hub\.key: .* holds no valid PEM/],
  ];
  for (const [settings, message] of wrong) {
    const hub = hubOf(["hub.url=tls://hub.example", ...settings]);
    assert.throws(() => readDialTarget(hub, {}), (error) => {
      assert.ok(error instanceof TrunklineError && error.code === "certificate_invalid");
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("Dial target: files are read for each connection, and those of no use are told and left", async () => {
  using certificates = await TestCertificates.create();
  using other = await TestCertificates.create();
  const hub = hubOf(["hub.url=tls://hub.example", `hub.ca=${certificates.caPath}`]);
  const failures: unknown[] = [];
  const target = readDialTarget(hub, {}, (error) => void failures.push(error));
  Deno.writeTextFileSync(certificates.caPath, other.ca);
  assert.equal(target.tls?.ca, other.ca);
  Deno.writeTextFileSync(certificates.caPath, "nonsense");
  assert.equal(target.tls?.ca, other.ca);
  assert.equal(failures.length, 1);
  assert.match(String(failures[0]), /Cannot use hub\.ca: .* holds no valid PEM/);
});
