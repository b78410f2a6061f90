/** `trunkline bench` against a real hub, and against one that does what no real one would. */
import assert from "node:assert/strict";
import type { TextMessage } from "../../src/wire/text_message.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { type Ran, run, startReply } from "./commands.ts";
import { answerTo, errorPayload, type Reply, StubHub } from "./stub_hub.ts";
import { NOWHERE, overAll, urlOf } from "./ways.ts";

const SUCCESS = { status: "success" };
const SMALL = ["--messages", "300", "--in-flight", "4"];

/** The figures of a run with `--json`. */
function figuresOf({ io }: Ran): Record<string, Record<string, unknown>> {
  assert.equal(io.lines.length, 1, io.errors);
  return JSON.parse(io.text);
}

/** A hub that says yes to everything, and more where a test wants it. */
function stub(more: (message: TextMessage) => Reply | null): StubHub {
  return new StubHub((message) => more(message) ?? [answerTo(message, SUCCESS)]);
}

Deno.test("bench pub: every message reaches every subscriber, over ws, wss, tcp and tls", async () => {
  await overAll(async (scheme, to) => {
    const ran = await run(["bench", "--publishers", "2", "--subscribers", "3", "--json", ...SMALL, ...to]);
    assert.deepEqual([ran.code, ran.io.errors], [0, ""], scheme);
    const { publish = {}, end, request } = figuresOf(ran);
    assert.deepEqual([end, request], ["finished", undefined]);
    assert.deepEqual(
      [publish["sentMessages"], publish["expectedMessages"], publish["receivedMessages"]],
      [300, 900, 900],
    );
    const lost = ["droppedMessages", "missingMessages", "outOfOrderMessages", "repeatedMessages"];
    assert.deepEqual(lost.map((name) => publish[name]), [0, 0, 0, 0]);
    assert.ok(Number(publish["latencyP50Ms"]) <= Number(publish["latencyMaxMs"]));
    assert.ok(Number(publish["receivedMegabytesPerSecond"]) > 0);
  });
});

Deno.test("bench request: every request is answered, over ws, wss, tcp and tls", async () => {
  await overAll(async (scheme, to) => {
    const args = ["bench", "request", "--clients", "3", "--services", "2", "--size", "5000", "--json"];
    const ran = await run([...args, ...SMALL, ...to]);
    assert.deepEqual([ran.code, ran.io.errors], [0, ""], scheme);
    const { request = {} } = figuresOf(ran);
    assert.deepEqual(
      [request["sentMessages"], request["receivedMessages"], request["missingMessages"], request["errors"]],
      [300, 300, 0, {}],
    );
  });
});

Deno.test("bench: says goodbye to the hub with 1000, over every transport", async () => {
  await overAll(async (scheme, to, hub) => {
    const before = await hub.metric('trunkline_connections_closed_total{code="1000"}');
    await run(["bench", "--subscribers", "2", "--messages", "1", ...to]);
    await hub.metricBecomes('trunkline_connections_closed_total{code="1000"}', before + 3);
    assert.equal(await hub.metric("trunkline_broker_subscriptions"), 0, scheme);
  });
});

Deno.test("bench mixed: a table with both, and a time that ends it", async () => {
  await using hub = await TestHub.start();
  const args = ["bench", "mixed", "--duration", "200ms", "--rate", "500", "--subscribers", "2"];
  const { code, io } = await run([...args, ...urlOf(hub)]);
  assert.deepEqual([code, io.errors], [0, ""]);
  assert.match(io.lines[0] ?? "", /^ +publish +request$/);
  assert.match(io.text, /^who +1 publisher, 2 subscribers +10 clients, 1 service$/m);
  assert.match(io.text, /^latency p99\.9 +[\d.]+ ms +[\d.]+ ms$/m);
  assert.match(io.text, /^missing +0 +0$/m);
  assert.match(io.text, /^errors +none +none$/m);
  assert.doesNotMatch(io.text, /out of order|received twice|4413/);
});

Deno.test("bench pub: others on the same topic do not count", async () => {
  await using hub = await TestHub.start();
  const bench = run([
    "bench",
    "--topic",
    "a.B",
    "--duration",
    "300ms",
    "--rate",
    "200",
    "--json",
    ...urlOf(hub),
  ]);
  let isOver = false;
  const ended = bench.finally(() => isOver = true);
  while (!isOver) await run(["pub", "a.b", "from somebody else", "--count", "3", ...urlOf(hub)]);
  const ran = await ended;
  assert.equal(ran.code, 0);
  assert.equal(figuresOf(ran)["publish"]?.["repeatedMessages"], 0);
});

