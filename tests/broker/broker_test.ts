import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { RawClient, upgradeRequest } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";
import {
  ALL_TRANSPORTS,
  BrokerClient,
  codeOf,
  newId,
  type Received,
  type Transport,
} from "./broker_client.ts";
import { TextLink } from "./text_link.ts";

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const SUBSCRIPTIONS = "trunkline_broker_subscriptions";
const textOf = (bytes: Uint8Array | string | null) =>
  typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes ?? new Uint8Array(0));

/** The same test over each transport. */
function testEach(name: string, run: (transport: Transport) => Promise<void>): void {
  for (const transport of ALL_TRANSPORTS) Deno.test(`Broker: ${name} (${transport})`, () => run(transport));
}

/** The greeting, which has to be the first message. */
function readGreeting(message: string) {
  const [header, payload] = message.split("\n");
  assert.match(header ?? "", new RegExp(`^publish:system\\.initialize:1\\.0\\.0:${UUID}$`));
  return JSON.parse(payload ?? "");
}

testEach("a publish with an id is answered, and delivered with that id", async (transport) => {
  await using hub = await TestHub.start();
  await using subscriber = await BrokerClient.connect(hub, transport);
  await using publisher = await BrokerClient.connect(hub, transport);
  await subscriber.subscribe("orders.+");
  const id = newId();
  publisher.send(`publish:orders.new:1.2.3:${id}`, "payload");
  const answer = await publisher.answer(id);
  assert.equal(answer.header, `response:orders.new:1.2.3:${id}`);
  assert.deepEqual(answer.payload, { status: "success" });
  const delivered = await subscriber.next();
  assert.match(delivered.header, new RegExp(`^publish:orders\\.new:1\\.2\\.3:${UUID}:${id}$`));
  assert.equal(delivered.payload, "payload");
});

testEach("a publish without an id is delivered without one and never answered", async (transport) => {
  await using hub = await TestHub.start();
  await using subscriber = await BrokerClient.connect(hub, transport);
  await using publisher = await BrokerClient.connect(hub, transport);
  await subscriber.subscribe("orders.new");
  publisher.send("publish:orders.new:1.0.0", "payload");
  publisher.send("publish:nobody.there:1.0.0", "payload");
  assert.deepEqual(await publisher.settle(), []);
  assert.match((await subscriber.next()).header, new RegExp(`^publish:orders\\.new:1\\.0\\.0:${UUID}$`));
});

testEach("a publish that nobody is subscribed to finds no route", async (transport) => {
  await using hub = await TestHub.start();
  await using publisher = await BrokerClient.connect(hub, transport);
  await publisher.subscribe("served.by.request", { action: "request" });
  for (const topic of ["nobody.there", "served.by.request"]) {
    const { header, payload } = await publisher.ask(`publish:${topic}:1.0.0`);
    assert.match(header, new RegExp(`^response:${topic}:1\\.0\\.0:${UUID}$`));
    const { timestamp, ...error } = payload.error;
    assert.deepEqual(error, { code: "NO_ROUTE_FOUND", message: `Nobody is subscribed to ${topic}` });
    assert.equal(new Date(timestamp).toISOString(), timestamp);
  }
  publisher.send("publish:nobody.there:1.0.0");
  await publisher.settle();
  assert.equal(await hub.metric("trunkline_broker_unmatched_total"), 3);
  assert.equal(await hub.metric('trunkline_broker_errors_total{code="NO_ROUTE_FOUND"}'), 3);
});

Deno.test("Broker: matching ignores case, delivery keeps the publisher's spelling", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  await client.subscribe("Orders.+.NEW");
  client.send("PUBLISH:ORDERS.Eu.new:1.0.0", "1");
  client.send("Publish:orders.eu.New:1.0.0", "2");
  const topics = (await client.take(2)).map(({ header }) => header.split(":")[1]);
  assert.deepEqual(topics, ["ORDERS.Eu.new", "orders.eu.New"]);
});

