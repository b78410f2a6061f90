import assert from "node:assert/strict";
import fc from "fast-check";
import { BrokerStats } from "../../src/broker/broker_stats.ts";
import { MAX_TAPPED_BYTES, MessageTaps } from "../../src/broker/message_taps.ts";
import { Subscription } from "../../src/broker/subscription.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { ALL_TRANSPORTS, BrokerClient, newId, type Received } from "./broker_client.ts";
import { FakeSubscriber } from "./fakes.ts";

/** What a tap was shown. */
function shownIn(messages: readonly Received[]) {
  return messages.filter(({ header }) => header.startsWith("publish:system.message:1.0.0:"))
    .map(({ payload }) => JSON.parse(payload));
}

for (const transport of ALL_TRANSPORTS) {
  Deno.test(`Message taps: publishes, requests and responses are shown, with who and which (${transport})`, async () => {
    await using hub = await TestHub.start();
    await using tap = await BrokerClient.connect(hub, transport);
    await using client = await BrokerClient.connect(hub, transport);
    await using service = await BrokerClient.connect(hub, transport);
    await service.subscribe("work");
    await tap.subscribe("system.message", { action: "publish" });
    const [from, to] = [client.serviceId, service.serviceId];
    await client.publish("Work", "hello");
    client.send("publish:nobody:2.0.0", new Uint8Array([0xff, 0]));
    const requestId = newId();
    client.send(`request:work:1.0.0:${requestId}::900`, "do");
    const [published, request] = await service.take(2);
    const targetId = request?.header.split(":")[3];
    service.send(`response:work:1.0.0:${targetId}`, "done");
    assert.equal((await client.next()).header, `response:work:1.0.0:${requestId}`);
    const shown = shownIn(await tap.settle());
    const common = { version: "1.0.0", encoding: "text" };
    const call = { requestId, targetId };
    assert.deepEqual(shown.map(({ id: _, ...rest }) => rest), [
      {
        ...common,
        action: "publish",
        topic: "Work",
        requestId: shown[0].requestId,
        from,
        size: 5,
        payload: "hello",
      },
      {
        action: "publish",
        topic: "nobody",
        version: "2.0.0",
        requestId: null,
        from,
        size: 2,
        encoding: "base64",
        payload: "/wA=",
      },
      {
        ...common,
        action: "request",
        topic: "work",
        ...call,
        timeoutMs: 900,
        from,
        to,
        size: 2,
        payload: "do",
      },
      { ...common, action: "response", topic: "work", ...call, from: to, to: from, size: 4, payload: "done" },
    ]);
    assert.equal(published?.header.split(":")[3], shown[0].id);
    assert.equal(await hub.metric("trunkline_broker_tapped_total"), 4);
  });
}

Deno.test("Message taps: a pattern under system taps too, once; what is unsubscribed shows nothing", async () => {
  await using hub = await TestHub.start();
  await using tap = await BrokerClient.connect(hub);
  await using client = await BrokerClient.connect(hub);
  for (const topic of ["system.message", "system.#", "system.+"]) {
    await tap.subscribe(topic, { action: "publish" });
  }
  client.send("publish:a:1.0.0", "1");
  await client.settle();
  assert.equal(shownIn(await tap.settle()).length, 1);
  for (const topic of ["system.message", "system.#"]) {
    await tap.request("system.topic.unsubscribe", { topic });
  }
  client.send("publish:a:1.0.0", "2");
  await client.settle();
  assert.equal(shownIn(await tap.settle()).length, 1);
  await tap.request("system.topic.unsubscribe", { topic: "system.+" });
  client.send("publish:a:1.0.0", "3");
  await client.settle();
  assert.equal(shownIn(await tap.settle()).length, 0);
  assert.equal(await hub.metric("trunkline_broker_tapped_total"), 2);
});

Deno.test("Message taps: what two taps are shown is never shown again, and system requests are not shown", async () => {
  await using hub = await TestHub.start();
  await using one = await BrokerClient.connect(hub);
  await using other = await BrokerClient.connect(hub, "text");
  for (const tap of [one, other]) await tap.subscribe("system.message", { action: "publish" });
  one.send("publish:a:1.0.0", "x");
  await one.request("system.topic.list");
  assert.equal(shownIn(await one.settle()).length, 1);
  assert.equal(shownIn(await other.settle()).length, 1);
  assert.equal(await hub.metric("trunkline_broker_tapped_total"), 1);
});

