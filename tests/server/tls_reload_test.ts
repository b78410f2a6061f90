/** Certificates of a running hub are replaced: nobody who is connected notices. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect } from "node:tls";
import { createDevelopmentCertificates } from "../../src/cli/dev_certificates.ts";
import { BrokerClient } from "../broker/broker_client.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { TestHub } from "../helpers/test_hub.ts";

const CLIENTS = 100;
const ROUNDS = 10;

/** The certificate that a new connection is shown. */
async function shownAt(port: number, servername = "localhost"): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", servername, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  await once(socket, "close");
  return Buffer.from(raw).toString("base64");
}

function bodyOf(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----|\s/g, "");
}

Deno.test("TLS reload: ten replacements, half of them broken, under a hundred connections with traffic", async () => {
  using files = await TestCertificates.create();
  const first = await createDevelopmentCertificates({ hosts: ["localhost"], days: 2 });
  Deno.writeTextFileSync(files.certPath, first.server.certPem);
  Deno.writeTextFileSync(files.keyPath, first.server.keyPem);
  const settings = [...files.settings, "hub.tls.reload.auto=false"];
  await using hub = await TestHub.start(settings);
  await using stack = new AsyncDisposableStack();
  const ca = first.ca.certPem;
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, at) => {
      const client = stack.use(await BrokerClient.connect(hub, at % 2 === 0 ? "websocket" : "text", { ca }));
      assert.equal((await client.request("system.topic.subscribe", { topic: "news" })).status, "success");
      return client;
    }),
  );
  const publisher = stack.use(await BrokerClient.connect(hub, "websocket", { ca }));
  let shown = bodyOf(first.server.certPem);
  for (let round = 0; round < ROUNDS; round++) {
    const { server } = await createDevelopmentCertificates({ hosts: ["localhost"], days: 2, ca: first.ca });
    const isBroken = round % 2 === 1;
    Deno.writeTextFileSync(files.certPath, isBroken && round % 4 === 1 ? "nonsense" : server.certPem);
    if (!isBroken) Deno.writeTextFileSync(files.keyPath, server.keyPem);
    publisher.send("publish:news:1.0.0", `before ${round}`);
    const outcome = await hub.reload(settings);
    publisher.send("publish:news:1.0.0", `after ${round}`);
    assert.equal(outcome.kind, isBroken ? "invalid" : "loaded");
    if (!isBroken) shown = bodyOf(server.certPem);
    assert.equal(await shownAt(hub.port), shown);
  }
  const expected = Array.from({ length: ROUNDS }, (_, round) => [`before ${round}`, `after ${round}`]).flat();
  for (const client of clients) {
    const payloads: string[] = [];
    while (payloads.length < expected.length) payloads.push((await client.next()).payload);
    assert.deepEqual(payloads, expected);
  }
  assert.equal(await hub.metric('trunkline_certificate_reloads_total{door="hub",result="replaced"}'), 5);
  assert.equal(await hub.metric('trunkline_config_reloads_total{result="invalid"}'), 5);
});

Deno.test("TLS reload: changed files are seen without being asked, and each name has its certificate", async () => {
  using own = await TestCertificates.create();
  using other = await TestCertificates.create("other.example");
  const sni = `hub.tls.sni=[{ host: other.example, cert: ${other.certPath}, key: ${other.keyPath} }]`;
  await using hub = await TestHub.start([...own.settings, sni]);
  assert.equal(await shownAt(hub.port, "other.example"), bodyOf(other.cert));
  assert.equal(await shownAt(hub.port), bodyOf(own.cert));
  const { server } = await createDevelopmentCertificates({ hosts: ["other.example"], days: 2 });
  Deno.writeTextFileSync(other.certPath, server.certPem);
  Deno.writeTextFileSync(other.keyPath, server.keyPem);
  await hub.metricBecomes('trunkline_certificate_reloads_total{door="hub",result="replaced"}', 1);
  assert.equal(await shownAt(hub.port, "other.example"), bodyOf(server.certPem));
  assert.equal(await shownAt(hub.port), bodyOf(own.cert));
  const remaining = await hub.metric('trunkline_certificate_remaining_seconds{door="hub"}');
  assert.ok(remaining > 86_000 && remaining < 3 * 86_400);
  assert.ok(hub.logger.lines.some(({ message }) => message.startsWith("A certificate ends soon")));
});
