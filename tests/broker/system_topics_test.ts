import assert from "node:assert/strict";
import { BrokerStats } from "../../src/broker/broker_stats.ts";
import { LogFeed } from "../../src/broker/log_feed.ts";
import { MessageIds } from "../../src/broker/message_ids.ts";
import { MessageRouter } from "../../src/broker/message_router.ts";
import { MessageTaps } from "../../src/broker/message_taps.ts";
import { Permissions } from "../../src/broker/permissions.ts";
import { Presence } from "../../src/broker/presence.ts";
import { RequestRouter } from "../../src/broker/request_router.ts";
import { ServiceRegistry } from "../../src/broker/service_registry.ts";
import { SubscriptionManager } from "../../src/broker/subscription_manager.ts";
import type { SystemContext } from "../../src/broker/system_handler.ts";
import { SystemTopics } from "../../src/broker/system_topics.ts";
import { TenantSpaces } from "../../src/broker/tenant_space.ts";
import { TenantTraffic } from "../../src/broker/tenant_traffic.ts";
import { LOCAL_OPERATOR } from "../../src/core/principal.ts";
import { KeyedBuckets } from "../../src/limits/token_bucket.ts";
import { encodeTextMessage, parseTextMessage } from "../../src/wire/text_message.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { BrokerClient, codeOf, newId, TRANSPORTS } from "./broker_client.ts";
import { FakeClock, FakeSubscriber, settingsOf } from "./fakes.ts";
import { keptParts } from "./kept_parts.ts";

const SUCCESS = { status: "success" };

/** The subscriptions of a service, by topic. */
async function subscriptionsOf(client: BrokerClient, serviceId?: string) {
  const { subscriptions, status } = await client.request("system.service.subscriptions", { serviceId });
  assert.equal(status, "success");
  return subscriptions;
}

for (const transport of TRANSPORTS) {
  Deno.test(`System topics: a client of the message-broker protocol is understood (${transport})`, async () => {
    await using hub = await TestHub.start();
    await using client = await BrokerClient.connect(hub, transport);
    const registered = await client.ask(
      "Request:System.Service.Register:1.0.0",
      JSON.stringify({ name: "Prices", description: "" }),
    );
    assert.match(registered.header, /^response:System\.Service\.Register:1\.0\.0:/);
    assert.deepEqual(registered.payload, { serviceId: client.serviceId, ...SUCCESS });
    const subscribed = await client.ask("REQUEST:SYSTEM.topic.SUBSCRIBE:1.0.0", '{"topic":"Prices.+"}');
    assert.match(subscribed.header, /^response:SYSTEM\.topic\.SUBSCRIBE:1\.0\.0:/);
    assert.deepEqual(subscribed.payload, SUCCESS);
    client.send("request:system.topic.subscribe:1.0.0", '{"topic":"orders.#","action":"PUBLISH"}');
    assert.deepEqual(await client.settle(), [], "no id, no answer");
    assert.deepEqual(await subscriptionsOf(client), [
      { topic: "Prices.+", action: "both", priority: 0 },
      { topic: "orders.#", action: "publish" },
    ]);
    client.send(`publish:PRICES.oil:1.0.0:${newId()}`, "70");
    const [delivered] = (await client.settle()).filter(({ header }) => header.startsWith("publish:"));
    assert.match(delivered?.header ?? "", /^publish:PRICES\.oil:1\.0\.0:/);
  });
}

Deno.test("System topics: register keeps name, description and metadata, again changes them", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  const services = "trunkline_broker_services";
  assert.equal(await hub.metric(services), 0);
  const first = { name: "x".repeat(36), description: "d".repeat(1024), metadata: { k: [1, { deep: null }] } };
  for (const service of [first, { name: "new", description: "" }]) {
    assert.deepEqual(await client.request("system.service.register", service), {
      serviceId: client.serviceId,
      ...SUCCESS,
    });
    assert.equal(await hub.metric(services), 1);
  }
});

Deno.test("System topics: subscribe takes action, priority and group, again changes them", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  await client.subscribe("a", { action: "Request", priority: 5 });
  assert.deepEqual(await subscriptionsOf(client), [{ topic: "a", action: "request", priority: 5 }]);
  await client.subscribe("A", { action: "publish", group: "g" });
  assert.deepEqual(await subscriptionsOf(client), [{ topic: "a", action: "both", priority: 5, group: "g" }]);
  await client.subscribe("a", { action: "BOTH", priority: -3 });
  assert.deepEqual(await subscriptionsOf(client), [{ topic: "a", action: "both", priority: -3 }]);
  await client.subscribe("a.+.#");
  assert.equal(await hub.metric("trunkline_broker_subscriptions"), 2);
});