Deno.test("Message taps: a request that wants no answer is shown without ids", async () => {
  await using hub = await TestHub.start();
  await using tap = await BrokerClient.connect(hub);
  await using service = await BrokerClient.connect(hub, "text");
  await service.subscribe("work");
  await tap.subscribe("system.message", { action: "publish" });
  tap.send("request:work:1.0.0", "do");
  const [from, to] = [tap.serviceId, service.serviceId];
  const [shown] = shownIn(await tap.settle());
  const content = { size: 2, encoding: "text", payload: "do" };
  assert.deepEqual(shown, { action: "request", topic: "work", version: "1.0.0", from, to, ...content });
});

Deno.test("Message taps: a tap that does not read loses the oldest of a flood, is told, and stays", async () => {
  await using hub = await TestHub.start(["hub.outbox.publish=64KiB", "performance.buffers.socket=16KiB"]);
  await using tap = await BrokerClient.connect(hub, "text");
  await using client = await BrokerClient.connect(hub, "text");
  await tap.subscribe("system.message", { action: "publish" });
  const dropped = 'trunkline_messages_dropped_total{reason="drop_oldest"}';
  while (await hub.metric(dropped) === 0) {
    for (let i = 0; i < 200; i++) client.send("publish:flood:1.0.0", "x".repeat(8000));
    await client.settle();
  }
  const sent = await hub.metric("trunkline_broker_tapped_total");
  let seen = 0;
  let lost = 0;
  while (seen + lost < sent) {
    const { header, payload } = await tap.next();
    if (header.startsWith("publish:system.topic.gap:")) lost += JSON.parse(payload).dropped;
    else seen++;
  }
  assert.ok(seen > 0 && lost > 0);
  assert.equal(seen + lost, sent);
  await tap.settle();
});

Deno.test("Message taps: a payload is shown up to a bound, cut between characters", () => {
  const shown: string[] = [];
  const taps = new MessageTaps({ announce: (_, payload) => shown.push(payload), stats: new BrokerStats() });
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\u0001"), minLength: 900, maxLength: 3000 }),
      (text) => {
        const payload = new TextEncoder().encode(text);
        taps.show({ action: "publish", topic: "a", version: "1.0.0", from: "x", payload });
        const told = JSON.parse(shown.pop() ?? "");
        assert.deepEqual([told.encoding, told.size], ["text", payload.length]);
        assert.ok(text.startsWith(told.payload));
        const bytes = new TextEncoder().encode(told.payload).length;
        const isCut = payload.length > MAX_TAPPED_BYTES;
        assert.ok(
          isCut ? bytes > MAX_TAPPED_BYTES - 4 && bytes <= MAX_TAPPED_BYTES : bytes === payload.length,
        );
        assert.equal(told.truncated, isCut ? true : undefined);
      },
    ),
    { numRuns: 50 },
  );
  taps.show({
    action: "publish",
    topic: "a",
    version: "1.0.0",
    from: "x",
    payload: new Uint8Array(5000).fill(0x80),
  });
  const told = JSON.parse(shown.pop() ?? "");
  assert.deepEqual([told.encoding, atob(told.payload).length], ["base64", MAX_TAPPED_BYTES]);
});

Deno.test("Message taps: only patterns that select system.message make a tap", () => {
  const taps = new MessageTaps({ announce: () => {}, stats: new BrokerStats() });
  const subscriber = new FakeSubscriber("1");
  for (const pattern of ["#", "+.message", "system.log", "system.message.a", "systems.#", "a"]) {
    taps.joined(new Subscription(subscriber, pattern));
    assert.equal(taps.isActive, false, pattern);
  }
  const patterns = ["System.Message", "system.#", "system.+"].map((text) =>
    new Subscription(subscriber, text)
  );
  for (const pattern of patterns) taps.joined(pattern);
  for (const pattern of patterns) {
    assert.equal(taps.isActive, true);
    taps.left(pattern);
  }
  assert.equal(taps.isActive, false);
});
