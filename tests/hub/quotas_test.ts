/** What accounts and connections may use, over real sockets of every kind. */
import assert from "node:assert/strict";
import { MAX_OVER_RATE } from "../../src/broker/send_rates.ts";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { BrokerClient, codeOf, newId } from "../broker/broker_client.ts";
import { visit } from "../helpers/http_visit.ts";
import { Spoke } from "../helpers/spoke.ts";
import { TcpService } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

const TRANSPORTS = ["websocket", "text", "frames"] as const;
const EVERYTHING = { publish: ["#"], subscribe: ["#"], request: ["#"], serve: ["#"], tunnel: ["*"] };

/** The token of one of the subjects of an account. */
function tokenOf(account: string, subject = "one"): string {
  return `token-of-${account}-${subject}`;
}

/** Settings with logins for two subjects each of two accounts. */
function settings(limits: object, more: readonly string[] = []): string[] {
  const tokens = ["acme", "other"].flatMap((account) =>
    ["one", "two"].map((subject) => ({
      token: tokenOf(account, subject),
      subject: `${account}-${subject}`,
      account,
      permissions: { ...EVERYTHING, admin: false },
    }))
  );
  return [
    "auth.mode=required",
    `auth.tokens=${JSON.stringify(tokens)}`,
    `limits=${JSON.stringify(limits)}`,
    ...more,
  ];
}

/** Publishes so often, and gives the codes of the answers; `undefined` for a success. */
async function publishOften(client: BrokerClient, count: number): Promise<(string | undefined)[]> {
  const ids = Array.from({ length: count }, newId);
  for (const id of ids) client.send(`publish:a:1.0.0:${id}`);
  const codes = [];
  for (const id of ids) codes.push(codeOf((await client.answer(id)).payload));
  return codes;
}

for (const transport of TRANSPORTS) {
  Deno.test(`Quotas: an account's messages are counted over all its connections (${transport})`, async () => {
    const limits = { default: { messages_per_second: 20, burst: "1x" }, adjust: { enabled: false } };
    await using hub = await TestHub.start(settings(limits));
    await using one = await BrokerClient.connect(hub, transport, { token: tokenOf("acme") });
    await using two = await BrokerClient.connect(hub, transport, { token: tokenOf("acme", "two") });
    await using other = await BrokerClient.connect(hub, transport, { token: tokenOf("other") });
    const codes = await Promise.all([publishOften(one, 40), publishOften(two, 40)]);
    const refused = codes.flat().filter((code) => code === "RATE_LIMITED").length;
    // Two of its bucket, and what the time of the test adds.
    assert.ok(refused >= 40, String(refused));
    assert.deepEqual(await publishOften(other, 2), ["NO_ROUTE_FOUND", "NO_ROUTE_FOUND"]);
    const told = await one.publish("a");
    if (codeOf(told) === "RATE_LIMITED") assert.ok(told.error?.details.retryAfterMs > 0);
    // Signs of life are not counted.
    assert.equal((await one.request("system.heartbeat")).status, "success");
    assert.ok(await hub.metric('trunkline_quota_refused_total{scope="account",what="messages"}') >= refused);
  });

  Deno.test(`Quotas: one connection too many is told why and ends with 4429 (${transport})`, async () => {
    await using hub = await TestHub.start(settings({ default: { connections: 1 } }));
    await using one = await BrokerClient.connect(hub, transport, { token: tokenOf("acme") });
    if (transport === "frames") {
      await using spoke = await Spoke.connect({ port: hub.port });
      const refused = await spoke.login({ token: tokenOf("acme", "two"), agentId: "late" });
      assert.ok(refused !== null && !refused.ok);
      assert.equal(refused.code, "connection_limit_reached");
      assert.equal((await spoke.ended).code, 4429);
    } else if (transport === "websocket") {
      await using late = await WsClient.connect(hub.url("/"), { token: tokenOf("acme", "two") });
      const { code, reason } = await late.closed;
      assert.equal(code, 4429);
      assert.match(reason, /as many connections as it may have \(1\)/);
    } else {
      await using late = await BrokerClient.connect(hub, "text");
      late.send(
        `request:system.authenticate:1.0.0:${newId()}`,
        JSON.stringify({ token: tokenOf("acme", "two") }),
      );
      assert.equal((await late.closed()).code, 4429);
    }
    await using _other = await BrokerClient.connect(hub, transport, { token: tokenOf("other") });
    await one.close();
    await using _again = await BrokerClient.connect(hub, transport, { token: tokenOf("acme") });
  });

  Deno.test(`Quotas: an account has so many subscriptions (${transport})`, async () => {
    await using hub = await TestHub.start(settings({ default: { subscriptions: 2 } }));
    await using one = await BrokerClient.connect(hub, transport, { token: tokenOf("acme") });
    await using two = await BrokerClient.connect(hub, transport, { token: tokenOf("acme", "two") });
    await one.subscribe("a");
    await two.subscribe("a");
    const { error } = await one.request("system.topic.subscribe", { topic: "b" });
    assert.equal(error?.code, "LIMIT_REACHED");
    assert.deepEqual(error?.details, { limit: 2, scope: "account" });
    await one.subscribe("a", { priority: 3 });
    await two.close();
    await hub.metricBecomes(
      'trunkline_quota_used{scope="account",tenant="default",name="acme",what="subscriptions"}',
      1,
    );
    await one.subscribe("b");
  });
}

