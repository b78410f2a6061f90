/** Certificates that are denied while somebody is in whom they let through the door. */
import assert from "node:assert/strict";
import { ALL_TRANSPORTS, BrokerClient } from "../broker/broker_client.ts";
import { TestCertificate } from "../helpers/client_certificates.ts";
import { MutualScene, TOKEN } from "../helpers/mutual_tls.ts";
import { WsClient } from "../helpers/ws_client.ts";

/** A hub that asks for a certificate, and one that is good for the door alone. */
async function start(settings: readonly string[] = []) {
  const scene = await MutualScene.start({ required: true, settings });
  const wish = { name: "nobody", by: scene.authority };
  const [shown, other] = [await TestCertificate.make(wish), await TestCertificate.make(wish)];
  const via = { ca: scene.ca, client: shown };
  const deny = () => scene.hub.reload([...scene.settings, `hub.tls.deny=["${shown.x509.fingerprint256}"]`]);
  return { scene, via, other: { ca: scene.ca, client: other }, deny };
}

const ENDED = { kind: "loaded", changed: ["hub.tls.deny"], needRestart: [], ended: 1 };

for (const transport of ALL_TRANSPORTS) {
  Deno.test(`Denied certificate: ends a login by token behind it, and no other (${transport})`, async () => {
    const { scene, via, other, deny } = await start();
    await using _ = scene;
    await using client = await BrokerClient.connect(scene.hub, transport, { ...via, token: TOKEN });
    await using bystander = await BrokerClient.connect(scene.hub, transport, { ...other, token: TOKEN });
    assert.deepEqual(await deny(), ENDED);
    assert.equal((await client.closed()).code, 4401);
    assert.equal((await bystander.request("system.heartbeat")).status, "success");
    assert.equal(await scene.hub.metric('trunkline_security_events_total{kind="revoked"}'), 1);
  });
}

Deno.test("Denied certificate: ends the page of a browser, which may not log in by it, all the same", async () => {
  const { scene, via, deny } = await start(['hub.origins=["*"]']);
  await using _ = scene;
  const page = { ...via, token: TOKEN, origin: "https://any.example" };
  await using client = await BrokerClient.connect(scene.hub, "websocket", page);
  assert.deepEqual(await deny(), ENDED);
  assert.equal((await client.closed()).code, 4401);
});

Deno.test("Denied certificate: ends who did not log in yet", async () => {
  const { scene, via, deny } = await start();
  await using _ = scene;
  await using client = await WsClient.connect(`wss://localhost:${scene.hub.port}/`, via);
  await client.next();
  assert.deepEqual(await deny(), ENDED);
  assert.equal((await client.closed).code, 4401);
});

Deno.test("Denied certificate: ends who need not log in, in the relay and on a hub without logins", async () => {
  for (
    const settings of [["relay.auth=none"], ["auth.mode=none", "auth.tokens=[]", "auth.certificates=[]"]]
  ) {
    const { scene, via, other, deny } = await start(settings);
    await using _ = scene;
    const url = `wss://localhost:${scene.hub.port}/relay`;
    await using client = await WsClient.connect(url, via);
    await using bystander = await WsClient.connect(url, other);
    client.send("to all");
    assert.equal(await bystander.next(), "to all");
    assert.deepEqual(await deny(), ENDED, settings.join());
    assert.equal((await client.closed).code, 4401);
    await using another = await WsClient.connect(url, other);
    another.send("still there");
    assert.equal(await bystander.next(), "still there");
  }
});
