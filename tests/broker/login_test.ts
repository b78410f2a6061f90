import assert from "node:assert/strict";
import { TestHub } from "../helpers/test_hub.ts";
import { ALL_TRANSPORTS, BrokerClient, codeOf, TRANSPORTS } from "./broker_client.ts";

const TOKENS = [
  { token: "reader-token-0001", subject: "reader", permissions: { subscribe: ["news.#"], request: ["sum"] } },
  { token: "writer-token-0001", subject: "writer", permissions: { publish: ["news.+"], serve: ["sum"] } },
  { token: "admin-token-0001", subject: "boss", permissions: { admin: true } },
];
const LOGIN = ["auth.mode=required", `auth.tokens=${JSON.stringify(TOKENS)}`];

for (const transport of ALL_TRANSPORTS) {
  Deno.test(`Login: who logged in does what he may, and nothing else (${transport})`, async () => {
    await using hub = await TestHub.start(LOGIN);
    await using reader = await BrokerClient.connect(hub, transport, { token: "reader-token-0001" });
    await using writer = await BrokerClient.connect(hub, transport, { token: "writer-token-0001" });
    await reader.subscribe("news.#", { action: "publish" });
    assert.deepEqual(await writer.publish("news.today", "hello"), { status: "success" });
    assert.equal((await reader.next()).payload, "hello");
    assert.equal(codeOf(await writer.publish("news.today.late", "x")), "FORBIDDEN");
    assert.equal(codeOf(await reader.publish("news.today", "x")), "FORBIDDEN");
    const subscribe = (client: BrokerClient, topic: string, action: string) =>
      client.request("system.topic.subscribe", { topic, action });
    assert.equal(codeOf(await subscribe(reader, "#", "publish")), "FORBIDDEN");
    assert.equal(codeOf(await subscribe(reader, "news.#", "both")), "FORBIDDEN");
    assert.equal(codeOf(await subscribe(reader, "system.service.events", "publish")), "FORBIDDEN");
    assert.equal(codeOf(await subscribe(writer, "sum", "request")), undefined);
    reader.send("request:sum:1.0.0:00000000-0000-4000-8000-0000000000aa", "1+1");
    const { header } = await writer.next();
    writer.send(`response:sum:1.0.0:${header.split(":")[3]}`, "2");
    assert.equal((await reader.next()).payload, "2");
    assert.equal(codeOf((await reader.ask("request:other:1.0.0", "")).payload), "FORBIDDEN");
  });
}

Deno.test("Login: by message, everything else waits for it", async () => {
  await using hub = await TestHub.start(LOGIN);
  for (const transport of TRANSPORTS) {
    await using client = await BrokerClient.connect(hub, transport);
    assert.deepEqual(await client.request("system.heartbeat"), { status: "success" });
    assert.equal(codeOf(await client.publish("news.today", "x")), "UNAUTHORIZED");
    assert.equal(codeOf(await client.request("system.service.list")), "UNAUTHORIZED");
    assert.equal(codeOf(await client.request("system.authenticate", {})), "INVALID_REQUEST");
    assert.equal(codeOf(await client.request("system.authenticate", { token: "wrong" })), "UNAUTHORIZED");
    const answer = await client.request("system.authenticate", { token: "writer-token-0001" });
    assert.deepEqual(answer, { subject: "writer", tenant: "default", expiresAt: null, status: "success" });
    assert.equal(codeOf(await client.publish("news.today", "x")), "NO_ROUTE_FOUND");
  }
});

Deno.test("Login: again as the same somebody, never as somebody else", async () => {
  await using hub = await TestHub.start(LOGIN);
  await using client = await BrokerClient.connect(hub, "text", { token: "writer-token-0001" });
  assert.equal(
    codeOf(await client.request("system.authenticate", { token: "reader-token-0001" })),
    "UNAUTHORIZED",
  );
  const again = await client.request("system.authenticate", { token: "writer-token-0001" });
  assert.equal(again.status, "success");
  assert.equal(codeOf(await client.publish("news.today", "x")), "NO_ROUTE_FOUND");
});

