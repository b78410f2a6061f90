/** Logins by client certificate over every transport of a real hub, and what becomes of them later. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { ALL_TRANSPORTS, BrokerClient, codeOf } from "../broker/broker_client.ts";
import { TestCertificate } from "../helpers/client_certificates.ts";
import { JsonClient } from "../helpers/json_client.ts";
import { MutualScene, TOKEN } from "../helpers/mutual_tls.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { WsClient } from "../helpers/ws_client.ts";
import { Spoke } from "../helpers/spoke.ts";

const RIGHTS = { publish: ["#"], subscribe: ["#"], request: ["#"] };

function certificates(...entries: readonly Record<string, unknown>[]): string {
  return `auth.certificates=${JSON.stringify(entries)}`;
}

/** A hub, and a certificate of alice. */
async function start(settings: readonly string[] = []) {
  const scene = await MutualScene.start({ settings });
  const alice = await TestCertificate.make({ by: scene.authority });
  return { scene, alice, via: { ca: scene.ca, client: alice } };
}

for (const transport of ALL_TRANSPORTS) {
  Deno.test(`Login by certificate: is in from the first message on, with the rights of its entry (${transport})`, async () => {
    const { scene, via } = await start([
      certificates({ match: "alice", subject: "alice", permissions: { publish: ["news.#"] } }),
    ]);
    await using _ = scene;
    await using client = await BrokerClient.connect(scene.hub, transport, via);
    assert.equal(codeOf(await client.publish("news.today", "x")), "NO_ROUTE_FOUND");
    assert.equal(codeOf(await client.publish("other", "x")), "FORBIDDEN");
    assert.equal(await scene.hub.metric('trunkline_security_events_total{kind="login_accepted"}'), 1);
  });

  Deno.test(`Login by certificate: ends when its entry is gone, and follows the rights of its entry (${transport})`, async () => {
    const { scene, via } = await start();
    await using _ = scene;
    const kept = scene.settings.filter((one) => !one.startsWith("auth.certificates="));
    await using client = await BrokerClient.connect(scene.hub, transport, via);
    assert.equal(codeOf(await client.publish("other", "x")), "NO_ROUTE_FOUND");
    const narrow = certificates({ match: "alice", subject: "alice", permissions: { publish: ["news.#"] } });
    const first = await scene.hub.reload([...kept, narrow]);
    assert.deepEqual(first, { kind: "loaded", changed: ["auth.certificates"], needRestart: [], ended: 0 });
    assert.equal(codeOf(await client.publish("other", "x")), "FORBIDDEN");
    const bob = certificates({ match: "bob", subject: "bob" });
    const second = await scene.hub.reload([...kept, bob]);
    assert.deepEqual(second, { kind: "loaded", changed: ["auth.certificates"], needRestart: [], ended: 1 });
    assert.equal((await client.closed()).code, 4401);
    assert.equal(await scene.hub.metric('trunkline_security_events_total{kind="revoked"}'), 1);
  });

  Deno.test(`Login by certificate: runs out with its certificate (${transport})`, async () => {
    await using scene = await MutualScene.start();
    const brief = await TestCertificate.make({ by: scene.authority, until: 2.5 / 86_400 });
    await using client = await BrokerClient.connect(scene.hub, transport, { ca: scene.ca, client: brief });
    assert.equal((await client.closed()).code, 4401);
    assert.equal(await scene.hub.metric('trunkline_security_events_total{kind="expired"}'), 1);
    assert.equal(await scene.knock({ client: brief }), null);
    assert.equal(await scene.refused("expired"), 1);
  });
}

Deno.test("Login by certificate: is found by a URI or DNS name too, and the first entry counts", async () => {
  const { scene } = await start([certificates(
    { match: "urn:edge:1", subject: "by-uri" },
    { match: "edge.example", subject: "by-dns" },
    { match: "edge", subject: "by-name" },
  )]);
  await using _ = scene;
  const dns = { type: "dns", value: "edge.example" } as const;
  const uri = { type: "url", value: "urn:edge:1" } as const;
  for (
    const [subject, alternatives] of [["by-uri", [dns, uri]], ["by-dns", [dns]], ["by-name", []]] as const
  ) {
    const client = await TestCertificate.make({ name: "edge", by: scene.authority, alternatives });
    await using spoke = await Spoke.connect({ port: scene.hub.port, ca: scene.ca, client });
    const answer = await spoke.login({ agentId: "a", session: "s" });
    assert.ok(answer?.ok);
    assert.equal(answer.accountId, subject);
  }
  const near = await TestCertificate.make({ name: "Edge", by: scene.authority });
  assert.equal(await scene.knock({ client: near }), 401);
});

