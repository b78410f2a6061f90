import assert from "node:assert/strict";
import { TestHub } from "../helpers/test_hub.ts";
import { ALL_TRANSPORTS, BrokerClient, codeOf, TRANSPORTS } from "./broker_client.ts";

const TOPICS = 'broker.topics=[{ pattern: "state.#", retain: true }, { pattern: "log.#", retain: true, ' +
  "history: { size: 3, ttl: 1h } }]";

/** The fields of a header. */
function fields(header: string): string[] {
  return header.split(":");
}

for (const transport of ALL_TRANSPORTS) {
  Deno.test(`Retained: who subscribes gets the last value, marked by its id, and then what is live (${transport})`, async () => {
    await using hub = await TestHub.start([TOPICS]);
    await using publisher = await BrokerClient.connect(hub);
    assert.deepEqual(await publisher.publish("state.a", "1"), { status: "success" });
    assert.deepEqual(await publisher.publish("State.A", "2"), { status: "success" });
    await using client = await BrokerClient.connect(hub, transport);
    const answer = await client.request("system.topic.subscribe", { topic: "state.+" });
    assert.deepEqual([answer.status, answer.retained], ["success", 1]);
    const value = await client.next();
    assert.equal(value.payload, "2");
    const [action, topic, , id = ""] = fields(value.header);
    assert.deepEqual([action, topic], ["publish", "State.A"]);
    assert.ok(id <= answer.until, "it is from before");
    await publisher.publish("state.a", "3");
    const live = await client.next();
    assert.equal(live.payload, "3");
    assert.ok((fields(live.header)[3] ?? "") > answer.until, "it is live");
  });
}

for (const transport of TRANSPORTS) {
  Deno.test(`Retained: a message without payload clears the value and is delivered (${transport})`, async () => {
    await using hub = await TestHub.start([TOPICS]);
    await using publisher = await BrokerClient.connect(hub, transport);
    await using before = await BrokerClient.connect(hub, transport);
    await before.subscribe("state.a");
    await publisher.publish("state.a", "1");
    await publisher.publish("state.a", "");
    assert.deepEqual((await before.take(2)).map(({ payload }) => payload), ["1", ""]);
    await using after = await BrokerClient.connect(hub, transport);
    await after.subscribe("state.a");
    assert.deepEqual(await after.settle(), []);
  });
}

Deno.test("Retained: queue groups and those who answer requests get nothing of it", async () => {
  await using hub = await TestHub.start([TOPICS]);
  await using publisher = await BrokerClient.connect(hub);
  await publisher.publish("state.a", "1");
  await using client = await BrokerClient.connect(hub);
  await client.subscribe("state.a", { group: "g", action: "publish" });
  await client.subscribe("state.b", { action: "request" });
  assert.deepEqual(await client.settle(), []);
});

Deno.test("Retained: a value over the tenant's limit is delivered, and its publisher is told", async () => {
  await using hub = await TestHub.start([TOPICS, "broker.retained.max_count=1"]);
  await using client = await BrokerClient.connect(hub);
  await client.subscribe("state.#");
  assert.deepEqual(await client.publish("state.a", "1"), { status: "success" });
  assert.equal(codeOf(await client.publish("state.b", "2")), "LIMIT_REACHED");
  assert.deepEqual(await client.publish("state.a", "3"), { status: "success" });
  const got = (await client.settle()).map(({ payload }) => payload);
  assert.deepEqual(got, ["1", "2", "3"]);
  await using late = await BrokerClient.connect(hub);
  await late.request("system.topic.subscribe", { topic: "state.#" });
  assert.deepEqual((await late.settle()).map(({ payload }) => payload), ["3"]);
});

Deno.test("Retained: tenants do not see each other's values", async () => {
  const tokens = ["a", "b"].map((tenant) =>
    `{ token: token-of-tenant-${tenant}, subject: s, tenant: ${tenant}, ` +
    'permissions: { publish: ["#"], subscribe: ["#"] } }'
  );
  await using hub = await TestHub.start([
    TOPICS,
    "auth.mode=required",
    "auth.multi_tenant=true",
    `auth.tokens=[${tokens.join(", ")}]`,
  ]);
  await using one = await BrokerClient.connect(hub, "websocket", { token: "token-of-tenant-a" });
  await one.publish("state.a", "secret");
  await using other = await BrokerClient.connect(hub, "websocket", { token: "token-of-tenant-b" });
  await other.subscribe("state.#", { action: "publish" });
  assert.deepEqual(await other.settle(), []);
});

Deno.test("Retained: many values go as fast as their subscriber reads, and none is older than what came live", async () => {
  await using hub = await TestHub.start([TOPICS, "hub.outbox.publish=64KiB"]);
  await using publisher = await BrokerClient.connect(hub, "text");
  const count = 1000;
  const padding = "x".repeat(2000);
  for (let at = 0; at < count; at++) publisher.send(`publish:state.t${at}:1.0.0`, `${at} ${padding}`);
  await publisher.settle();
  await using client = await BrokerClient.connect(hub, "text");
  const answer = await client.request("system.topic.subscribe", { topic: "state.#" });
  assert.equal(answer.retained, count);
  const got = await client.take(count);
  assert.deepEqual(
    got.map(({ payload }) => Number.parseInt(payload)),
    Array.from({ length: count }, (_, at) => at),
  );
});
