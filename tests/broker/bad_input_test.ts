import assert from "node:assert/strict";
import { RawClient } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import {
  ALL_TRANSPORTS,
  BrokerClient,
  codeOf,
  newId,
  type Received,
  type Transport,
} from "./broker_client.ts";
import { prefixed, TextLink } from "./text_link.ts";

const KIB = 1024;
const SUBSCRIPTIONS = "trunkline_broker_subscriptions";
const ID = "00000000-0000-4000-8000-0000000000aa";
const errors = (code: string) => `trunkline_broker_errors_total{code="${code}"}`;
const levels = (count: number) => new Array(count).fill("x").join(".");
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The same test over each transport. */
function testEach(name: string, run: (transport: Transport) => Promise<void>): void {
  for (const transport of ALL_TRANSPORTS) {
    Deno.test(`Bad input: ${name} (${transport})`, () => run(transport));
  }
}

function errorOf({ payload }: Received) {
  return JSON.parse(payload).error;
}

/** A whole message, the field that is wrong, what is said of it after "Cannot read the ", whether the id was readable. */
type Case = readonly [
  message: string | Uint8Array<ArrayBuffer>,
  field: string,
  said: RegExp,
  hasId?: boolean,
];

/** A message with a byte that is in no UTF-8 where the `?` stands. */
function broken(message: string): Uint8Array<ArrayBuffer> {
  return bytesOf(message).map((byte) => byte === 0x3f ? 0xff : byte);
}

const NEEDED = "action, topic and version are needed";
const CASES: readonly Case[] = [
  [new Uint8Array(0), "header", /^header: the message is empty$/],
  [`publish:a:1.0.0:${ID}`, "header", /^header: no newline ends it$/],
  ["x".repeat(513), "header", /^header: it is longer than 512 bytes, or no newline ends it$/],
  [`${"x".repeat(513)}\n`, "header", /^header: it is longer than 512 bytes, or no newline ends it$/],
  ["\n{}", "header", new RegExp(`^header: it has 1 field; ${NEEDED}$`)],
  ["publish:a\n{}", "header", new RegExp(`^header: it has 2 fields; ${NEEDED}$`)],
  [`request:a:1.0.0:${ID}::5:6\n`, "header", /^header: it has 7 fields; there are action, topic/, true],

  [`:a:1.0.0:${ID}\n`, "action", /^action: it is empty; it has to be publish, request or response$/, true],
  [`push:a:1.0.0:${ID}\n`, "action", /^action "push": it has to be publish, request or response$/, true],
  [`${"p".repeat(300)}:a:1.0.0\n`, "action", /^action "p{64}\.\.\.": it has to be publish/],
  [broken(`?:a:1.0.0:${ID}\n`), "action", /^action: it is not valid UTF-8$/, true],

  [`publish::1.0.0:${ID}\n`, "topic", /^topic: it is empty; it has to be levels with dots/, true],
  [
    `publish:${"a".repeat(256)}:1.0.0:${ID}\n`,
    "topic",
    /^topic: it has 256 bytes, at most 255 are allowed$/,
    true,
  ],
  [
    `publish:${levels(17)}:1.0.0:${ID}\n`,
    "topic",
    /^topic: it has 17 levels, at most 16 are allowed$/,
    true,
  ],
  [`publish:a.#.b:1.0.0:${ID}\n`, "topic", /^topic "a\.#\.b": it has to be levels with dots/, true],
  [`publish:a.+:1.0.0:${ID}\n`, "topic", /^topic "a\.\+": it has to be levels with dots/, true],
  [`publish:1:1.0.0:${ID}\n`, "topic", /^topic "1": it has to be levels with dots/, true],
  [broken(`publish:a.?:1.0.0:${ID}\n`), "topic", /^topic: it is not valid UTF-8$/, true],

  [`publish:a::${ID}\n`, "version", /^version: it is empty; it has to be MAJOR\.MINOR\.PATCH/, true],
  [`publish:a:1.0:${ID}\n`, "version", /^version "1\.0": it has to be MAJOR\.MINOR\.PATCH/, true],
  [`publish:a:1.0.${"0".repeat(17)}\n`, "version", /^version "1\.0\.0{17}": .* at most 20 bytes$/],
  [broken("publish:a:1.0.?\n"), "version", /^version: it is not valid UTF-8$/],

  ["publish:a:1.0.0:\n", "requestId", /^requestId: it is empty; it has to be a UUID/],
  ["publish:a:1.0.0:7\n", "requestId", /^requestId "7": it has to be a UUID/],
  [`publish:a:1.0.0:${ID}0\n`, "requestId", /^requestId "[0-9a-f-]{37}": it has to be a UUID/],
  [broken("publish:a:1.0.0:?\n"), "requestId", /^requestId: it is not valid UTF-8$/],

  [`request:a:1.0.0:${ID}:\n`, "parentRequestId", /^parentRequestId: it is empty; it has to be a UUID/, true],
  [`request:a:1.0.0:${ID}:no\n`, "parentRequestId", /^parentRequestId "no": it has to be a UUID/, true],
  [broken(`request:a:1.0.0:${ID}:?\n`), "parentRequestId", /^parentRequestId: it is not valid UTF-8$/, true],

  [`request:a:1.0.0:${ID}::\n`, "timeoutMs", /^timeoutMs: it is empty; it has to be a whole number/, true],
  [`request:a:1.0.0:${ID}::0\n`, "timeoutMs", /^timeoutMs "0": .* from 1 to 3600000$/, true],
  [`request:a:1.0.0:${ID}::3600001\n`, "timeoutMs", /^timeoutMs "3600001": .* from 1 to 3600000$/, true],
  [`request:a:1.0.0:${ID}::soon\n`, "timeoutMs", /^timeoutMs "soon": it has to be a whole number/, true],
  [
    `publish:a:1.0.0:${ID}::5\n`,
    "timeoutMs",
    /^timeoutMs "5": .* left out, as only requests have one$/,
    true,
  ],
];

