import assert from "node:assert/strict";
import type { SlowConsumerPolicy } from "../../src/core/delivery.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { ALL_TRANSPORTS, BrokerClient, type Transport } from "./broker_client.ts";
import { TextLink } from "./text_link.ts";

const KIB = 1024;
const OTHERS = 99;
/** Enough to fill the buffers of the kernel soon. */
const PADDING = "x".repeat(50 * KIB);
const decoder = new TextDecoder();
const dropped = (reason: string) => `trunkline_messages_dropped_total{reason="${reason}"}`;

/** A published message `{number} {padding}`, a gap, the end. */
type Seen =
  | { readonly kind: "message"; readonly topic: string; readonly number: number }
  | { readonly kind: "gap"; readonly topic: string; readonly dropped: number }
  | { readonly kind: "closed"; readonly code: number };

/** A subscriber that takes nothing from its socket but what it is asked for. */
class Sleeper implements AsyncDisposable {
  readonly #link: RawClient | TextLink;

  private constructor(link: RawClient | TextLink) {
    this.#link = link;
  }

  static async subscribed(hub: TestHub, transport: Transport, topics: readonly string[]): Promise<Sleeper> {
    const link = transport === "text"
      ? await TextLink.connect({ port: hub.port })
      : await RawClient.upgraded(hub.port, "/");
    const sleeper = new Sleeper(link);
    for (const topic of topics) {
      const request = `request:system.topic.subscribe:1.0.0\n${JSON.stringify({ topic })}`;
      if (link instanceof TextLink) link.send(request);
      else await link.sendFrame({ opcode: 1, payload: request });
    }
    await hub.metricBecomes("trunkline_broker_subscriptions", topics.length);
    return sleeper;
  }

  /** What comes next, the greeting left out. */
  async next(): Promise<Seen> {
    for (;;) {
      const message = await this.#nextMessage();
      if (typeof message !== "string") return message;
      const end = message.indexOf("\n");
      const [, topic = ""] = message.slice(0, end).split(":");
      const payload = message.slice(end + 1);
      if (topic === "system.close") return { kind: "closed", code: JSON.parse(payload).code };
      if (topic === "system.topic.gap") return { kind: "gap", ...JSON.parse(payload) };
      if (topic !== "system.initialize") return { kind: "message", topic, number: Number.parseInt(payload) };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#link instanceof TextLink) await this.#link.close();
    else this.#link[Symbol.dispose]();
  }

  async #nextMessage(): Promise<string | Seen> {
    if (this.#link instanceof TextLink) {
      const bytes = await this.#link.next();
      assert.ok(bytes !== null, "the hub closed without a word");
      return decoder.decode(bytes);
    }
    const frame = await this.#link.readFrame();
    assert.ok(frame !== null, "the hub closed without a close frame");
    if (frame.opcode !== 8) return decoder.decode(frame.payload);
    return { kind: "closed", code: new DataView(frame.payload.buffer).getUint16(0) };
  }
}

/** Publishes one message after the other, each when all others have taken the one before. */
class Flood {
  readonly sent = new Map<string, number>();
  readonly #publisher: BrokerClient;
  readonly #others: readonly BrokerClient[];

  constructor(publisher: BrokerClient, others: readonly BrokerClient[]) {
    this.#publisher = publisher;
    this.#others = others;
  }