Deno.test("Quotas: what is forbidden is paid for as well", async () => {
  const limits = { default: { messages_per_second: 20, burst: "1x" }, adjust: { enabled: false } };
  await using hub = await TestHub.start(settings(limits));
  await using client = await BrokerClient.connect(hub, "websocket", { token: tokenOf("acme") });
  const ids = Array.from({ length: 60 }, newId);
  for (const id of ids) client.send(`publish:system.log:1.0.0:${id}`);
  const codes = [];
  for (const id of ids) codes.push(codeOf((await client.answer(id)).payload));
  assert.deepEqual([...new Set(codes)].sort(), ["FORBIDDEN", "RATE_LIMITED"]);
});

Deno.test("Quotas: who goes on over his rate, whatever he is told, ends with 4429", async () => {
  await using hub = await TestHub.start(["limits.connection.messages_per_second=1"]);
  await using client = await BrokerClient.connect(hub, "text");
  for (let sent = 0; sent < MAX_OVER_RATE + 200; sent++) client.send("publish:a:1.0.0");
  assert.equal((await client.closed()).code, 4429);
});

Deno.test("Quotas: what a service answers is never refused for its rate", async () => {
  await using hub = await TestHub.start(["limits.connection={ messages_per_second: 20, burst: 1x }"]);
  await using service = await BrokerClient.connect(hub, "text");
  await service.subscribe("a", { action: "request" });
  const clients = [];
  for (let count = 0; count < 10; count++) clients.push(await BrokerClient.connect(hub, "text"));
  const asked = clients.map((client) => client.ask("request:a:1.0.0", "?"));
  for (const { header } of await service.take(asked.length)) {
    const [, topic, version, id] = header.split(":");
    service.send(`response:${topic}:${version}:${id}`, "{}");
  }
  for (const answer of await Promise.all(asked)) assert.match(answer.header, /^response:a:/);
  for (const client of clients) await client.close();
});