Deno.test("bench request: a service that is there is asked with --services 0; its errors are told by code", async () => {
  await using hub = await TestHub.start();
  const args = ["bench", "request", "--services", "0", "--topic", "greet", "--clients", "1", "--json"];
  const nobody = await run([...args, "--messages", "3", ...urlOf(hub)]);
  assert.equal(nobody.code, 1);
  assert.deepEqual(figuresOf(nobody)["request"]?.["errors"], { NO_ROUTE_FOUND: 3 });
  const service = await startReply(["greet", "--exec", "cat", "--count", "2", ...urlOf(hub)]);
  const somebody = await run([...args, "--messages", "2", ...urlOf(hub)]);
  assert.deepEqual([somebody.code, somebody.io.errors], [0, ""]);
  assert.equal(await service.ended, 0);
});

Deno.test("bench: a hub that dies in the middle is exit 3, with the figures so far", async () => {
  for (const mode of ["pub", "request"]) {
    await using hub = await TestHub.start();
    const bench = run(["bench", mode, "--duration", "1h", "--json", ...urlOf(hub)]);
    const routed = mode === "pub" ? "trunkline_broker_published_total" : "trunkline_broker_requests_total";
    while (await hub.metric(routed) < 100);
    await hub.server.stop();
    const ran = await bench;
    assert.equal(ran.code, 3, ran.io.errors);
    assert.match(ran.io.errors, /^Cannot go on: the connection to ws:\S+ ended \(code 4503/);
    const figures = figuresOf(ran);
    assert.equal(figures["end"], "lost");
    const { receivedMessages, missingMessages, droppedMessages, failedMessages, expectedMessages } =
      figures[mode === "pub" ? "publish" : "request"] ?? {};
    assert.ok(Number(receivedMessages) > 0);
    const parts = [receivedMessages, missingMessages, droppedMessages, failedMessages].map(Number);
    assert.equal(parts.reduce((sum, part) => sum + part), expectedMessages);
  }
});

Deno.test("bench pub: subscribers that the hub closes as too slow are told, exit 1", async () => {
  await using hub = stub((message) =>
    message.topicKey === "system.topic.subscribe"
      ? [
        answerTo(message, SUCCESS),
        [{ action: "publish", topic: "system.close" }, { code: 4413, reason: "slow consumer" }],
        "close",
      ]
      : null
  );
  const ran = await run(["bench", "--subscribers", "2", "--messages", "5", "--json", "--url", hub.url]);
  assert.equal(ran.code, 1);
  assert.match(
    ran.io.errors,
    /^The hub closed 2 subscribers as too slow \(4413\); lower --rate or --in-flight/,
  );
  assert.equal(figuresOf(ran)["publish"]?.["closedAsTooSlow"], 2);
});

Deno.test("bench pub: without a bound a real hub closes who is too slow, or everything comes", async () => {
  await using hub = await TestHub.start(["hub.outbox.publish=64KiB"]);
  const args = ["bench", "--in-flight", "0", "--size", "60000", "--messages", "2000", "--subscribers", "2"];
  const ran = await run([...args, "--json", ...urlOf(hub)]);
  const { closedAsTooSlow, missingMessages } = figuresOf(ran)["publish"] ?? {};
  assert.equal(ran.code, Number(missingMessages) + Number(closedAsTooSlow) > 0 ? 1 : 0);
  assert.equal(ran.io.errors === "", Number(closedAsTooSlow) === 0, ran.io.errors);
});

Deno.test("bench pub: what does not come in time is missing, exit 1", async () => {
  await using hub = stub((message) => message.action === "publish" ? [] : null);
  const args = ["bench", "--subscribers", "1", "--messages", "4", "--timeout", "1ms", "--url", hub.url];
  const { code, io } = await run(args);
  assert.equal(code, 1);
  assert.match(io.text, /^received +0 /m);
  assert.match(io.text, /^missing +4$/m);
  assert.equal(io.errors, "Cannot wait for the rest any longer: nothing came within 1ms (--timeout)");
});

Deno.test("bench pub: a rate of the hub is told by its code, and what it refused is missing", async () => {
  await using hub = await TestHub.start(["broker.rate.per_topic=10"]);
  const args = ["bench", "--in-flight", "0", "--messages", "100", "--timeout", "1ms", "--json"];
  const ran = await run([...args, ...urlOf(hub)]);
  assert.equal(ran.code, 1);
  const { errors, missingMessages, receivedMessages } = figuresOf(ran)["publish"] ?? {};
  assert.deepEqual(Object.keys(Object(errors)), ["RATE_LIMITED"]);
  assert.ok(Number(missingMessages) > 0);
  assert.equal(Number(receivedMessages) + Number(missingMessages), 1000);
});

Deno.test("bench pub: a real hub that drops tells it, and nothing is waited for in vain", async () => {
  await using hub = await TestHub.start(["hub.outbox.publish=64KiB", "hub.outbox.slow_consumer=drop_oldest"]);
  const args = ["bench", "--in-flight", "0", "--size", "60000", "--messages", "2000", "--subscribers", "2"];
  const ran = await run([...args, "--json", ...urlOf(hub)]);
  const { droppedMessages, receivedMessages, missingMessages, expectedMessages, closedAsTooSlow } =
    figuresOf(ran)["publish"] ?? {};
  assert.equal(expectedMessages, 4000);
  assert.equal(Number(droppedMessages) + Number(receivedMessages), 4000);
  assert.deepEqual([missingMessages, closedAsTooSlow], [0, 0]);
  assert.equal(ran.code, Number(droppedMessages) > 0 ? 1 : 0);
});

Deno.test("bench request: answers that come twice are seen, and requests without one are missing", async () => {
  await using hub = stub((message) =>
    message.topicKey === "a"
      ? message.requestId?.endsWith("0000") === true ? [answerTo(message, 1), answerTo(message, 1)] : []
      : null
  );
  const args = ["bench", "request", "--topic", "a", "--services", "0", "--clients", "1", "--messages", "3"];
  const ran = await run([...args, "--in-flight", "1", "--timeout", "1ms", "--json", "--url", hub.url]);
  assert.equal(ran.code, 1);
  const { repeatedMessages, receivedMessages, missingMessages } = figuresOf(ran)["request"] ?? {};
  assert.deepEqual([repeatedMessages, receivedMessages, missingMessages], [1, 1, 1]);
});

Deno.test("bench: what the hub does not allow is exit 4", async () => {
  await using hub = stub((message) =>
    message.topicKey === "system.topic.subscribe" ? [answerTo(message, errorPayload("FORBIDDEN"))] : null
  );
  const early = await run(["bench", "--url", hub.url]);
  assert.equal(early.code, 4);
  assert.match(early.io.errors, /^Cannot subscribe to bench\.\w+: the hub answered FORBIDDEN/);
  await using second = stub((message) =>
    message.topicKey === "a" ? [answerTo(message, errorPayload("FORBIDDEN"))] : null
  );
  for (const mode of [["pub"], ["request", "--services", "0"]]) {
    const late = await run(["bench", ...mode, "--topic", "a", "--url", second.url]);
    assert.equal(late.code, 4, late.io.errors);
    assert.match(late.io.errors, /^Cannot (publish to|ask) a: the hub answered FORBIDDEN/);
  }
});

Deno.test("bench: a payload that the hub does not take is refused before the load, over every transport", async () => {
  await overAll(async (scheme, to) => {
    const { code, io } = await run(["bench", "--size", "65KiB", ...to]);
    assert.deepEqual([code, io.text], [2, ""], scheme);
    assert.match(io.errors, /^Cannot send 65KiB: the hub takes 64KiB at most; lower --size, or raise/);
  });
});

Deno.test("bench: where nobody listens, or no broker answers, is exit 3", async () => {
  const { code, io } = await run(["bench", ...NOWHERE]);
  assert.equal(code, 3);
  assert.match(io.errors, /^Cannot reach the hub at ws:\/\/127\.0\.0\.1:1: the connection was refused/);
  await using hub = await TestHub.start();
  const path = await run(["bench", "--url", hub.url("/nowhere")]);
  assert.equal(path.code, 3);
  assert.match(path.io.errors, /no broker at this path \(HTTP 404\)/);
  const metrics = await run(["bench", "--url", `ws://127.0.0.1:${hub.metricsPort}`]);
  assert.equal(metrics.code, 3);
});