testEach("a publisher that is subscribed gets its own", async (transport) => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub, transport);
  await client.subscribe("a");
  assert.deepEqual(await client.publish("a", "mine"), { status: "success" });
  assert.equal((await client.next()).payload, "mine");
});

Deno.test("Broker: the ids of messages rise, whoever publishes", async () => {
  await using hub = await TestHub.start();
  await using subscriber = await BrokerClient.connect(hub);
  await using other = await BrokerClient.connect(hub, "text");
  await subscriber.subscribe("#");
  for (let i = 0; i < 50; i++) {
    subscriber.send("publish:a:1.0.0");
    other.send("publish:b:1.0.0");
  }
  const ids = (await subscriber.take(100)).map(({ header }) => header.split(":")[3]);
  assert.equal(new Set(ids).size, 100);
  assert.deepEqual(ids, [...ids].sort());
});

for (const path of ["/", "/ws"]) {
  Deno.test(`Broker: greets first on ${path}`, async () => {
    await using hub = await TestHub.start(["broker.max_payload=1KiB", "broker.request.max_timeout=1m"]);
    await using socket = await WsClient.connect(hub.url(path));
    const { serviceId, hub: hubId, ...rest } = readGreeting(textOf(await socket.next()));
    for (const id of [serviceId, hubId]) assert.match(id, new RegExp(`^${UUID}$`));
    assert.deepEqual(rest, {
      version: "0.0.0-test",
      limits: {
        maxPayloadBytes: 1024,
        maxHeaderBytes: 512,
        maxSubscriptions: 10_000,
        maxTimeoutMs: 60_000,
        heartbeatTimeoutMs: 60_000,
      },
    });
  });
}

Deno.test("Broker: every connection has an id of its own, and all have the hub's", async () => {
  await using hub = await TestHub.start();
  await using one = await WsClient.connect(hub.url("/"));
  await using other = await WsClient.connect(hub.url("/ws"));
  const greetings = [readGreeting(textOf(await one.next())), readGreeting(textOf(await other.next()))];
  assert.notEqual(greetings[0]?.serviceId, greetings[1]?.serviceId);
  assert.equal(greetings[0]?.hub, greetings[1]?.hub);
});

Deno.test("Broker: over TCP the greeting follows the first byte", async () => {
  await using hub = await TestHub.start();
  await using link = await TextLink.connect({ port: hub.port });
  await hub.metricBecomes("trunkline_sockets", 1);
  assert.equal(await hub.metric('trunkline_connections{transport="text"}'), 0);
  await link.write(Uint8Array.of(0));
  readGreeting(textOf(await link.next()));
});

Deno.test("Broker: on an address of its own the greeting comes without a first byte", async () => {
  await using hub = await TestHub.start(["hub.listen=[{ address: '127.0.0.1:0', transports: [text] }]"]);
  await using link = await TextLink.connect({ port: hub.port });
  readGreeting(textOf(await link.next()));
  link.send(`request:system.heartbeat:1.0.0:${newId()}\n{}`);
  assert.match(textOf(await link.next()), /^response:system\.heartbeat:1\.0\.0:.*\n\{"status":"success"\}$/);
});

testEach("works the same over TLS", async (transport) => {
  using certificates = await TestCertificates.create();
  await using hub = await TestHub.start(certificates.settings);
  await using client = await BrokerClient.connect(hub, transport, { ca: certificates.ca });
  await client.subscribe("a");
  for (const payload of ["small", "x".repeat(60_000)]) {
    assert.deepEqual(await client.publish("a", payload), { status: "success" });
    assert.equal((await client.next()).payload, payload);
  }
});

Deno.test("Broker: a text-only address greets over TLS without a first byte", async () => {
  using certificates = await TestCertificates.create();
  await using hub = await TestHub.start([
    ...certificates.settings,
    "hub.listen=[{ address: '127.0.0.1:0', transports: [text] }]",
  ]);
  await using link = await TextLink.connect({ port: hub.port, ca: certificates.ca });
  readGreeting(textOf(await link.next()));
});