for (const transport of ["websocket", "text"] as const) {
  Deno.test(`Quotas: a connection over its bandwidth is delayed, and loses nothing (${transport})`, async () => {
    await using hub = await TestHub.start(["limits.connection={ bandwidth: 200KiB, burst: 1x }"]);
    await using subscriber = await BrokerClient.connect(hub, transport);
    await using publisher = await BrokerClient.connect(hub, transport);
    await subscriber.subscribe("a");
    const payload = "x".repeat(10 * 1024);
    const startedMs = performance.now();
    for (let sent = 0; sent < 40; sent++) publisher.send("publish:a:1.0.0", `${sent} ${payload}`);
    for (let got = 0; got < 40; got++) {
      assert.equal((await subscriber.next()).payload.split(" ")[0], String(got));
    }
    // 400 KiB at 200 KiB/s, less what a bucket holds.
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs > 1500, String(tookMs));
  });
}

Deno.test("Quotas: members of a relay are read later instead of being refused", async () => {
  await using hub = await TestHub.start(["limits.connection={ messages_per_second: 40, burst: 1x }"]);
  await using one = await WsClient.connect(hub.url("/relay"));
  await using two = await WsClient.connect(hub.url("/relay"));
  const startedMs = performance.now();
  const text = (at: number) => `${at} ${"x".repeat(200)}`;
  for (let sent = 0; sent < 60; sent++) one.send(text(sent));
  for (let got = 0; got < 60; got++) assert.equal(await two.next(), text(got));
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs > 1000, String(tookMs));
});

Deno.test("Quotas: visitors over an account's rate get 429 and a time", async () => {
  await using service = await TcpService.start((socket) => {
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  await using hub = await TestHub.start(settings({ default: { requests_per_second: 1, burst: "3x" } }));
  const tunnels = `[{ name: web, kind: http, local: "${service.port}", subdomain: app }]`;
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, tunnels, { token: tokenOf("acme") });
  await edge.reached("web", "up");
  const seen = [];
  for (let count = 0; count < 12; count++) seen.push(await visit(hub.publicPort, { host: "app.localhost" }));
  assert.equal(seen[0]?.status, 200);
  const refused = seen.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0);
  for (const { headers } of refused) assert.ok(Number(headers["retry-after"]) >= 1);
  assert.ok(
    await hub.metric('trunkline_quota_refused_total{scope="account",what="requests"}') >= refused.length,
  );
});

Deno.test("Quotas: streams over an account's limit are 429, and end with their visitors", async () => {
  const held: (() => void)[] = [];
  const both = Promise.withResolvers<void>();
  await using service = await TcpService.start((socket) => {
    socket.on("data", () => {
      held.push(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
      if (held.length === 2) both.resolve();
    });
  });
  await using hub = await TestHub.start(settings({ default: { streams: 2 } }));
  const tunnels = `[{ name: web, kind: http, local: "${service.port}", subdomain: app }]`;
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, tunnels, { token: tokenOf("acme") });
  await edge.reached("web", "up");
  const waiting = [1, 2].map(() => visit(hub.publicPort, { host: "app.localhost" }));
  const used = 'trunkline_quota_used{scope="account",tenant="default",name="acme",what="streams"}';
  await hub.metricBecomes(used, 2);
  assert.equal((await visit(hub.publicPort, { host: "app.localhost" })).status, 429);
  await hub.metricBecomes(used, 2);
  await both.promise;
  for (const answer of held) answer();
  for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
  await hub.metricBecomes(used, 0);
});

Deno.test("Quotas: other limits hold at once for those who are connected", async () => {
  await using hub = await TestHub.start(settings({}));
  await using client = await BrokerClient.connect(hub, "websocket", { token: tokenOf("acme") });
  assert.ok((await publishOften(client, 50)).every((code) => code === "NO_ROUTE_FOUND"));
  const outcome = await hub.reload(
    settings({ accounts: { acme: { messages_per_second: 1, subscriptions: 1 } } }),
  );
  assert.ok(outcome.kind === "loaded");
  assert.ok((await publishOften(client, 50)).filter((code) => code === "RATE_LIMITED").length >= 40);
  await hub.reload(settings({}));
  assert.ok((await publishOften(client, 50)).every((code) => code === "NO_ROUTE_FOUND"));
});