for (const inWebSocket of [false, true]) {
  const way = inWebSocket ? "in a WebSocket" : "on the port";
  Deno.test(`Login by certificate: an agent needs no token, and a token that it shows goes first (frames ${way})`, async () => {
    const { scene, via } = await start();
    await using _ = scene;
    const to = { port: scene.hub.port, ...via, inWebSocket };
    await using known = await Spoke.connect(to);
    const answer = await known.login({ agentId: "edge", session: "s" });
    assert.ok(answer?.ok);
    assert.equal(answer.accountId, "alice");
    await using other = await Spoke.connect(to);
    const byToken = await other.login({ agentId: "edge", session: "s", token: TOKEN });
    assert.ok(byToken?.ok);
    assert.equal(byToken.accountId, "by-token");
    await using wrong = await Spoke.connect(to);
    const refused = await wrong.login({ agentId: "edge", session: "s", token: "a-token-that-nobody-knows" });
    assert.ok(refused?.ok === false);
    assert.equal(refused.code, "invalid_token");
  });
}

Deno.test("Login by certificate: is of the tenant of its entry, and of no other that an agent names", async () => {
  const { scene, via } = await start([
    "auth.multi_tenant=true",
    "auth.tokens=[]",
    certificates({ match: "alice", subject: "alice", tenant: "acme" }),
  ]);
  await using _ = scene;
  const to = { port: scene.hub.port, ...via };
  await using right = await Spoke.connect(to);
  const answer = await right.login({ agentId: "edge", session: "s", tenant: "acme" });
  assert.ok(answer?.ok);
  assert.equal(answer.tenant, "acme");
  await using wrong = await Spoke.connect(to);
  const refused = await wrong.login({ agentId: "edge", session: "s", tenant: "other" });
  assert.ok(refused?.ok === false);
  assert.equal(refused.code, "invalid_tenant");
});

Deno.test("Login by certificate: a revoked subject is not let in, and is told so where it asks", async () => {
  const { scene, alice, via } = await start(['auth.revoked.subjects=["alice"]']);
  await using _ = scene;
  assert.equal(await scene.knock({ client: alice }), 401);
  await using spoke = await Spoke.connect({ port: scene.hub.port, ...via });
  const refused = await spoke.login({ agentId: "edge", session: "s" });
  assert.ok(refused?.ok === false);
  assert.equal(refused.code, "invalid_token");
  assert.equal(await scene.hub.metric('trunkline_security_events_total{kind="login_refused"}'), 2);
});

Deno.test("Login by certificate: JSON lines log in by an auth without a token, or by the token that it has", async () => {
  const { scene, via } = await start();
  await using _ = scene;
  const to = { port: scene.hub.port, ...via };
  const hello = { type: "hello", version: "1.0", features: [] };
  await using client = await JsonClient.connect(to);
  await client.ask(hello);
  const announced = { type: "tunnel_info", tunnel_id: "t", local_port: 1, remote_host: "a", remote_port: 1 };
  assert.equal((await client.ask(announced))?.["code"], "invalid_token");
  assert.equal((await client.ask({ type: "auth", tenant_id: "other" }))?.["code"], "invalid_tenant");
  assert.equal((await client.ask({ type: "auth" }))?.["status"], "ok");
  assert.equal((await client.ask({ type: "auth" }))?.["code"], "invalid_token");

  await using other = await JsonClient.connect(to);
  await other.ask(hello);
  assert.equal(
    (await other.ask({ type: "auth", token: "a-token-that-nobody-knows" }))?.["code"],
    "invalid_token",
  );
  assert.equal((await other.ask({ type: "auth", token: TOKEN }))?.["status"], "ok");

  await using nobody = await JsonClient.connect({ port: scene.hub.port, ca: scene.ca });
  await nobody.ask(hello);
  assert.equal((await nobody.ask({ type: "auth" }))?.["code"], "unknown_message_type");

  await using agent = await JsonClient.connect(to);
  await agent.ask({ ...hello, features: ["frames"] });
  const answer = await agent.ask({ type: "auth" });
  assert.equal(answer?.["status"], "ok");
  assert.equal(typeof answer?.["session"], "string");
  await scene.hub.metricBecomes('trunkline_connections{transport="frames"}', 1);
});

Deno.test("Login by certificate: a later token renews it for the same subject, and for no other", async () => {
  const both = [{ token: "token-of-alice-herself", subject: "alice", permissions: RIGHTS }, {
    token: TOKEN,
    subject: "b",
  }];
  const { scene, via } = await start([`auth.tokens=${JSON.stringify(both)}`]);
  await using _ = scene;
  await using client = await BrokerClient.connect(scene.hub, "text", via);
  const renewed = await client.request("system.authenticate", { token: "token-of-alice-herself" });
  assert.deepEqual([renewed.subject, renewed.expiresAt], ["alice", null]);
  assert.equal(codeOf(await client.request("system.authenticate", { token: TOKEN })), "UNAUTHORIZED");
  assert.equal(codeOf(await client.publish("news.today", "x")), "NO_ROUTE_FOUND");
});