for (
  const [offered, selected] of [
    ["trunkline.text.v1", "trunkline.text.v1"],
    ["bearer.abc, trunkline.text.v1", "trunkline.text.v1"],
    ["trunkline.text.v1, bearer.abc, other", "trunkline.text.v1"],
    ["bearer.abc", null],
    ["other", null],
    [null, null],
  ] as const
) {
  Deno.test(`Broker: of the subprotocols ${offered} it selects ${selected}`, async () => {
    await using hub = await TestHub.start();
    using client = await RawClient.connect(hub.port);
    await client.write(upgradeRequest({ path: "/", fields: { "Sec-WebSocket-Protocol": offered } }));
    const head = await client.readHead();
    assert.match(head, /^HTTP\/1\.1 101 /);
    const fields = head.split("\r\n").filter((line) => /^sec-websocket-protocol:/i.test(line));
    assert.deepEqual(
      fields.map((line) => line.split(": ")[1]),
      selected === null ? [] : [selected],
    );
    assert.doesNotMatch(head, /bearer/);
  });
}

Deno.test("Broker: 10,000 messages of each of two publishers reach every subscriber in their order", async () => {
  const count = 10_000;
  await using hub = await TestHub.start(["hub.outbox.publish=32MiB"]);
  await using one = await BrokerClient.connect(hub);
  await using other = await BrokerClient.connect(hub, "text");
  const clients = [one, other];
  for (const client of clients) await client.subscribe("a.+");
  for (let i = 0; i < count; i++) {
    for (const [p, client] of clients.entries()) client.send(`publish:a.t${i % 2}:1.0.0`, `${p} ${i}`);
  }
  const expected = Array.from({ length: count }, (_, i) => i);
  for (const client of clients) {
    const got = (await client.take(2 * count)).map(({ payload }) => payload.split(" ").map(Number));
    for (const p of [0, 1]) {
      assert.deepEqual(got.filter(([from]) => from === p).map(([, i]) => i), expected);
    }
  }
  assert.equal(await hub.metric("trunkline_broker_published_total"), 2 * count);
  assert.equal(await hub.metric("trunkline_broker_delivered_total"), 4 * count);
  const [hits, misses] = await Promise.all(
    ["hit", "miss"].map((result) => hub.metric(`trunkline_broker_route_lookups_total{result="${result}"}`)),
  );
  assert.deepEqual([hits, misses], [2 * count - 2, 2]);
  assert.equal(await hub.metric("trunkline_broker_routing_seconds_count"), Math.ceil(2 * count / 64));
});

Deno.test("Broker: payloads cross the transports unchanged, to WebSockets as text or binary as they are", async () => {
  await using hub = await TestHub.start();
  const clients = [await BrokerClient.connect(hub), await BrokerClient.connect(hub, "text")];
  for (const client of clients) await client.subscribe("a");
  const binary = Uint8Array.from({ length: 256 }, (_, i) => i);
  const large = new Uint8Array(65_536).map((_, i) => i * 7);
  const texts = ["", "grüße 🚀\n\n", "x".repeat(65_536)];
  const payloads = [...texts.map((text) => new TextEncoder().encode(text)), binary, large];
  for (const publisher of clients) {
    for (const payload of payloads) publisher.send("publish:a:1.0.0", payload);
    for (const text of texts) publisher.send("publish:a:1.0.0", text);
    for (const [i, client] of clients.entries()) {
      const got = await client.take(payloads.length + texts.length);
      const expected = [...payloads, ...payloads.slice(0, texts.length)];
      for (const [at, { bytes }] of got.entries()) assert.deepEqual(bytes, expected[at]);
      const binaries = got.map(({ isBinary }: Received) => isBinary);
      if (i === 0) assert.deepEqual(binaries, [false, false, false, true, true, false, false, false]);
    }
  }
  for (const client of clients) await client.close();
});