Deno.test("System topics: unsubscribe ends an action or all, and unknown subscriptions too", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  await client.subscribe("a.B", { priority: 2 });
  const unsubscribe = (payload: unknown) => client.request("system.topic.unsubscribe", payload);
  assert.deepEqual(await unsubscribe({ topic: "A.b", action: "Publish" }), SUCCESS);
  assert.deepEqual(await subscriptionsOf(client), [{ topic: "a.B", action: "request", priority: 2 }]);
  assert.equal(codeOf(await client.publish("a.b")), "NO_ROUTE_FOUND");
  assert.deepEqual(await unsubscribe({ topic: "a.b", action: "publish" }), SUCCESS);
  assert.deepEqual(await unsubscribe({ topic: "a.+" }), SUCCESS);
  assert.equal((await subscriptionsOf(client)).length, 1);
  assert.deepEqual(await unsubscribe({ topic: "a.b" }), SUCCESS);
  assert.deepEqual(await unsubscribe({ topic: "a.b" }), SUCCESS);
  assert.deepEqual(await subscriptionsOf(client), []);
});

Deno.test("System topics: list names every pattern once, whoever subscribed to it", async () => {
  await using hub = await TestHub.start();
  await using one = await BrokerClient.connect(hub);
  await using other = await BrokerClient.connect(hub, "text");
  assert.deepEqual(await one.request("system.topic.list"), { topics: [], ...SUCCESS });
  for (const topic of ["B.#", "a", "c.+"]) await one.subscribe(topic);
  for (const topic of ["b.#", "A", "system.topic.gap"]) await other.subscribe(topic);
  const { topics, status } = await other.request("system.topic.list");
  assert.deepEqual([topics.sort(), status], [["B.#", "a", "c.+", "system.topic.gap"], "success"]);
});

Deno.test("System topics: subscriptions lists subscribers by pattern and action", async () => {
  await using hub = await TestHub.start();
  await using one = await BrokerClient.connect(hub);
  await using other = await BrokerClient.connect(hub);
  await one.subscribe("a.+", { priority: 3 });
  await other.subscribe("A.+");
  await other.subscribe("b", { action: "publish" });
  const { subscriptions, status, truncated } = await one.request("system.topic.subscriptions");
  assert.deepEqual([status, truncated], ["success", undefined]);
  const byTopic = subscriptions.sort((a: { topic: string }, b: { topic: string }) =>
    a.topic.localeCompare(b.topic)
  );
  assert.deepEqual(byTopic, [
    {
      action: "both",
      topic: "a.+",
      subscribers: [
        { serviceId: one.serviceId, priority: 3 },
        { serviceId: other.serviceId, priority: 0 },
      ],
    },
    { action: "publish", topic: "b", subscribers: [{ serviceId: other.serviceId }] },
  ]);
});

Deno.test("System topics: lists say where they were cut, and never fill the lane of answers", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  const lists = [
    ["system.topic.list", "topics"],
    ["system.topic.subscriptions", "subscriptions"],
    ["system.service.subscriptions", "subscriptions"],
  ] as const;
  const count = 9500;
  for (let i = 0; i < count; i++) {
    const topic = `plant.line${i}.machine.temperature`;
    client.send("request:system.topic.subscribe:1.0.0", JSON.stringify({ topic }));
  }
  for (const [topic, key] of lists) {
    const [answer] = await Promise.all([client.request(topic), client.request("system.heartbeat")]);
    assert.equal(answer.truncated, true, topic);
    assert.ok(answer[key].length > 1000 && answer[key].length < count, topic);
  }
  assert.deepEqual(await client.request("system.heartbeat"), SUCCESS);
});

