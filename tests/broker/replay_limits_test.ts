/** What a peer can do with replays that a hub has to bear: too many, too much, too slowly, without the right. */
import assert from "node:assert/strict";
import { MAX_REPLAYS } from "../../src/broker/replays.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { BrokerClient, codeOf } from "./broker_client.ts";
import { connect, idOf, numbers, payloadsOf, publishAll, replay, topicOf } from "./history_client.ts";
import { TextLink } from "./text_link.ts";

const KIB = 1024;
const MANY = 'broker.topics=[{ pattern: "log.#", history: { size: 10000, ttl: 1h } }]';
const PADDING = "x".repeat(2000);
const ASKED = "00000000-0000-4000-8000-00000000ffff";
const decoder = new TextDecoder();

/** Publishes so many messages with padding, without waiting for each answer; gives the first id. */
async function fill(hub: TestHub, topic: string, count: number): Promise<string> {
  await using publisher = await connect(hub, "text");
  const { id } = await publisher.publish(topic, "0");
  for (let at = 1; at < count; at++) publisher.send(`publish:${topic}:1.0.0`, `${at} ${PADDING}`);
  await publisher.settle();
  return id;
}

/** A subscriber that takes nothing from its socket but what it is asked for, and asks for replays. */
async function sleeper(hub: TestHub, patterns: readonly string[]): Promise<TextLink> {
  const link = await TextLink.connect({ port: hub.port });
  for (const topic of patterns) {
    link.send(`request:system.topic.subscribe:1.0.0\n${
      JSON.stringify({
        topic,
        action: "publish",
        replay: { last: 10_000 },
      })
    }`);
  }
  await hub.metricBecomes("trunkline_broker_subscriptions", patterns.length);
  return link;
}

/** The next message, as its header and payload. */
async function nextAny(link: TextLink): Promise<[string, string]> {
  const bytes = await link.next();
  assert.ok(bytes !== null, "the hub closed");
  const [header = "", payload = ""] = decoder.decode(bytes).split("\n");
  return [header, payload];
}

/** The next message of a topic, as its header and payload. */
async function nextOf(link: TextLink, topic: string): Promise<[string, string]> {
  for (;;) {
    const [header, payload] = await nextAny(link);
    if (header.split(":")[1] === topic) return [header, payload];
  }
}

Deno.test("Replay limits: a slow reader of much costs the hub no more than a part of its lane, and gets all of it", async () => {
  await using hub = await TestHub.start([MANY, "hub.outbox.publish=256KiB"]);
  const count = 5000;
  await fill(hub, "log.a", count);
  await using slow = await sleeper(hub, ["log.a"]);
  await using other = await connect(hub);
  await publishAll(other, "log.a", ["last"]);
  assert.ok(await hub.metric("trunkline_outbox_bytes") < 512 * KIB);
  for (let at = 0; at < count; at++) {
    assert.equal(Number.parseInt((await nextOf(slow, "log.a"))[1]), at);
  }
  assert.equal((await nextOf(slow, "log.a"))[1], "last");
});

Deno.test("Replay limits: what is trimmed between the answer and the first message of a replay is told as a gap", async () => {
  const size = 'broker.topics=[{ pattern: "log.#", history: { size: 3000, ttl: 1h } }]';
  await using hub = await TestHub.start([size, "hub.outbox.publish=64KiB"]);
  for (const topic of ["log.a", "log.b"]) await fill(hub, topic, 3000);
  // The second has to wait for the first, of which the reader takes nothing.
  await using slow = await sleeper(hub, ["log.a", "log.b"]);
  await fill(hub, "log.b", 1000);
  const gaps: unknown[] = [];
  for (;;) {
    const [header, payload] = await nextAny(slow);
    if (topicOf({ header }) === "system.topic.gap") gaps.push(JSON.parse(payload));
    if (topicOf({ header }) !== "log.b") continue;
    assert.match(payload, /^1000 /);
    break;
  }
  assert.deepEqual(gaps, [{ topic: "log.b", dropped: null }]);
});

