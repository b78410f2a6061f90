import assert from "node:assert/strict";
import { BrokerStats } from "../../src/broker/broker_stats.ts";
import { DELIVERIES_PER_TURN, MAX_WAITING_EVENTS, Presence } from "../../src/broker/presence.ts";
import { Subscription } from "../../src/broker/subscription.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { ALL_TRANSPORTS, BrokerClient, codeOf, type Received } from "./broker_client.ts";
import { FakeSubscriber } from "./fakes.ts";

const PRESENT = 'broker.topics=[{ pattern: "chat.quiet" }, { pattern: "Chat.#", presence: true }]';
const PUBLISH = { action: "publish" };

function eventsIn(messages: readonly Received[]) {
  return messages.filter(({ header }) => header.startsWith("publish:system.topic.presence:1.0.0:"))
    .map(({ payload }) => JSON.parse(payload));
}

/** The next event. */
async function nextEvent(client: BrokerClient) {
  for (;;) {
    const [event] = eventsIn([await client.next()]);
    if (event !== undefined) return event;
  }
}

for (const transport of ALL_TRANSPORTS) {
  Deno.test(`Presence: lists everybody once, with what services say of themselves (${transport})`, async () => {
    await using hub = await TestHub.start();
    await using service = await BrokerClient.connect(hub, transport);
    await using other = await BrokerClient.connect(hub, transport);
    await service.request("system.service.register", { name: "bot", description: "", metadata: { v: 1 } });
    for (const topic of ["chat.+", "chat.a", "#"]) await service.subscribe(topic, PUBLISH);
    await other.subscribe("Chat.A", { ...PUBLISH, group: "g" });
    await other.subscribe("chat.b", { action: "request" });
    const membersOf = (topic: string) => other.request("system.topic.presence", { topic });
    const bot = { serviceId: service.serviceId, name: "bot", metadata: { v: 1 } };
    const stranger = { serviceId: other.serviceId, name: null, metadata: null };
    const { members, status } = await membersOf("CHAT.a");
    assert.equal(status, "success");
    assert.deepEqual(members.find(({ name }: { name: string | null }) => name === "bot"), bot);
    assert.deepEqual(members.find(({ name }: { name: string | null }) => name === null), stranger);
    assert.equal(members.length, 2);
    assert.deepEqual((await membersOf("chat.b")).members, [bot]);
    assert.deepEqual((await membersOf("system.message")).members, []);
    for (const topic of ["chat.+", "#", "", 1]) {
      assert.equal(codeOf(await other.request("system.topic.presence", { topic })), "INVALID_REQUEST");
    }
  });

  Deno.test(`Presence: who comes and goes is told where the policy says so (${transport})`, async () => {
    await using hub = await TestHub.start([PRESENT]);
    await using watcher = await BrokerClient.connect(hub, transport);
    await watcher.subscribe("system.topic.presence", PUBLISH);
    const client = await BrokerClient.connect(hub, transport);
    await client.request("system.service.register", { name: "bot", description: "", metadata: { v: 1 } });
    const member = { serviceId: client.serviceId, name: "bot", metadata: { v: 1 } };
    for (const topic of ["chat.quiet", "other", "chat.serve"]) {
      await client.subscribe(topic, { action: topic === "chat.serve" ? "request" : "publish" });
    }
    for (let i = 0; i < 3; i++) await client.subscribe("Chat.a");
    await client.request("system.topic.unsubscribe", { topic: "chat.a", action: "request" });
    await client.subscribe("chat.serve", PUBLISH);
    await client.request("system.topic.unsubscribe", { topic: "chat.a" });
    await client.request("system.topic.unsubscribe", { topic: "chat.a" });
    assert.deepEqual(eventsIn(await watcher.settle()), [
      { event: "join", topic: "Chat.a", member },
      { event: "join", topic: "chat.serve", member },
      { event: "leave", topic: "Chat.a", member },
    ]);
    await client.close();
    assert.deepEqual(await nextEvent(watcher), { event: "leave", topic: "chat.serve", member });
    assert.equal(await hub.metric('trunkline_broker_presence_events_total{event="join"}'), 2);
    assert.equal(await hub.metric('trunkline_broker_presence_events_total{event="leave"}'), 2);
  });
}