Deno.test("Login by certificate: a browser's counts for pages that are listed by name alone", async () => {
  const listed = "https://app.example";
  for (const origins of [[listed, "self", "loopback"], ["*"], ["*", listed]]) {
    const { scene, via } = await start([`hub.origins=${JSON.stringify(origins)}`]);
    await using _ = scene;
    const self = `https://localhost:${scene.hub.port}`;
    const foreign = origins.includes("*") ? ["https://evil.example", "null"] : [];
    for (const origin of [listed, self, "http://localhost:3000", ...foreign]) {
      await using page = await BrokerClient.connect(scene.hub, "websocket", { ...via, origin });
      const isIn = origin === listed && origins.includes(listed);
      assert.equal(codeOf(await page.publish("news", "x")), isIn ? "NO_ROUTE_FOUND" : "UNAUTHORIZED", origin);
    }
  }
});

Deno.test("Login by certificate: a page that is not listed by name is no agent either", async () => {
  const { scene, via } = await start(['hub.origins=["*"]']);
  await using _ = scene;
  const url = `wss://localhost:${scene.hub.port}/agent`;
  const request = { agentId: "a", session: "s", features: [] };
  const { parts: [frame] } = encodeFrame({ kind: "auth_request", request });
  assert.ok(frame !== undefined);
  for (
    const [origin, answer] of [["https://evil.example", /"invalid_token"/], [undefined, /"ok":true/]] as const
  ) {
    await using page = await WsClient.connect(url, { ...via, ...(origin && { origin }) });
    page.send(new Uint8Array(frame));
    const said = await page.next();
    assert.ok(said instanceof Uint8Array);
    assert.match(new TextDecoder().decode(said), answer);
  }
});

Deno.test("Login by certificate: one that is denied while the hub runs ends, and cannot come back", async () => {
  const { scene, alice, via } = await start();
  await using _ = scene;
  await using client = await BrokerClient.connect(scene.hub, "websocket", via);
  await using byToken = await BrokerClient.connect(scene.hub, "websocket", { ca: scene.ca, token: TOKEN });
  const { fingerprint256 } = new X509Certificate(alice.cert);
  const outcome = await scene.hub.reload([...scene.settings, `hub.tls.deny=["${fingerprint256}"]`]);
  assert.deepEqual(outcome, { kind: "loaded", changed: ["hub.tls.deny"], needRestart: [], ended: 1 });
  assert.equal((await client.closed()).code, 4401);
  assert.equal(await scene.knock({ client: alice }), null);
  assert.equal(await scene.refused("denied"), 1);
  assert.equal((await byToken.request("system.heartbeat")).status, "success");
  await scene.hub.reload(scene.settings);
  await using _again = await BrokerClient.connect(scene.hub, "websocket", via);
});

Deno.test("Login by certificate: one below an authority that is denied while the hub runs ends too", async () => {
  await using scene = await MutualScene.start();
  const middle = await TestCertificate.authority({ name: "middle", by: scene.authority });
  const below = (await TestCertificate.make({ by: middle })).shownWith(middle);
  const direct = await TestCertificate.make({ by: scene.authority });
  await using first = await BrokerClient.connect(scene.hub, "websocket", { ca: scene.ca, client: below });
  await using other = await BrokerClient.connect(scene.hub, "websocket", { ca: scene.ca, client: direct });
  const { serialNumber } = middle.x509;
  const outcome = await scene.hub.reload([...scene.settings, `hub.tls.deny=["${serialNumber}"]`]);
  assert.deepEqual(outcome, { kind: "loaded", changed: ["hub.tls.deny"], needRestart: [], ended: 1 });
  assert.equal((await first.closed()).code, 4401);
  assert.equal(await scene.knock({ client: below }), null);
  assert.equal((await other.request("system.heartbeat")).status, "success");
});

Deno.test("Login by certificate: another file of authorities holds for new connections, and a wrong one for none", async () => {
  const { scene, alice, via } = await start();
  await using _ = scene;
  await using client = await BrokerClient.connect(scene.hub, "websocket", via);
  const setting = scene.settings.find((one) => one.startsWith("hub.tls.client_ca="));
  const path = setting?.slice("hub.tls.client_ca=".length) ?? assert.fail();
  const before = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, "nonsense");
  assert.equal((await scene.hub.reload(scene.settings)).kind, "invalid");
  assert.equal(await scene.knock({ client: alice }), 101);
  const other = await TestCertificate.authority();
  Deno.writeTextFileSync(path, other.cert);
  assert.equal((await scene.hub.reload(scene.settings)).kind, "loaded");
  assert.equal(await scene.knock({ client: alice }), null);
  assert.equal((await client.request("system.heartbeat")).status, "success", "who is there stays");
  Deno.writeTextFileSync(path, before);
  assert.equal((await scene.hub.reload(scene.settings)).kind, "loaded");
  assert.equal(await scene.knock({ client: alice }), 101);
});