Deno.test("System topics: the subscriptions of one service: the own, another's, an unknown one's", async () => {
  await using hub = await TestHub.start();
  await using one = await BrokerClient.connect(hub);
  const other = await BrokerClient.connect(hub, "text");
  await one.subscribe("a", { action: "publish" });
  await other.subscribe("b", { action: "request" });
  const [own, others] = [[{ topic: "a", action: "publish" }], [{
    topic: "b",
    action: "request",
    priority: 0,
  }]];
  assert.deepEqual(await subscriptionsOf(one), own);
  assert.deepEqual(await subscriptionsOf(one, one.serviceId), own);
  assert.deepEqual(await subscriptionsOf(one, other.serviceId), others);
  await other.close();
  await hub.metricBecomes("trunkline_broker_subscriptions", 1);
  for (const serviceId of [other.serviceId, newId(), "constructor"]) {
    const { error } = await one.request("system.service.subscriptions", { serviceId });
    assert.deepEqual([error.code, error.details], ["INVALID_REQUEST", { field: "serviceId" }]);
    assert.ok(error.message.includes(serviceId));
  }
});

Deno.test("System topics: metrics are those of the hub", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  await client.subscribe("a");
  await client.publish("a");
  const { metrics, status } = await client.request("system.metrics");
  assert.equal(status, "success");
  assert.deepEqual(metrics["trunkline_broker_subscriptions"], [{ labels: {}, value: 1 }]);
  assert.deepEqual(metrics["trunkline_broker_published_total"], [{ labels: {}, value: 1 }]);
  assert.deepEqual(metrics["trunkline_connections"], [
    { labels: { transport: "websocket" }, value: 1 },
    { labels: { transport: "text" }, value: 0 },
    { labels: { transport: "frames" }, value: 0 },
    { labels: { transport: "json" }, value: 0 },
  ]);
});

Deno.test("System topics: metrics leave out zeroes, and what the filter does not keep", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  type Series = { labels: Record<string, string>; value: number };
  const ask = async (payload: unknown): Promise<Record<string, Series[]>> =>
    (await client.request("system.metrics", payload)).metrics;
  const nonZero = await ask({ showAll: false });
  assert.deepEqual(nonZero["trunkline_connections"], [{ labels: { transport: "websocket" }, value: 1 }]);
  assert.equal(nonZero["trunkline_broker_subscriptions"], undefined);
  assert.ok(Object.values(nonZero).flat().every(({ value }) => value !== 0));
  const filtered = await ask({ paramFilter: { transport: "text" } });
  assert.deepEqual(filtered["trunkline_connections"], [{ labels: { transport: "text" }, value: 0 }]);
  assert.ok(Object.values(filtered).flat().every(({ labels }) => labels["transport"] === "text"));
  assert.deepEqual(await ask({ showAll: false, paramFilter: { transport: "text" } }), {});
  assert.deepEqual(await ask({ paramFilter: { transport: "text", code: "x" } }), {});
  assert.deepEqual(await ask({ paramFilter: { constructor: "x" } }), {});
  assert.deepEqual(Object.keys(await ask({ paramFilter: {} })), Object.keys(await ask({})));
});

for (const transport of TRANSPORTS) {
  Deno.test(`System topics: the hub answers a heartbeat (${transport})`, async () => {
    await using hub = await TestHub.start();
    await using client = await BrokerClient.connect(hub, transport);
    const { header, payload } = await client.ask("request:system.heartbeat:1.7.12", "{}");
    assert.match(header, /^response:system\.heartbeat:1\.7\.12:/);
    assert.deepEqual(payload, SUCCESS);
  });
}

Deno.test("System topics: what this version does not have is not supported", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  const topics = [
    "system",
    "system.initialize",
    "system.close",
    "system.service.events",
    "system.topic.gap",
    "system.log",
    "system.message",
    "system.control",
    "system.control.no_such",
    "system.no.such",
  ];
  for (const topic of topics) {
    const { header, payload: { error } } = await client.ask(`request:${topic}:1.0.0`, "{}");
    assert.ok(header.startsWith(`response:${topic}:1.0.0:`), header);
    assert.equal(error.code, "TOPIC_NOT_SUPPORTED");
    assert.equal(error.message, `Cannot answer ${topic}: there is no such system topic in this version`);
  }
});

