/** Client certificates at the door of a real hub, TLS 1.2 and 1.3: who is let past it, and who is not. */
import assert from "node:assert/strict";
import { TestCertificate } from "../helpers/client_certificates.ts";
import { MutualScene, TOKEN, VERSIONS } from "../helpers/mutual_tls.ts";
import { upgradeRequest } from "../helpers/raw_client.ts";

const withToken = (token: string) => upgradeRequest({ fields: { "Authorization": `Bearer ${token}` } });

for (const version of VERSIONS) {
  Deno.test(`Client certificates: one that is good logs in, none does not (${version})`, async () => {
    await using scene = await MutualScene.start();
    const alice = await TestCertificate.make({ by: scene.authority });
    assert.equal(await scene.knock({ version, client: alice }), 101);
    assert.equal(await scene.knock({ version }), 401);
    assert.equal(await scene.knock({ version, request: withToken(TOKEN) }), 101);
  });

  Deno.test(`Client certificates: where one is required, none gets past the door, token or not (${version})`, async () => {
    await using scene = await MutualScene.start({ required: true });
    const alice = await TestCertificate.make({ by: scene.authority });
    assert.equal(await scene.knock({ version, client: alice }), 101);
    assert.equal(await scene.knock({ version }), null);
    assert.equal(await scene.knock({ version, request: withToken(TOKEN) }), null);
    await scene.hub.metricBecomes('trunkline_client_certificates_refused_total{reason="missing"}', 2);
    assert.equal(
      await scene.hub.metric('trunkline_connections_refused_total{reason="client_certificate"}'),
      2,
    );
    assert.equal(await scene.hub.metric("trunkline_tls_handshake_errors_total"), 0);
  });
}