  async publish(topic: string): Promise<void> {
    const number = this.sent.get(topic) ?? 0;
    this.sent.set(topic, number + 1);
    this.#publisher.send(`publish:${topic}:1.0.0`, `${number} ${PADDING}`);
    for (const { payload } of await Promise.all(this.#others.map((other) => other.next()))) {
      assert.equal(Number.parseInt(payload), number, "nobody else loses anything");
    }
  }
}

async function connectOthers(hub: TestHub, topics: readonly string[]): Promise<BrokerClient[]> {
  const others = await Promise.all(
    Array.from({ length: OTHERS }, (_, i) => BrokerClient.connect(hub, i % 2 === 0 ? "websocket" : "text")),
  );
  for (const other of others) for (const topic of topics) await other.subscribe(topic);
  return others;
}

async function closeAll(clients: readonly BrokerClient[]): Promise<void> {
  await Promise.all(clients.map((client) => client.close()));
}

function startHub(policies: Readonly<Record<string, SlowConsumerPolicy>>): Promise<TestHub> {
  const topics = Object.entries(policies).map(([pattern, policy]) =>
    `{ pattern: '${pattern}', slow_consumer: ${policy} }`
  );
  return TestHub.start([`broker.topics=[${topics.join(", ")}]`, "hub.outbox.publish=64KiB"]);
}

/** Reads on until all that was published to the topics was received or told as lost; gives what was lost. */
async function wakeUp(sleeper: Sleeper, sent: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  const received = new Map<string, number>();
  const lost = new Map<string, number>();
  const last = new Map<string, number>();
  const accountedFor = (topic: string) => (received.get(topic) ?? 0) + (lost.get(topic) ?? 0);
  while ([...sent].some(([topic, count]) => accountedFor(topic) < count)) {
    const seen = await sleeper.next();
    if (seen.kind === "closed") assert.fail(`closed with ${seen.code}`);
    const { topic } = seen;
    if (seen.kind === "gap") lost.set(topic, (lost.get(topic) ?? 0) + seen.dropped);
    else {
      assert.ok(seen.number > (last.get(topic) ?? -1), "in order");
      assert.ok(accountedFor(topic) >= seen.number, `told of what came before ${topic} ${seen.number}`);
      last.set(topic, seen.number);
      received.set(topic, (received.get(topic) ?? 0) + 1);
    }
  }
  for (const [topic, count] of sent) assert.equal(accountedFor(topic), count);
  return lost;
}

for (const transport of ALL_TRANSPORTS) {
  for (const policy of ["drop_oldest", "latest"] as const) {
    Deno.test(`Slow subscribers: with ${policy} one that stops reading stays and is told what it lost, 99 others get everything (${transport})`, async () => {
      await using hub = await startHub({ "News.#": policy });
      await using sleeper = await Sleeper.subscribed(hub, transport, ["news.a"]);
      await using publisher = await BrokerClient.connect(hub);
      const others = await connectOthers(hub, ["news.a"]);
      const flood = new Flood(publisher, others);
      while (await hub.metric(dropped(policy)) < 3) {
        for (let i = 0; i < 5; i++) await flood.publish("news.a");
      }
      const sum = await hub.metric(dropped(policy));
      const lost = await wakeUp(sleeper, flood.sent);
      assert.equal(lost.get("news.a"), sum);
      assert.ok(await hub.metric("trunkline_broker_gap_notices_total") > 0);
      await flood.publish("news.a");
      assert.deepEqual(await sleeper.next(), {
        kind: "message",
        topic: "news.a",
        number: (flood.sent.get("news.a") ?? 0) - 1,
      }, "it is a subscriber like any other again");
      await closeAll(others);
    });
  }

  Deno.test(`Slow subscribers: with close one that stops reading is ended with 4413, 99 others get everything (${transport})`, async () => {
    await using hub = await startHub({ "news.#": "close", "#": "latest" });
    await using sleeper = await Sleeper.subscribed(hub, transport, ["news.a"]);
    await using publisher = await BrokerClient.connect(hub);
    const others = await connectOthers(hub, ["news.a"]);
    const flood = new Flood(publisher, others);
    const subscriptions = "trunkline_broker_subscriptions";
    assert.equal(await hub.metric(subscriptions), OTHERS + 1);
    while (await hub.metric(subscriptions) > OTHERS) {
      for (let i = 0; i < 5; i++) await flood.publish("news.a");
    }
    let seen = await sleeper.next();
    for (let number = 0; seen.kind !== "closed"; number++, seen = await sleeper.next()) {
      assert.deepEqual(seen, { kind: "message", topic: "news.a", number }, "nothing is missing in between");
    }
    assert.equal(seen.code, 4413);
    await flood.publish("news.a");
    await closeAll(others);
    assert.equal(await hub.metric("trunkline_broker_gap_notices_total"), 0);
    assert.ok(await hub.metric(dropped("slow_consumer")) > 0);
  });

  Deno.test(`Slow subscribers: each topic of one connection has its own policy and its own account (${transport})`, async () => {
    await using hub = await startHub({ "ticks.+": "latest", "logs.#": "drop_oldest" });
    const topics = ["ticks.a", "ticks.b", "logs.a"];
    await using sleeper = await Sleeper.subscribed(hub, transport, topics);
    await using publisher = await BrokerClient.connect(hub);
    await using other = await BrokerClient.connect(hub);
    for (const topic of topics) await other.subscribe(topic);
    const flood = new Flood(publisher, [other]);
    const isEnough = async () =>
      await hub.metric(dropped("latest")) >= 3 && await hub.metric(dropped("drop_oldest")) >= 3;
    while (!await isEnough()) {
      for (const topic of topics) await flood.publish(topic);
    }
    const sums = [await hub.metric(dropped("latest")), await hub.metric(dropped("drop_oldest"))];
    const lost = await wakeUp(sleeper, flood.sent);
    const lostOf = (topic: string) => lost.get(topic) ?? 0;
    assert.deepEqual([lostOf("ticks.a") + lostOf("ticks.b"), lostOf("logs.a")], sums);
  });
}

Deno.test("Slow subscribers: the other members of a queue group do the work of one that stops reading", async () => {
  await using hub = await TestHub.start();
  await using reader = await BrokerClient.connect(hub);
  await using publisher = await BrokerClient.connect(hub, "text");
  await reader.subscribe("jobs", { group: "workers" });
  await using sleeper = await TextLink.connect({ port: hub.port });
  sleeper.send('request:system.topic.subscribe:1.0.0\n{"topic":"jobs","group":"workers"}');
  await hub.metricBecomes("trunkline_broker_subscriptions", 2);
  const count = 300;
  for (let i = 0; i < count; i++) {
    assert.deepEqual(await publisher.publish("jobs", `${i} ${PADDING}`), { status: "success" });
  }
  const done = (await reader.settle()).map(({ payload }) => Number.parseInt(payload));
  const left = new Set(Array.from({ length: count }, (_, i) => i)).difference(new Set(done));
  assert.equal(done.length + left.size, count);
  while (left.size > 0) {
    const [header, payload] = decoder.decode(await sleeper.next() ?? new Uint8Array(0)).split("\n");
    if (header?.startsWith("publish:jobs:")) assert.ok(left.delete(Number.parseInt(payload ?? "")));
  }
  for (const reason of ["slow_consumer", "drop_oldest", "latest"]) {
    assert.equal(await hub.metric(dropped(reason)), 0);
  }
});