Deno.test("Presence: patterns are told as they are where they may select a topic with presence", async () => {
  await using hub = await TestHub.start([PRESENT]);
  await using watcher = await BrokerClient.connect(hub);
  await watcher.subscribe("system.topic.presence", PUBLISH);
  await using client = await BrokerClient.connect(hub);
  for (const topic of ["#", "+.a", "chat.+.b", "other.#", "system.#", "chat.a"]) {
    await client.subscribe(topic, PUBLISH);
  }
  await client.request("system.topic.unsubscribe", { topic: "#" });
  const events = eventsIn(await watcher.settle()).map(({ event, topic }) => `${event} ${topic}`);
  assert.deepEqual(events, ["join #", "join +.a", "join chat.+.b", "join chat.a", "leave #"]);
  const { members } = await watcher.request("system.topic.presence", { topic: "chat.a" });
  assert.deepEqual(members.length, 1);
});

Deno.test("Presence: five thousand members are listed up to the bound of a list", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub, "text");
  const subscribers: BrokerClient[] = [];
  for (let i = 0; i < 5000; i += 100) {
    const more = await Promise.all(Array.from({ length: 100 }, () => BrokerClient.connect(hub, "text")));
    await Promise.all(more.map((one) => one.subscribe("chat.a", PUBLISH)));
    subscribers.push(...more);
  }
  const { members, truncated, status } = await client.request("system.topic.presence", { topic: "chat.a" });
  assert.deepEqual([truncated, status], [true, "success"]);
  assert.ok(members.length > 2000 && members.length < 5000);
  assert.equal(
    new Set(members.map(({ serviceId }: { serviceId: string }) => serviceId)).size,
    members.length,
  );
  await Promise.all(subscribers.map((one) => one.close()));
});

/** Presence with a loop that a test turns. */
function setUp({ receivers = 1 }: { receivers?: number } = {}) {
  const told: string[] = [];
  const due: (() => void)[] = [];
  const stats = new BrokerStats();
  const watchers = { receivers };
  const presence = new Presence({
    rules: { patterns: ["#"], hasPresence: () => true },
    describe: () => null,
    announce: (_, payload) => {
      told.push(payload);
      return watchers.receivers;
    },
    isHeard: () => watchers.receivers > 0,
    stats,
    later: (run) => void due.push(run),
  });
  const subscriber = new FakeSubscriber("1");
  const leave = (count: number) => {
    for (let i = 0; i < count; i++) presence.left(new Subscription(subscriber, `a${i}`), true);
  };
  const turn = () => {
    told.length = 0;
    for (const run of due.splice(0)) run();
    return told.map((payload) => JSON.parse(payload));
  };
  return { presence, stats, watchers, leave, turn, due };
}

Deno.test("Presence: what the end of a connection causes is told little by little, and in order", () => {
  const receivers = 100;
  const { leave, turn, presence } = setUp({ receivers });
  leave(1000);
  const topics: string[] = [];
  while (presence.waiting > 0) {
    const events = turn();
    assert.ok(events.length * receivers <= DELIVERIES_PER_TURN + receivers);
    topics.push(...events.map(({ topic }) => topic));
  }
  assert.deepEqual(topics, Array.from({ length: 1000 }, (_, i) => `a${i}`));
});

Deno.test("Presence: one event with more receivers than a turn takes is told alone", () => {
  const { leave, turn, presence, due } = setUp({ receivers: 2 * DELIVERIES_PER_TURN });
  leave(3);
  for (let left = 3; left > 0; left--) {
    assert.equal(presence.waiting, left);
    assert.equal(turn().length, 1);
  }
  turn();
  assert.equal(due.length, 0);
});

Deno.test("Presence: more events than may wait are lost and their number is told", () => {
  const { leave, turn, presence, stats } = setUp();
  leave(MAX_WAITING_EVENTS + 5);
  assert.equal(presence.waiting, MAX_WAITING_EVENTS);
  let last: unknown;
  for (let events = turn(); events.length > 0; events = turn()) last = events.at(-1);
  assert.deepEqual(last, { event: "lost", dropped: 5 });
  assert.deepEqual(stats.presenceEvents, { join: 0, leave: MAX_WAITING_EVENTS, lost: 5 });
});

Deno.test("Presence: nothing waits for nobody", () => {
  const { leave, turn, presence, watchers, due } = setUp();
  leave(3000);
  watchers.receivers = 0;
  assert.deepEqual(turn(), []);
  assert.deepEqual([presence.waiting, due.length], [0, 0]);
  leave(10);
  assert.deepEqual([presence.waiting, due.length], [0, 0]);
});
