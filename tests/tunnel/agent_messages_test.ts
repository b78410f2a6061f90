import assert from "node:assert/strict";
import { BrokerClient, codeOf } from "../broker/broker_client.ts";
import { signWithSecret } from "../helpers/jwt.ts";
import { Spoke } from "../helpers/spoke.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { LOGIN, testWays } from "./ways.ts";

testWays("Agent messages: an agent is a service beside those of other transports", async (way) => {
  await using hub = await TestHub.start(way.settings);
  const { ca } = way.via;
  await using browser = await BrokerClient.connect(hub, "websocket", { ca });
  await using service = await BrokerClient.connect(hub, "text", { ca });
  await using agent = await Spoke.member({ port: hub.port, ...way.via });
  const ask = async (message: string) => {
    agent.say(message);
    return await agent.hear();
  };
  const id = crypto.randomUUID();
  assert.match(await agent.hear() ?? "", /system\.initialize/);
  await ask(`request:system.topic.subscribe:1.0.0:${id}\n{"topic":"a.#"}`);
  await browser.publish("a.b", "from a browser");
  assert.match(await agent.hear() ?? "", /^publish:a\.b:1\.0\.0:.*\nfrom a browser$/);
  await service.subscribe("b", { action: "publish" });
  agent.say("publish:b:1.0.0\nfrom an agent");
  assert.equal((await service.next()).payload, "from an agent");
  browser.send(`request:a.sum:1.0.0:${id}`, "1+1");
  const [, target] = /^request:a\.sum:1\.0\.0:([^:]+):/.exec(await agent.hear() ?? "") ?? [];
  agent.say(`response:a.sum:1.0.0:${target}\n2`);
  assert.equal((await browser.next()).payload, "2");
});

Deno.test("Agent messages: bytes that claim to be text are looked at before a browser gets them as text", async () => {
  await using hub = await TestHub.start();
  await using browser = await BrokerClient.connect(hub, "websocket");
  await browser.subscribe("a");
  await using agent = await Spoke.member({ port: hub.port });
  const message = Uint8Array.of(...new TextEncoder().encode("publish:a:1.0.0\n"), 0xff, 0xfe);
  agent.send({ kind: "message", message, isText: true });
  const { isBinary, bytes } = await browser.next();
  assert.ok(isBinary);
  assert.deepEqual(new Uint8Array(bytes), Uint8Array.of(0xff, 0xfe));
});

Deno.test("Agent messages: rights and tenants are those of its login", async () => {
  const tokens = [
    {
      token: "token-of-tenant-a",
      subject: "s",
      tenant: "a",
      permissions: { publish: ["news"], subscribe: ["news"] },
    },
    {
      token: "token-of-tenant-b",
      subject: "s",
      tenant: "b",
      permissions: { publish: ["news"], subscribe: ["news"] },
    },
  ];
  const settings = ["auth.mode=required", "auth.multi_tenant=true", `auth.tokens=${JSON.stringify(tokens)}`];
  await using hub = await TestHub.start(settings);
  await using one = await BrokerClient.connect(hub, "frames", { token: "token-of-tenant-a" });
  await using other = await BrokerClient.connect(hub, "frames", { token: "token-of-tenant-b" });
  await one.subscribe("news", { action: "publish" });
  assert.equal(codeOf(await other.publish("news", "x")), "NO_ROUTE_FOUND");
  assert.deepEqual(await one.publish("news", "y"), { status: "success" });
  assert.equal(codeOf(await one.publish("else", "y")), "FORBIDDEN");
  assert.equal(await hub.metric('tunnel_connections_per_account{account="a/a"}'), 1);
  await using stranger = await Spoke.connect({ port: hub.port });
  const refused = await stranger.login({ token: "token-of-tenant-a", tenant: "b" });
  assert.ok(refused !== null && !refused.ok);
  assert.equal(refused.code, "invalid_tenant");
  assert.equal((await stranger.ended).code, 4401);
});

Deno.test("Agent messages: a token without a tenant is refused where there are tenants", async () => {
  const secret = "0123456789abcdef0123456789abcdef";
  const settings = ["auth.mode=required", "auth.multi_tenant=true", `auth.jwt.secret=${secret}`];
  await using hub = await TestHub.start(settings);
  await using spoke = await Spoke.connect({ port: hub.port });
  const claims = { sub: "s", exp: Math.floor(Date.now() / 1000) + 600 };
  const refused = await spoke.login({ token: signWithSecret(claims, secret) });
  assert.ok(refused !== null && !refused.ok);
  assert.equal(refused.code, "tenant_required");
  assert.equal((await spoke.ended).code, 4401);
});

Deno.test("Agent messages: an agent that has no word for them gets none, and ends when it sends one", async () => {
  await using hub = await TestHub.start(LOGIN);
  await using agent = await Spoke.member({ port: hub.port }, {
    token: "one-token-of-an-agent",
    features: ["new"],
  });
  agent.say("publish:a:1.0.0\nx");
  assert.equal((await agent.ended).code, 1002);
  assert.equal(await agent.hear(), null);
});

Deno.test("Agent messages: where the broker is off, whoever asks is told so, and the connection stays", async () => {
  await using hub = await TestHub.start(["broker.enabled=false"]);
  await using agent = await Spoke.member({ port: hub.port });
  const id = crypto.randomUUID();
  agent.say("publish:a:1.0.0\nnobody is told of this");
  agent.say(`publish:a.b:2.0.0:${id}\nx`);
  const [header, payload] = (await agent.hear() ?? "").split("\n");
  assert.equal(header, `response:a.b:2.0.0:${id}`);
  assert.equal(JSON.parse(payload ?? "").error.code, "SERVICE_UNAVAILABLE");
  agent.say(`publish:a..b:2.0.0:${id}\nx`);
  assert.match(await agent.hear() ?? "", new RegExp(`^response:system\\.error:1\\.0\\.0:${id}\n`));
  assert.equal(await hub.metric("trunkline_agents"), 1);
});

Deno.test("Agent messages: one that registered is listed, and told of as any other", async () => {
  await using hub = await TestHub.start();
  await using agent = await BrokerClient.connect(hub, "frames");
  await using other = await BrokerClient.connect(hub, "websocket");
  await agent.request("system.service.register", { name: "edge", description: "An agent" });
  const { services } = await other.request("system.service.list");
  assert.deepEqual(services.map(({ id, name }: { id: string; name: string }) => [id, name]), [
    [agent.serviceId, "edge"],
  ]);
});

Deno.test("Agent messages: a silent service is asked by message, so that it is not taken for late", async () => {
  await using hub = await TestHub.start(["hub.heartbeat={ interval: 100ms, timeout: 60s }"]);
  await using agent = await BrokerClient.connect(hub, "frames");
  await agent.request("system.service.register", { name: "edge", description: "An agent" });
  assert.match((await agent.next()).header, /^request:system\.heartbeat:1\.0\.0:/);
});