testEach("each field of a header against its rule is told by name", async (transport) => {
  await using hub = await TestHub.start(["broker.max_malformed=1000"]);
  await using client = await BrokerClient.connect(hub, transport);
  for (const [message, field, said, hasId = false] of CASES) {
    client.sendRaw(message);
    const answer = await client.next();
    const shown = JSON.stringify(message);
    assert.equal(answer.header, `response:system.error:1.0.0${hasId ? `:${ID}` : ""}`, shown);
    const { code, message: text, details } = errorOf(answer);
    assert.deepEqual([code, details], ["MALFORMED_MESSAGE", { field }], shown);
    assert.match(text, /^Cannot read the /, shown);
    assert.match(text.slice("Cannot read the ".length), said, shown);
  }
  assert.equal(await hub.metric(errors("MALFORMED_MESSAGE")), CASES.length);
  assert.deepEqual(await client.settle(), []);
});

for (const count of [1, 20]) {
  testEach(
    `one malformed message more than ${count} a minute ends the connection, all are answered`,
    async (transport) => {
      await using hub = await TestHub.start([`broker.max_malformed=${count}`]);
      await using client = await BrokerClient.connect(hub, transport);
      await client.subscribe("a");
      for (let i = 0; i < count; i++) client.send("malformed");
      await client.settle();
      for (let i = 0; i < 50; i++) client.send("malformed");
      client.send("publish:a:1.0.0");
      const rest = await client.rest();
      if (transport === "text") assert.match(rest.pop()?.header ?? "", /^publish:system\.close:/);
      assert.deepEqual(rest.map((message) => errorOf(message).code), ["MALFORMED_MESSAGE"]);
      assert.equal(await hub.metric(errors("MALFORMED_MESSAGE")), count + 1);
      assert.equal(await hub.metric("trunkline_broker_published_total"), 0, "what follows is not handled");
      await client.close();
      await hub.metricBecomes('trunkline_connections_closed_total{code="1008"}', 1);
    },
  );

  testEach(
    `more than ${count} malformed messages in one go are answered up to the end`,
    async (transport) => {
      await using hub = await TestHub.start([`broker.max_malformed=${count}`]);
      await using client = await BrokerClient.connect(hub, transport);
      for (let i = 0; i < 50; i++) client.send("malformed");
      const answers: Received[] = [];
      while (answers.length <= count) answers.push(await client.next());
      for (const answer of answers) assert.equal(errorOf(answer).code, "MALFORMED_MESSAGE");
      const { code, reason } = await client.closed();
      assert.deepEqual([code, reason], [1008, "Too many malformed messages"]);
    },
  );
}

