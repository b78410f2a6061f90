import assert from "node:assert/strict";
import { TestHub } from "../helpers/test_hub.ts";
import { BrokerClient, codeOf } from "./broker_client.ts";

const PATTERN =
  "it is no pattern: levels with dots between them, each a letter and then letters, digits, _ and -; " +
  "+ for one level, # at the end for all that follow";
const ACTION = "it has to be one of publish, request, both";
const PRIORITY = "it has to be a whole number from -1000000 to 1000000";
const REPLAY = "it has to be { since: message id or time } or { last: number }";
const LAST = "it has to be a whole number from 0 to 100000";
const SINCE = "it has to be the id of a message, or a time in ISO 8601 as 2026-01-31T12:00:00Z";
const METADATA = "it has more than 4096 characters as JSON";
const levels = (count: number) => new Array(count).fill("a").join(".");

/** Topic below `system.`, payload, the field that is wrong, what is said of it. */
const WRONG: readonly (readonly [string, unknown, string, string])[] = [
  ["service.register", {}, "name", "it has to be a text of 1 to 36 characters"],
  ["service.register", { name: "", description: "" }, "name", "it has to be a text of 1 to 36 characters"],
  [
    "service.register",
    { name: "x".repeat(37), description: "" },
    "name",
    "it has to be a text of 1 to 36 characters",
  ],
  ["service.register", { name: 7, description: "" }, "name", "it has to be a text of 1 to 36 characters"],
  ["service.register", { name: "x" }, "description", "it has to be a text of at most 1024 characters"],
  [
    "service.register",
    { name: "x", description: "d".repeat(1025) },
    "description",
    "it has to be a text of at most 1024 characters",
  ],
  [
    "service.register",
    { name: "x", description: null },
    "description",
    "it has to be a text of at most 1024 characters",
  ],
  ["service.register", { name: "x", description: "", metadata: [] }, "metadata", "it has to be an object"],
  ["service.register", { name: "x", description: "", metadata: "m" }, "metadata", "it has to be an object"],
  [
    "service.register",
    { name: "x", description: "", metadata: { m: "m".repeat(4089) } },
    "metadata",
    METADATA,
  ],
  ["topic.subscribe", {}, "topic", "it has to be a topic or pattern"],
  ["topic.subscribe", { topic: 1 }, "topic", "it has to be a topic or pattern"],
  ...["", "a..b", ".a", "a.", "1a", "a b", "a.#.b", "#.a", "a#", "+a", levels(17), `a${"b".repeat(255)}`].map(
    (topic) => ["topic.subscribe", { topic }, "topic", PATTERN] as const,
  ),
  ["topic.subscribe", { topic: "a", action: "all" }, "action", ACTION],
  ["topic.subscribe", { topic: "a", action: 1 }, "action", ACTION],
  ["topic.subscribe", { topic: "a", action: null }, "action", ACTION],
  ["topic.subscribe", { topic: "a", priority: "1" }, "priority", PRIORITY],
  ["topic.subscribe", { topic: "a", priority: 1.5 }, "priority", PRIORITY],
  ["topic.subscribe", { topic: "a", priority: 1_000_001 }, "priority", PRIORITY],
  ["topic.subscribe", { topic: "a", priority: -1_000_001 }, "priority", PRIORITY],
  ["topic.subscribe", { topic: "a", group: "" }, "group", "it has to be a text of 1 to 128 characters"],
  [
    "topic.subscribe",
    { topic: "a", group: "g".repeat(129) },
    "group",
    "it has to be a text of 1 to 128 characters",
  ],
  ["topic.subscribe", { topic: "a", group: 1 }, "group", "it has to be a text of 1 to 128 characters"],
  ["topic.subscribe", { topic: "a", replay: {} }, "replay", REPLAY],
  ["topic.subscribe", { topic: "a", replay: 5 }, "replay", REPLAY],
  ["topic.subscribe", { topic: "a", replay: { last: 1, since: "2026-01-31T12:00:00Z" } }, "replay", REPLAY],
  ["topic.subscribe", { topic: "a", replay: { last: -1 } }, "replay.last", LAST],
  ["topic.subscribe", { topic: "a", replay: { last: 100_001 } }, "replay.last", LAST],
  ["topic.subscribe", { topic: "a", replay: { last: "1" } }, "replay.last", LAST],
  ["topic.subscribe", { topic: "a", replay: { since: 1 } }, "replay.since", SINCE],
  ["topic.subscribe", { topic: "a", replay: { since: "yesterday" } }, "replay.since", SINCE],
  ["topic.subscribe", { topic: "a", replay: { since: "2026-13-31T12:00:00Z" } }, "replay.since", SINCE],
  ["topic.unsubscribe", {}, "topic", "it has to be a topic or pattern"],
  ["topic.unsubscribe", { topic: "a.#.b" }, "topic", PATTERN],
  ["topic.unsubscribe", { topic: "a", action: "none" }, "action", ACTION],
  ["service.subscriptions", { serviceId: 5 }, "serviceId", "it has to be a text of 1 to 64 characters"],
  [
    "service.subscriptions",
    { serviceId: "x".repeat(65) },
    "serviceId",
    "it has to be a text of 1 to 64 characters",
  ],
  ["metrics", { showAll: "true" }, "showAll", "it has to be true or false"],
  ["metrics", { paramFilter: [] }, "paramFilter", "it has to be an object of texts"],
  ["metrics", { paramFilter: { code: 1000 } }, "paramFilter.code", "it has to be a text"],
];