Deno.test("Replay limits: what is trimmed before a slow reader gets it is told as a gap, in its place", async () => {
  await using hub = await TestHub.start([
    'broker.topics=[{ pattern: "log.#", history: { size: 3000, ttl: 1h } }]',
    "hub.outbox.publish=64KiB",
  ]);
  await fill(hub, "log.a", 3000);
  await using slow = await sleeper(hub, ["log.a"]);
  await fill(hub, "log.a", 3000);
  let [last, gaps, isAfterGap] = [-1, 0, false];
  for (let rounds = 0; rounds === 0 || last !== 2999;) {
    const [header, payload] = await nextAny(slow);
    if (header.startsWith("publish:system.topic.gap")) {
      assert.deepEqual(JSON.parse(payload), { topic: "log.a", dropped: null });
      gaps++;
      isAfterGap = true;
    } else if (header.startsWith("publish:log.a")) {
      const number = Number.parseInt(payload);
      if (number < last) rounds++;
      assert.ok(isAfterGap || number === (last + 1) % 3000, `${number} behind ${last}`);
      isAfterGap = false;
      last = number;
    }
  }
  assert.ok(gaps > 0);
  assert.equal(await hub.metric("trunkline_broker_replay_gaps_total"), gaps);
});

Deno.test("Replay limits: a connection has so many replays in progress, and others when they are done", async () => {
  await using hub = await TestHub.start([MANY, "hub.outbox.publish=64KiB"]);
  await fill(hub, "log.a", 3000);
  const patterns = Array.from({ length: MAX_REPLAYS }, (_, at) => at === 0 ? "log.a" : `log.b${at}`);
  await using slow = await sleeper(hub, patterns);
  const ask = (topic: string) =>
    slow.send(
      `request:system.topic.subscribe:1.0.0:${ASKED}\n${
        JSON.stringify({ topic, action: "publish", replay: { last: 1 } })
      }`,
    );
  ask("log.more");
  let refusals = 0;
  for (let got = 0; got < 3000;) {
    const [header, payload] = await nextAny(slow);
    if (header.startsWith("publish:log.a")) got++;
    if (!header.startsWith("response:system.topic.subscribe")) continue;
    assert.equal(codeOf(JSON.parse(payload)), "LIMIT_REACHED");
    refusals++;
  }
  assert.equal(refusals, 1);
  ask("log.more");
  assert.equal(JSON.parse((await nextOf(slow, "system.topic.subscribe"))[1]).status, "success");
});

Deno.test("Replay limits: unsubscribing and leaving end a replay, others of the connection miss nothing", async () => {
  await using hub = await TestHub.start([MANY, "hub.outbox.publish=64KiB"]);
  await fill(hub, "log.a", 3000);
  await using slow = await sleeper(hub, ["log.#"]);
  slow.send('request:system.topic.subscribe:1.0.0\n{"topic":"log.a","action":"publish"}');
  await hub.metricBecomes("trunkline_broker_subscriptions", 2);
  await using publisher = await connect(hub);
  await publishAll(publisher, "log.a", ["between"]);
  await publishAll(publisher, "log.b", ["not wanted"]);
  slow.send('request:system.topic.unsubscribe:1.0.0\n{"topic":"log.#"}');
  await hub.metricBecomes("trunkline_broker_subscriptions", 1);
  await publishAll(publisher, "log.a", ["live"]);
  let payload = "";
  while (payload !== "between") [, payload] = await nextOf(slow, "log.a");
  assert.equal((await nextOf(slow, "log.a"))[1], "live");
  await slow.close();
  await hub.metricBecomes("trunkline_broker_subscriptions", 0);
  await hub.metricBecomes("trunkline_broker_replays_active", 0);
});

Deno.test("Replay limits: what is not replayed goes on while a slow reader catches up", async () => {
  await using hub = await TestHub.start([MANY, "hub.outbox.publish=64KiB"]);
  await fill(hub, "log.a", 3000);
  await using slow = await sleeper(hub, ["log.a"]);
  slow.send('request:system.topic.subscribe:1.0.0\n{"topic":"news","action":"publish"}');
  await hub.metricBecomes("trunkline_broker_subscriptions", 2);
  await using publisher = await connect(hub);
  for (const at of numbers(1, 100)) await publisher.publish("news", at);
  for (const at of numbers(1, 100)) assert.equal((await nextOf(slow, "news"))[1], at);
});