testEach("errors that a healthy client can cause end nothing", async (transport) => {
  await using hub = await TestHub.start(["broker.max_payload=1KiB"]);
  await using client = await BrokerClient.connect(hub, transport);
  for (let i = 0; i < 25; i++) {
    assert.equal(codeOf(await client.publish("nobody.there")), "NO_ROUTE_FOUND");
    assert.equal(codeOf(await client.publish("system.topic.gap")), "FORBIDDEN");
    assert.equal(codeOf(await client.request("system.topic.subscribe", { topic: "#.a" })), "INVALID_REQUEST");
    if (i % 5 !== 0) continue;
    assert.equal(codeOf(await client.publish("a", "x".repeat(1025))), "PAYLOAD_TOO_LARGE");
  }
});

testEach("nobody publishes to the hub's own topics", async (transport) => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub, transport);
  await client.subscribe("system.#");
  for (const topic of ["system", "system.topic.gap", "System.Close", "SYSTEM.made.up"]) {
    const { header, payload: { error } } = await client.ask(`publish:${topic}:1.0.0`, "{}");
    assert.ok(header.startsWith(`response:${topic}:1.0.0:`), header);
    assert.equal(error.code, "FORBIDDEN");
    assert.equal(error.message, `Cannot publish to ${topic}: topics under system are the hub's own`);
  }
  await client.subscribe("systems.a");
  assert.deepEqual(await client.publish("systems.a"), { status: "success" });
  assert.equal(await hub.metric("trunkline_broker_published_total"), 1);
  assert.equal(await hub.metric(errors("FORBIDDEN")), 4);
});

testEach("a payload of exactly the limit passes, one byte more is refused by its id", async (transport) => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub, transport);
  await client.subscribe("a");
  assert.deepEqual(await client.publish("a", new Uint8Array(64 * KIB)), { status: "success" });
  assert.equal((await client.next()).bytes.length, 64 * KIB);
  const { header, payload: { error } } = await client.ask("publish:a:1.0.0", new Uint8Array(64 * KIB + 1));
  assert.match(header, /^response:a:1\.0\.0:/);
  assert.equal(error.code, "PAYLOAD_TOO_LARGE");
  assert.equal(error.message, "The payload has 65537 bytes, at most 65536 are allowed");
  assert.deepEqual(error.details, { limit: 65_536, bytes: 65_537 });
  for (const action of ["request", "response"]) {
    const answer = await client.ask(`${action}:a:1.0.0`, new Uint8Array(64 * KIB + 1));
    assert.equal(codeOf(answer.payload), "PAYLOAD_TOO_LARGE");
  }
  assert.equal(await hub.metric(errors("PAYLOAD_TOO_LARGE")), 3);
  assert.deepEqual(await client.settle(), [], "it reached nobody");
});

testEach(
  "a message of twice the limit and 512 bytes is still answered, a longer one is not read",
  async (transport) => {
    await using hub = await TestHub.start(["broker.max_payload=1KiB"]);
    await using client = await BrokerClient.connect(hub, transport);
    const head = `publish:a:1.0.0:${newId()}`;
    const longest = 2 * KIB + 512;
    client.send(head, "x".repeat(longest - head.length - 1));
    const answer = await client.next();
    assert.equal(answer.header, head.replace("publish", "response"));
    assert.equal(errorOf(answer).code, "PAYLOAD_TOO_LARGE");
    client.send(head, "x".repeat(longest - head.length));
    assert.equal((await client.closed()).code, 1009);
    await client.close();
    await hub.metricBecomes('trunkline_connections_closed_total{code="1009"}', 1);
  },
);