testEach("subscriptions and services go with their connection", async (transport) => {
  await using hub = await TestHub.start();
  await using stays = await BrokerClient.connect(hub);
  {
    await using leaves = await BrokerClient.connect(hub, transport);
    for (const topic of ["a", "a.+", "a.#", "b"]) await leaves.subscribe(topic);
    await leaves.subscribe("a", { action: "request" });
    await leaves.request("system.service.register", { name: "x", description: "" });
    assert.equal(await hub.metric(SUBSCRIPTIONS), 4);
    assert.equal(await hub.metric("trunkline_broker_services"), 1);
    assert.deepEqual(await stays.publish("a"), { status: "success" });
  }
  await hub.metricBecomes(SUBSCRIPTIONS, 0);
  assert.equal(await hub.metric("trunkline_broker_services"), 0);
  assert.equal(codeOf(await stays.publish("a")), "NO_ROUTE_FOUND");
});

Deno.test("Broker: a queue group over both transports shares the work, and goes on when a member leaves", async () => {
  await using hub = await TestHub.start();
  await using publisher = await BrokerClient.connect(hub);
  await using one = await BrokerClient.connect(hub, "text");
  const other = await BrokerClient.connect(hub);
  for (const member of [one, other]) await member.subscribe("jobs.+", { group: "workers" });
  await publisher.subscribe("jobs.#");
  for (let i = 0; i < 20; i++) await publisher.publish("jobs.a", String(i));
  const shares = [await one.settle(), await other.settle()];
  for (const share of shares) assert.ok(share.length > 0);
  const jobs = shares.flat().map(({ payload }) => Number(payload)).sort((a, b) => a - b);
  assert.deepEqual(jobs, Array.from({ length: 20 }, (_, i) => i));
  await other.close();
  await hub.metricBecomes(SUBSCRIPTIONS, 2);
  for (let i = 0; i < 10; i++) await publisher.publish("jobs.a", String(i));
  assert.equal((await one.settle()).length, 10);
  assert.equal((await publisher.settle()).length, 30);
});

testEach(
  "a request that nobody answers to finds no route, and a response of nobody's no request",
  async (transport) => {
    await using hub = await TestHub.start();
    await using client = await BrokerClient.connect(hub, transport);
    await client.subscribe("served.by.publish", { action: "publish" });
    for (const topic of ["a.b", "served.by.publish"]) {
      assert.equal(codeOf(await client.request(topic)), "NO_ROUTE_FOUND");
    }
    client.send("request:x.y:1.0.0");
    assert.deepEqual(await client.settle(), []);
    const { header, payload } = await client.ask("response:a.b:1.0.0");
    assert.match(header, /^response:a\.b:1\.0\.0:/);
    assert.equal(codeOf(payload), "INVALID_REQUEST_ID");
    assert.equal(await hub.metric('trunkline_broker_errors_total{code="NO_ROUTE_FOUND"}'), 3);
  },
);

Deno.test("Broker: an answer to the hub's heartbeat is a sign of life and no more", async () => {
  await using hub = await TestHub.start(["hub.heartbeat.interval=100ms", "hub.heartbeat.timeout=20s"]);
  await using link = await TextLink.connect({ port: hub.port });
  await link.write(Uint8Array.of(0, 0, 0, 0));
  readGreeting(textOf(await link.next()));
  assert.match(textOf(await link.next()), /"MALFORMED_MESSAGE"/);
  for (let i = 0; i < 3; i++) {
    const asked = textOf(await link.next());
    const [, id] = /^request:system\.heartbeat:1\.0\.0:([0-9a-f-]{36})\n\{\}$/.exec(asked) ?? [];
    assert.ok(id !== undefined, asked);
    link.send(`response:system.heartbeat:1.0.0:${id}\n{"status":"success"}`);
  }
});

Deno.test("Broker: while it is off nothing speaks text messages", async () => {
  await using hub = await TestHub.start(["broker.enabled=false"]);
  for (const path of ["/", "/ws"]) await assert.rejects(WsClient.connect(hub.url(path)));
  await using link = await TextLink.connect({ port: hub.port });
  await link.write(Uint8Array.of(0));
  assert.match(textOf(await link.next()), /^publish:system\.close:1\.0\.0:.*\n\{"code":1008/);
  assert.equal(await link.next(), null);
});
