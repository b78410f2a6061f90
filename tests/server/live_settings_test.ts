/** What changes while a hub runs, for those who are connected and for those who come. */
import assert from "node:assert/strict";
import { BrokerClient, codeOf } from "../broker/broker_client.ts";
import { visit } from "../helpers/http_visit.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";
import { fixedService, withService } from "../tunnel/http_scene.ts";

async function changes(hub: TestHub, set: readonly string[]): Promise<readonly string[]> {
  const outcome = await hub.reload(set);
  assert.ok(outcome.kind === "loaded", JSON.stringify(outcome));
  assert.deepEqual(outcome.needRestart, []);
  return outcome.changed;
}

Deno.test("Live settings: the rate of a connection and of topics, more and less subscriptions, requests", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  await using other = await BrokerClient.connect(hub);
  const subscribe = async (topic: string) =>
    codeOf(await client.request("system.topic.subscribe", { topic }));
  assert.equal(await subscribe("a"), undefined);
  const limited = "broker.max_subscriptions_per_connection=1";
  assert.deepEqual(await changes(hub, [limited]), ["broker.max_subscriptions_per_connection"]);
  assert.equal(await subscribe("b"), "LIMIT_REACHED");
  assert.deepEqual(await changes(hub, ["broker.rate.topics={ a: 1 }"]), [
    "broker.max_subscriptions_per_connection",
    "broker.rate.topics",
  ]);
  assert.equal(await subscribe("b"), undefined);
  assert.equal((await other.publish("a", "1")).status, "success");
  assert.equal(codeOf(await other.publish("a", "2")), "RATE_LIMITED");
  assert.deepEqual(await changes(hub, []), ["broker.rate.topics"]);
  assert.equal((await other.publish("a", "3")).status, "success");
  await changes(hub, ["broker.rate.per_service=1"]);
  assert.equal((await other.publish("a", "4")).status, "success");
  assert.equal(codeOf(await other.publish("a", "5")), "RATE_LIMITED");
  await changes(hub, []);
  assert.equal((await other.publish("a", "6")).status, "success");
});

Deno.test("Live settings: a topic that has presence from now on tells who comes", async () => {
  await using hub = await TestHub.start();
  await using watcher = await BrokerClient.connect(hub);
  assert.equal(
    (await watcher.request("system.topic.subscribe", { topic: "system.topic.presence" })).status,
    "success",
  );
  await changes(hub, ["broker.topics=[{ pattern: room, presence: true }]"]);
  await using guest = await BrokerClient.connect(hub);
  await guest.request("system.topic.subscribe", { topic: "room" });
  const { payload } = await watcher.next();
  assert.equal(JSON.parse(payload).member?.serviceId ?? JSON.parse(payload).serviceId, guest.serviceId);
});

Deno.test("Live settings: whose page may come, and how many connections there may be", async () => {
  await using hub = await TestHub.start(["hub.origins=[self, loopback]"]);
  const origin = "https://app.example";
  await assert.rejects(WsClient.connect(hub.url("/"), { origin }));
  await changes(hub, ["hub.origins=[https://app.example]"]);
  await using client = await BrokerClient.connect(hub, "websocket", { origin });
  await changes(hub, ["hub.origins=[self]", "hub.max_connections=1"]);
  assert.equal((await client.request("system.heartbeat")).status, "success", "who is there stays");
  await assert.rejects(BrokerClient.connect(hub));
  await changes(hub, []);
  await using _second = await BrokerClient.connect(hub);
});

Deno.test("Live settings: how large the bodies of visitors may be", async () => {
  const { service } = await fixedService("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  await using _service = service;
  await withService(service.port, async ({ port, hub }) => {
    const post = () => visit(port, { host: "app.localhost", method: "POST", body: "0123456789" });
    assert.equal((await post()).status, 200);
    const outcome = await hub.reload(["public.max_body=5B"]);
    assert.equal(outcome.kind, "loaded");
    assert.equal((await post()).status, 413);
  });
});

Deno.test("Live settings: each change has its line in the audit, with names and without values", async () => {
  const path = await Deno.makeTempFile({ prefix: "trunkline-audit-" });
  try {
    {
      const set = [`logging.audit=${path}`];
      await using hub = await TestHub.start(set);
      await changes(hub, [...set, "auth.tokens=[{ token: a-secret-of-16-chars, subject: a }]"]);
      assert.equal(await hub.metric('trunkline_security_events_total{kind="config_changed"}'), 1);
    }
    const text = await Deno.readTextFile(path);
    const line = text.split("\n").find((one) => one.includes("config_changed")) ?? "";
    const { changed, needRestart } = JSON.parse(line);
    assert.deepEqual([changed, needRestart], [["auth.tokens"], []]);
    assert.ok(!text.includes("a-secret"));
  } finally {
    await Deno.remove(path);
  }
});