Deno.test("Bad input: a length prefix of 2 GiB is told why, closed, and takes no memory", async () => {
  await using hub = await TestHub.start();
  const heartbeat = prefixed(`request:system.heartbeat:1.0.0:${newId()}\n{}`);
  const twoGiB = Uint8Array.of(0x80, 0, 0, 0);
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 100; i++) {
    await using link = await TextLink.connect({ port: hub.port });
    await link.write(heartbeat);
    await link.write(twoGiB);
    await link.write(new Uint8Array(1000));
    const messages: string[] = [];
    for (let bytes = await link.next(); bytes !== null; bytes = await link.next()) {
      messages.push(new TextDecoder().decode(bytes));
    }
    const [header, payload] = messages.at(-1)?.split("\n") ?? [];
    assert.match(header ?? "", /^publish:system\.close:1\.0\.0:/);
    const { code, reason } = JSON.parse(payload ?? "");
    assert.equal(code, 1009);
    assert.equal(reason, "A message of 2147483648 bytes is too long: at most 131584 are allowed");
  }
  const grown = Deno.memoryUsage().rss - before;
  assert.ok(grown < 64 * KIB * KIB, `memory grew by ${grown} bytes`);
  await hub.metricBecomes('trunkline_connections{transport="text"}', 0);
});

Deno.test("Bad input: a WebSocket frame that claims 2 GiB is closed with 1009", async () => {
  await using hub = await TestHub.start();
  using client = await RawClient.upgraded(hub.port, "/");
  await client.sendFrame({ opcode: 1, claimedLength: 1n << 31n });
  assert.equal(await client.readCloseCode(), 1009);
});

/** Subscribes to so many topics; gives how often each code came, `success` among them. */
async function subscribeTo(client: BrokerClient, count: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let from = 0; from < count; from += 1000) {
    const batch = Math.min(1000, count - from);
    for (let i = from; i < from + batch; i++) {
      client.send(
        `request:system.topic.subscribe:1.0.0:${newId()}`,
        `{"topic":"t.n${i}","action":"publish"}`,
      );
    }
    for (const { payload } of await client.take(batch)) {
      const code = JSON.parse(payload).error?.code ?? "success";
      seen[code] = (seen[code] ?? 0) + 1;
    }
  }
  return seen;
}

Deno.test("Bad input: of 100,000 subscriptions of one connection 10,000 are taken, and all go with it", async () => {
  await using hub = await TestHub.start();
  {
    await using client = await BrokerClient.connect(hub, "text");
    assert.deepEqual(await subscribeTo(client, 100_000), { success: 10_000, LIMIT_REACHED: 90_000 });
    assert.equal(await hub.metric(SUBSCRIPTIONS), 10_000);
    assert.equal(await hub.metric(errors("LIMIT_REACHED")), 90_000);
  }
  await hub.metricBecomes(SUBSCRIPTIONS, 0);
});

testEach(
  "who is at the limit of subscriptions is told so, may change what there is, and others are free",
  async (transport) => {
    await using hub = await TestHub.start(["broker.max_subscriptions_per_connection=3"]);
    await using client = await BrokerClient.connect(hub, transport);
    assert.deepEqual(await subscribeTo(client, 5), { success: 3, LIMIT_REACHED: 2 });
    const { error } = await client.request("system.topic.subscribe", { topic: "one.more" });
    assert.equal(error.code, "LIMIT_REACHED");
    assert.equal(error.message, "Cannot subscribe to one.more: a connection may have 3 subscriptions");
    assert.deepEqual(error.details, { limit: 3 });
    await client.subscribe("T.n0", { action: "both" });
    await client.request("system.topic.unsubscribe", { topic: "t.n1" });
    await client.subscribe("one.more");
    await using other = await BrokerClient.connect(hub);
    await other.subscribe("one.more");
    assert.equal(await hub.metric(SUBSCRIPTIONS), 4);
  },
);