Deno.test("Replay limits: a right that ends in the middle ends the replay; nothing is replayed without it", async () => {
  const permissions = (topics: string) => `{ publish: ["#"], subscribe: ["${topics}"] }`;
  const token = (name: string, topics: string) =>
    `{ token: token-${name}-of-ann-01, subject: ann, permissions: ${permissions(topics)} }`;
  await using hub = await TestHub.start([
    MANY,
    "hub.outbox.publish=64KiB",
    "auth.mode=required",
    `auth.tokens=[${token("wide", "log.#")}, ${token("narrow", "log.a")}]`,
  ]);
  const login = (name: string) => ({ token: `token-${name}-of-ann-01` });
  await using publisher = await BrokerClient.connect(hub, "text", login("wide"));
  await publisher.publish("log.a", "first");
  for (let at = 0; at < 3000; at++) publisher.send("publish:log.b:1.0.0", `${at} ${PADDING}`);
  await publisher.settle();
  await using narrow = await BrokerClient.connect(hub, "text", login("narrow"));
  const forbidden = { topic: "log.#", action: "publish", replay: { last: 1 } };
  assert.equal(codeOf(await narrow.request("system.topic.subscribe", forbidden)), "FORBIDDEN");
  await using slow = await TextLink.connect({ port: hub.port });
  slow.send(`request:system.authenticate:1.0.0:${ASKED}\n${JSON.stringify(login("wide"))}`);
  await nextOf(slow, "system.authenticate");
  slow.send(
    `request:system.topic.subscribe:1.0.0\n${JSON.stringify({ ...forbidden, replay: { last: 10_000 } })}`,
  );
  await hub.metricBecomes("trunkline_broker_subscriptions", 1);
  slow.send(`request:system.authenticate:1.0.0\n${JSON.stringify(login("narrow"))}`);
  await hub.metricBecomes("trunkline_broker_subscriptions", 0);
  slow.send("request:system.heartbeat:1.0.0:00000000-0000-4000-8000-00000000fffe\n{}");
  let replayed = 0;
  for (let header = ""; !header.startsWith("response:system.heartbeat");) {
    [header] = await nextAny(slow);
    if (header.startsWith("publish:log.b:")) replayed++;
  }
  assert.ok(replayed < 3000, `${replayed} of 3000 were sent before the right ended`);
  assert.equal(await hub.metric("trunkline_broker_replays_active"), 0);
});

Deno.test("Replay limits: who lost messages by policy gets them by a replay of the same connection", async () => {
  await using hub = await TestHub.start([
    'broker.topics=[{ pattern: "log.#", slow_consumer: drop_oldest, history: { size: 10000, ttl: 1h } }]',
    "hub.outbox.publish=64KiB",
  ]);
  await using slow = await TextLink.connect({ port: hub.port });
  const subscribe = (replay: object) =>
    slow.send(
      `request:system.topic.subscribe:1.0.0:${ASKED}\n${
        JSON.stringify({ topic: "log.a", action: "publish", ...replay })
      }`,
    );
  subscribe({});
  await hub.metricBecomes("trunkline_broker_subscriptions", 1);
  await using publisher = await connect(hub, "text");
  let published = 1;
  let last = (await publisher.publish("log.a", "0")).id;
  let number = 0;
  while (await hub.metric('trunkline_messages_dropped_total{reason="drop_oldest"}') === 0) {
    for (let at = 0; at < 200; at++) publisher.send("publish:log.a:1.0.0", `${published++} ${PADDING}`);
    await publisher.settle();
  }
  for (;;) {
    const [header, payload] = await nextAny(slow);
    if (header.startsWith("publish:system.topic.gap")) break;
    if (!header.startsWith("publish:log.a")) continue;
    last = header.split(":")[3] ?? "";
    number = Number.parseInt(payload);
  }
  subscribe({ replay: { since: last } });
  let isReplaying = false;
  while (number < published - 1) {
    const [header, payload] = await nextAny(slow);
    if (header.startsWith("response:system.topic.subscribe") && payload.includes("recovered")) {
      isReplaying = true;
    }
    if (!isReplaying || !header.startsWith("publish:log.a")) continue;
    assert.equal(Number.parseInt(payload), ++number);
  }
});

Deno.test("Replay limits: history that is switched off is not replayed any more, and what was kept otherwise is not complete", async () => {
  const policy = (history: string) => `broker.topics=[{ pattern: "log.#", history: ${history} }]`;
  const size = (count: number) => policy(`{ size: ${count}, ttl: 1h }`);
  await using hub = await TestHub.start([size(10)]);
  await using client = await connect(hub);
  const [id] = await publishAll(client, "log.a", ["1", "2"]);
  await hub.reload([policy("null")]);
  assert.equal((await replay(client, "log.a", { since: id })).recovered, false);
  assert.deepEqual(await client.settle(), []);
  await hub.reload([size(10)]);
  await using other = await connect(hub);
  assert.equal(
    (await replay(other, "log.a", { since: id })).recovered,
    false,
    "there was a time without history",
  );
  const got = await other.settle();
  assert.deepEqual(payloadsOf(got), ["2"]);
  assert.deepEqual([...new Set(got.map(topicOf))], ["log.a"]);
  assert.ok(got.every((message) => idOf(message) > (id ?? "")));
});