Deno.test("Login: other rules end what they do not allow any more, and whom they do not know", async () => {
  await using hub = await TestHub.start(LOGIN);
  await using reader = await BrokerClient.connect(hub, "text", { token: "reader-token-0001" });
  await using writer = await BrokerClient.connect(hub, "websocket", { token: "writer-token-0001" });
  await reader.subscribe("news.today", { action: "publish" });
  await reader.subscribe("news.old.#", { action: "publish" });
  const narrower = [{ ...TOKENS[0], permissions: { subscribe: ["news.+"] } }];
  await hub.reload(["auth.mode=required", `auth.tokens=${JSON.stringify(narrower)}`]);
  assert.equal((await writer.closed()).code, 4401);
  const { header, payload } = await reader.next();
  assert.match(header, /^publish:system\.topic\.revoked:1\.0\.0:/);
  assert.deepEqual(JSON.parse(payload), { subscriptions: [{ topic: "news.old.#", action: "publish" }] });
  const { subscriptions } = await reader.request("system.service.subscriptions");
  assert.deepEqual(subscriptions.map(({ topic }: { topic: string }) => topic), ["news.today"]);
});

Deno.test("Login: tenants do not see each other", async () => {
  const tokens = ["red", "blue"].map((tenant) => ({
    token: `token-of-tenant-${tenant}`,
    subject: "same",
    tenant,
    permissions: { publish: ["#"], subscribe: ["#"], request: ["#"], serve: ["#"] },
  }));
  const settings = ["auth.mode=required", "auth.multi_tenant=true", `auth.tokens=${JSON.stringify(tokens)}`];
  await using hub = await TestHub.start(settings);
  await using red = await BrokerClient.connect(hub, "text", { token: "token-of-tenant-red" });
  await using blue = await BrokerClient.connect(hub, "websocket", { token: "token-of-tenant-blue" });
  await red.subscribe("#");
  await red.request("system.service.register", { name: "red-service", description: "" });
  assert.equal(codeOf(await blue.publish("a", "x")), "NO_ROUTE_FOUND");
  assert.equal(codeOf((await blue.ask("request:a:1.0.0")).payload), "NO_ROUTE_FOUND");
  for (const topic of ["service.list", "topic.list", "topic.subscriptions"]) {
    const [list] = Object.values(await blue.request(`system.${topic}`));
    assert.deepEqual(list, [], topic);
  }
  const foreign = await blue.request("system.service.subscriptions", { serviceId: red.serviceId });
  const unknown = await blue.request("system.service.subscriptions", {
    serviceId: blue.serviceId.replace(/./g, "0"),
  });
  assert.equal(codeOf(foreign), codeOf(unknown));
});

Deno.test("Login: the audit tells the connection of a login at the door, of taps, and of services under other names", async () => {
  const path = await Deno.makeTempFile();
  try {
    const serviceId = await useEverything(path);
    const lines = (await Deno.readTextFile(path)).trimEnd().split("\n").map((line) => JSON.parse(line));
    const told = lines.filter(({ connection }) => connection === serviceId).map((line) => [
      line.kind,
      line.action ?? line.name ?? line.via ?? line.reason,
      line.target,
    ]);
    assert.deepEqual(told, [
      ["login_accepted", "header", undefined],
      ["admin_action", "tap", "system.Message"],
      ["service_registered", "harmless", undefined],
      ["service_registered", "payments", undefined],
      ["revoked", "unknown", undefined],
    ]);
  } finally {
    await Deno.remove(path);
  }
});

/** What the audit hears of one connection; gives its id. */
async function useEverything(auditPath: string): Promise<string> {
  const tokens = [{ ...TOKENS[2], permissions: { admin: true, subscribe: ["#", "system.message"] } }];
  const login = ["auth.mode=required", `auth.tokens=${JSON.stringify(tokens)}`];
  await using hub = await TestHub.start([...login, `logging.audit=${auditPath}`]);
  await using boss = await BrokerClient.connect(hub, "websocket", { token: "admin-token-0001" });
  await boss.subscribe("#", { action: "publish" });
  await boss.subscribe("system.Message", { action: "publish" });
  for (const name of ["harmless", "harmless", "payments"]) {
    await boss.request("system.service.register", { name, description: "" });
  }
  const others = [{ ...TOKENS[0], permissions: {} }];
  await hub.reload([
    "auth.mode=required",
    `auth.tokens=${JSON.stringify(others)}`,
    `logging.audit=${auditPath}`,
  ]);
  assert.equal((await boss.closed()).code, 4401);
  return boss.serviceId;
}