/** Publishes many in one go; gives the error of each that was refused. */
async function flood(client: BrokerClient, topic: string, count: number) {
  const ids = Array.from({ length: count }, newId);
  for (const id of ids) client.send(`publish:${topic}:1.0.0:${id}`);
  const refused = [];
  for (const id of ids) {
    const { payload } = await client.answer(id);
    if (payload.error !== undefined) refused.push(payload.error);
  }
  return refused;
}

testEach(
  "a service over its rate is refused and told when to try again, others are not",
  async (transport) => {
    await using hub = await TestHub.start(["broker.rate.per_service=1"]);
    await using client = await BrokerClient.connect(hub, transport);
    await using other = await BrokerClient.connect(hub, transport);
    await other.subscribe("#");
    const refused = await flood(client, "a", 50);
    assert.ok(refused.length >= 40, `${refused.length} of 50`);
    for (const { code, message, details: { retryAfterMs } } of refused) {
      assert.equal(code, "RATE_LIMITED");
      assert.equal(message, `Too many messages of this service: try again in ${retryAfterMs} ms`);
      assert.ok(Number.isInteger(retryAfterMs) && retryAfterMs > 0 && retryAfterMs <= 1000);
    }
    assert.equal(await hub.metric(errors("RATE_LIMITED")), refused.length);
    assert.equal(await hub.metric("trunkline_broker_published_total"), 50 - refused.length);
    assert.deepEqual(await other.publish("a"), { status: "success" });
    await client.subscribe("system.topics.are.not.limited");
  },
);

Deno.test("Bad input: a topic over its rate is refused whoever publishes and in any case, others are not", async () => {
  await using hub = await TestHub.start(["broker.rate.per_topic=1"]);
  await using one = await BrokerClient.connect(hub);
  await using other = await BrokerClient.connect(hub, "text");
  await one.subscribe("#", { action: "request" });
  const refused = (await flood(one, "Hot", 20)).filter(({ code }) => code === "RATE_LIMITED");
  assert.ok(refused.length >= 15, `${refused.length} of 20`);
  assert.equal(refused[0]?.message.startsWith("Too many messages of topic Hot: try again in "), true);
  const others = (await flood(other, "hOT", 20)).filter(({ code }) => code === "RATE_LIMITED");
  assert.ok(others.length >= 15, `${others.length} of 20`);
  for (let i = 0; i < 20; i++) assert.equal(codeOf(await one.publish(`cold.n${i}`)), "NO_ROUTE_FOUND");
});

Deno.test("Bad input: the rate of a topic is that of the first pattern that selects it", async () => {
  await using hub = await TestHub.start([
    "broker.rate.per_topic=1",
    "broker.rate.topics={ 'free.#': 0, 'sensors.+': 30 }",
  ]);
  await using client = await BrokerClient.connect(hub);
  await client.subscribe("#");
  const limited = async (topic: string) => (await flood(client, topic, 100)).length;
  assert.equal(await limited("free.a"), 0);
  const refused = await limited("sensors.a");
  assert.ok(refused > 0 && refused <= 70, `${refused} of 100`);
  assert.ok(await limited("other") > 90);
});

testEach("a flood without ids over the rate is not answered by a flood", async (transport) => {
  await using hub = await TestHub.start(["broker.rate.per_service=1"]);
  await using client = await BrokerClient.connect(hub, transport);
  for (let i = 0; i < 500; i++) client.send("publish:a:1.0.0");
  const answers = await client.settle();
  assert.ok(answers.length > 0 && answers.length < 50, `${answers.length} answers`);
  for (const answer of answers) {
    assert.equal(answer.header, "response:a:1.0.0");
    assert.equal(errorOf(answer).code, "RATE_LIMITED");
  }
  assert.ok(await hub.metric(errors("RATE_LIMITED")) > 400);
});