Deno.test("System topics: a major version other than 1 is not supported, of system topics only", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  for (const version of ["0.0.0", "2.0.0", "10.0.0", "11.1.1"]) {
    const { header, payload: { error } } = await client.ask(`request:system.heartbeat:${version}`, "{}");
    assert.ok(header.startsWith(`response:system.heartbeat:${version}:`), header);
    assert.equal(error.code, "VERSION_NOT_SUPPORTED");
    assert.deepEqual(error.details, { supported: ["1.0.0"] });
  }
  for (const version of ["1.0.0", "1.99.0", "01.0.0"]) {
    assert.deepEqual((await client.ask(`request:system.heartbeat:${version}`, "{}")).payload, SUCCESS);
  }
  await client.subscribe("a");
  assert.deepEqual((await client.ask("publish:a:2.0.0")).payload, SUCCESS);
});

Deno.test("System topics: an error is answered without an id too, as nobody would hear of it otherwise", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  client.send("request:system.topic.subscribe:1.0.0", '{"topic":"#.a"}');
  const [answer, ...more] = await client.settle();
  assert.equal(answer?.header, "response:system.topic.subscribe:1.0.0");
  assert.equal(codeOf(JSON.parse(answer?.payload ?? "")), "INVALID_REQUEST");
  assert.deepEqual(more, []);
});

Deno.test("System topics: fields that nobody knows are no mistake", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  await client.subscribe("a", { newer: { than: "this" } });
  assert.deepEqual(await client.request("system.heartbeat", { sentAt: 1 }), SUCCESS);
});

Deno.test("System topics: a failure inside the hub is told as such, and the log says what it was", async () => {
  const logger = new MemoryLogger();
  const stats = new BrokerStats();
  const { channel } = settingsOf("system.log");
  const clock = new FakeClock();
  const events = { record: () => {} };
  const topics = new SystemTopics({
    events,
    limits: { maxSubscriptions: 1 },
    permissions: new Permissions({ multiTenant: false, events }),
    logs: new LogFeed({ log: null, channel, showsHubLines: true, clock, stats }),
    log: null,
    reload: null,
    stopHub: () => {},
    readMetrics: () => Promise.reject(new Error("no metrics")),
    listTunnels: () => [],
    cachedClock: clock,
    logger,
  });
  const subscriptions = new SubscriptionManager({ maxPerSubscriber: 1, settingsOf });
  const context: SystemContext = {
    registrant: {
      register: () => {
        throw new Error("no register");
      },
    },
    connection: new FakeSubscriber("1"),
    principal: LOCAL_OPERATOR,
    space: new TenantSpaces(() => {
      const ids = new MessageIds(0);
      const topicRates = new KeyedBuckets(1);
      const traffic = new TenantTraffic("tenant");
      const rest = {
        stats,
        traffic,
        topicRates,
        cachedClock: clock,
        clock,
        keeping: null,
        onLatency: () => {},
      };
      const limits = { timeoutMs: 1, failover: false, maxOutstanding: 1 };
      const times = { askAfterMs: 1, lateAfterMs: 1 };
      return {
        ids,
        subscriptions,
        ...keptParts({ subscriptions, ids }),
        router: new MessageRouter({ ids, subscriptions, ...rest }),
        requests: new RequestRouter({
          subscriptions,
          stats,
          clock,
          cachedClock: clock,
          ...limits,
          onAnswered: () => {},
        }),
        services: new ServiceRegistry({ times, ask: () => {}, onEvent: () => {} }),
        taps: new MessageTaps({ announce: () => {}, stats }),
        presence: new Presence({
          rules: { patterns: [], hasPresence: () => false },
          describe: () => null,
          announce: () => 0,
          isHeard: () => false,
          later: () => {},
          stats,
        }),
      };
    }).enter("tenant", new FakeSubscriber("1")),
  };
  const requests = [
    ["system.metrics", "{}", "no metrics"],
    ["system.service.register", '{"name":"x","description":""}', "no register"],
  ] as const;
  for (const [topic, payload, reason] of requests) {
    const bytes = encodeTextMessage({ action: "request", topic }, payload);
    const message = parseTextMessage(bytes, { maxTimeoutMs: 1 });
    if (message.kind === "malformed") assert.fail(message.message);
    const result = await topics.handle(message, context);
    const text = `Cannot answer ${topic}: something failed inside the hub; its log says what`;
    assert.deepEqual(result, { kind: "error", error: { code: "INTERNAL_ERROR", message: text } });
    assert.deepEqual(logger.lines.pop(), {
      level: "error",
      message: "Cannot answer a system request",
      fields: { topic, error: reason },
    });
  }
});