Deno.test("System payloads: a wrong field is named, and nothing is done", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  for (const [topic, payload, field, said] of WRONG) {
    const { error } = await client.request(`system.${topic}`, payload);
    const shown = JSON.stringify(payload);
    assert.equal(error?.code, "INVALID_REQUEST", shown);
    assert.equal(error.message, `Cannot read ${field}: ${said}`, shown);
    assert.deepEqual(error.details, { field }, shown);
  }
  assert.equal(await hub.metric("trunkline_broker_subscriptions"), 0);
  assert.equal(await hub.metric("trunkline_broker_services"), 0);
  assert.equal(await hub.metric('trunkline_broker_errors_total{code="INVALID_REQUEST"}'), WRONG.length);
});

Deno.test("System payloads: a payload that is no JSON object is refused, of every topic", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  const topics = [
    "heartbeat",
    "service.register",
    "service.subscriptions",
    "topic.subscribe",
    "topic.unsubscribe",
    "topic.list",
    "topic.subscriptions",
    "topic.presence",
    "metrics",
    "log.subscribe",
    "log.unsubscribe",
    "control.drain",
    "control.disconnect",
    "control.log_level",
  ];
  const payloads = [" ", "null", "[]", "1", '"text"', "{", "{}}", "{'a':1}", Uint8Array.of(0x7b, 0xff, 0x7d)];
  for (const topic of topics) {
    for (const payload of payloads) {
      const { payload: { error } } = await client.ask(`request:system.${topic}:1.0.0`, payload);
      assert.equal(error?.code, "INVALID_REQUEST", `${topic} ${payload}`);
      assert.equal(error.message, "Cannot read the payload: it has to be a JSON object");
      assert.equal(error.details, undefined);
    }
  }
});

Deno.test("System payloads: an empty payload is taken for one without fields", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  const ask = async (topic: string, payload: string) =>
    (await client.ask(`request:system.${topic}:1.0.0`, payload)).payload;
  for (const topic of ["heartbeat", "service.subscriptions", "topic.list", "topic.subscriptions"]) {
    const answer = await ask(topic, "");
    assert.equal(answer.error, undefined, topic);
    assert.deepEqual(answer, await ask(topic, "{}"), topic);
  }
  for (const topic of ["topic.subscribe", "topic.presence", "control.disconnect", "control.log_level"]) {
    const { error } = await ask(topic, "");
    assert.equal(error?.code, "INVALID_REQUEST", topic);
    assert.match(error.message, /^Cannot read (topic|serviceId|level): /);
  }
  assert.equal((await ask("control.drain", "")).error, undefined);
});

Deno.test("System payloads: metadata that is nested deeply, or looks like a prototype, breaks nothing", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  const register = async (metadata: string) =>
    (await client.ask(
      "request:system.service.register:1.0.0",
      `{"name":"x","description":"","metadata":${metadata}}`,
    )).payload;
  assert.equal(codeOf(await register(`{"a":${"[".repeat(30_000)}${"]".repeat(30_000)}}`)), "INVALID_REQUEST");
  assert.equal((await register(`{"a":${"[".repeat(2000)}${"]".repeat(2000)}}`)).status, "success");
  assert.equal((await register('{"__proto__":{"polluted":true}}')).status, "success");
  assert.equal(Reflect.get({}, "polluted"), undefined);
  assert.deepEqual(hub.logger.lines.filter(({ level }) => level === "error"), []);
});
