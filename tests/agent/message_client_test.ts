import assert from "node:assert/strict";
import fc from "fast-check";
import { TrunklineError } from "../../src/core/errors.ts";
import { viewOf } from "../../src/core/views.ts";
import { encodeTextMessage } from "../../src/wire/text_message.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { turn } from "./fake_hub.ts";
import { MessageScene, textOf } from "./message_scene.ts";

const ID = "00000000-0000-4000-8000-000000000001";

Deno.test("MessageClient: a publish is queued, or there is no room, or no connection", async () => {
  const scene = new MessageScene();
  assert.equal(scene.client.publish("a.b", "x"), "offline");
  const room = scene.client.room();
  scene.client.connected(scene.sender);
  await room;
  scene.sender.room = 1;
  assert.equal(scene.client.publish("a.b", "x"), "queued");
  assert.equal(scene.client.publish("a.b", "y"), "full");
  let isOpen = false;
  const again = scene.client.room().then(() => isOpen = true);
  await turn();
  assert.equal(isOpen, false);
  scene.sender.room = 1;
  scene.client.drained();
  await again;
  assert.equal(scene.client.publish("a.b", new Uint8Array([1])), "queued");
  assert.deepEqual(scene.sender.options, [{ lane: "publish", isText: true }, {
    lane: "publish",
    isText: false,
  }]);
  assert.equal(scene.sender.sent[0]?.requestId, null);
});

Deno.test("MessageClient: what is no topic, or too long for the hub, is not sent", async () => {
  const scene = MessageScene.up();
  assert.throws(() => scene.client.publish("a b", "x"), { code: "usage" });
  await assert.rejects(scene.client.request("a.#", "x"), { code: "usage" });
  await assert.rejects(scene.client.subscribe("a.#.b", () => {}), { code: "usage" });
  assert.throws(() => scene.client.publish("a.b", new Uint8Array(1001)), { code: "request_failed" });
  await assert.rejects(scene.client.deliver("a.b", "ä".repeat(501)), { code: "request_failed" });
  assert.equal(scene.client.publish("a.b", "ä".repeat(500)), "queued");
  assert.equal(scene.sender.sent.length, 1);
});

Deno.test("MessageClient: a request resolves with its answer, whatever comes between", async () => {
  const scene = MessageScene.up();
  const [first, second] = [
    scene.client.request("a.b", "1"),
    scene.client.request("a.b", "2", { timeoutMs: 700 }),
  ];
  const [one, two] = [await scene.next(), await scene.next()];
  assert.deepEqual([one.timeoutMs, two.timeoutMs], [null, 700]);
  assert.equal(scene.client.isBusy, true);
  scene.answer(two, "second");
  scene.answer(one, "first");
  scene.answer(one, "again");
  assert.deepEqual([textOf(await first), textOf(await second)], ["first", "second"]);
  assert.deepEqual([scene.client.isBusy, scene.problems], [false, []]);
  assert.ok(scene.idle > 0);
});

Deno.test("MessageClient: an error that is answered is told with its code", async () => {
  const scene = MessageScene.up();
  const codes = [["NO_ROUTE_FOUND", "request_failed"], ["FORBIDDEN", "refused"], [
    "TIMEOUT",
    "timed_out",
  ]] as const;
  for (const [code, errorCode] of codes) {
    const asked = Promise.allSettled([scene.client.request("a.b", ""), scene.client.deliver("a.b", "")]);
    scene.fail(await scene.next(), code);
    scene.fail(await scene.next(), code);
    for (const result of await asked) {
      assert.ok(result.status === "rejected" && result.reason instanceof TrunklineError);
      assert.equal(result.reason.code, errorCode);
      assert.equal(result.reason.details["code"], code);
    }
  }
});

Deno.test("MessageClient: open questions are bounded, and one that nobody answers is given up", async () => {
  using time = new FakeTime();
  const scene = MessageScene.up({ maxOutstanding: 2, answerTimeoutMs: 5000 });
  const asked = Promise.allSettled([
    scene.client.request("a.b", ""),
    scene.client.request("a.b", "", { timeoutMs: 1000 }),
    scene.client.request("a.b", ""),
  ]);
  await turn();
  time.tick(2999);
  assert.equal(scene.client.isBusy, true);
  time.tick(2001);
  const reasons = (await asked).map((result) => result.status === "rejected" ? result.reason.code : "");
  assert.deepEqual(reasons, ["timed_out", "timed_out", "request_failed"]);
  assert.deepEqual([scene.client.isBusy, time.timers], [false, 0]);
});

Deno.test("MessageClient: what is open when the connection ends fails once, and is not sent again", async () => {
  const scene = MessageScene.up();
  const asked = scene.client.request("a.b", "");
  const message = await scene.next();
  const sender = scene.reconnect();
  await assert.rejects(asked, { code: "connection_lost" });
  scene.answer(message, "too late");
  await turn();
  assert.deepEqual(sender.sent, []);
});

Deno.test("MessageClient: a subscription is registered until it is ended, at each connection", async () => {
  const scene = new MessageScene();
  const subscribing = scene.client.subscribe("News.+", () => {}, { group: "workers" });
  scene.client.connected(scene.sender);
  const first = await scene.letIn();
  assert.equal(first.topic, "system.topic.subscribe");
  assert.deepEqual(JSON.parse(textOf(first.payload)), {
    action: "publish",
    topic: "News.+",
    group: "workers",
  });
  const subscription = await subscribing;
  await assert.rejects(scene.client.subscribe("news.+", () => {}), { code: "usage" });
  scene.reconnect();
  await scene.letIn();
  const ending = subscription.unsubscribe();
  assert.equal((await scene.letIn()).topic, "system.topic.unsubscribe");
  await ending;
  await subscription.unsubscribe();
  const sender = scene.reconnect();
  await turn();
  assert.deepEqual(sender.sent, []);
});

Deno.test("MessageClient: a first registration that is refused fails, a later one is told and tried again", async () => {
  const scene = MessageScene.up();
  const refused = scene.client.subscribe("a.b", () => {});
  scene.fail(await scene.next(), "FORBIDDEN");
  await assert.rejects(refused, { code: "refused" });
  const taken = scene.client.subscribe("a.b", () => {});
  await scene.letIn();
  await taken;
  scene.reconnect();
  scene.fail(await scene.next(), "FORBIDDEN");
  await turn();
  assert.match(scene.problems[0]?.message ?? "", /Cannot subscribe to a.b again: .*FORBIDDEN/);
  scene.reconnect();
  await scene.letIn();
});

Deno.test("MessageClient: a subscription that a hub cannot take again now is tried again, not before it says", async () => {
  using time = new FakeTime();
  const scene = MessageScene.up();
  const subscribing = scene.client.subscribe("a.b", () => {});
  await scene.letIn();
  await subscribing;
  scene.reconnect();
  scene.fail(await scene.next(), "RATE_LIMITED", { retryAfterMs: 5000 });
  await turn();
  time.tick(4999);
  await turn();
  assert.deepEqual(scene.sender.sent, []);
  time.tick(501);
  await scene.next();
  time.tick(10_000);
  await turn();
  assert.equal(scene.problems.length, 2, "one that nobody answers is one more");
  time.tick(1000);
  scene.fail(await scene.next(), "LIMIT_REACHED", { retryAfterMs: "soon" });
  await turn();
  time.tick(2000);
  scene.fail(await scene.next(), "INVALID_REQUEST");
  await turn();
  assert.deepEqual([scene.problems.length, time.timers], [4, 0], "that would not change");
});

Deno.test("MessageClient: nothing is tried again that is not wanted, or on a connection that is over", async () => {
  using time = new FakeTime();
  const scene = MessageScene.up();
  const subscribing = scene.client.subscribe("a.b", () => {});
  await scene.letIn();
  const subscription = await subscribing;
  const failAgain = async () => {
    scene.reconnect();
    scene.fail(await scene.next(), "LIMIT_REACHED");
    await turn();
    assert.equal(time.timers, 1);
  };
  await failAgain();
  scene.client.disconnected();
  assert.equal(time.timers, 0);
  await failAgain();
  const ending = subscription.unsubscribe();
  await scene.letIn();
  await ending;
  assert.equal(time.timers, 0);
});

Deno.test("MessageClient: registrations that find no room wait for it", async () => {
  const scene = new MessageScene();
  const subscribing = Promise.all(
    ["a.a", "b.b", "c.c"].map((topic) => scene.client.subscribe(topic, () => {})),
  );
  scene.sender.room = 0;
  scene.client.connected(scene.sender);
  for (let sent = 0; sent < 3; sent++) {
    await turn();
    scene.sender.room = 1;
    scene.client.drained();
    await scene.letIn();
  }
  assert.equal((await subscribing).length, 3);
});

Deno.test("MessageClient: the end of a subscription waits for room, unless it was made again or the hub is gone", async () => {
  const scene = MessageScene.up();
  const again = async (topic: string) => {
    const subscribing = scene.client.subscribe(topic, () => {});
    await scene.letIn();
    return await subscribing;
  };
  const refill = () => {
    scene.sender.room = Infinity;
    scene.client.drained();
  };
  const [first, second, third] = [await again("a.a"), await again("b.b"), await again("c.c")];
  scene.sender.room = 0;
  const ending = first.unsubscribe();
  await turn();
  refill();
  assert.equal((await scene.letIn()).topic, "system.topic.unsubscribe");
  await ending;
  scene.sender.room = 0;
  const replaced = second.unsubscribe();
  await turn();
  refill();
  await again("B.b");
  await replaced;
  scene.sender.room = 0;
  const lost = third.unsubscribe();
  await turn();
  scene.reconnect();
  await lost;
  const { payload } = await scene.letIn();
  assert.deepEqual([JSON.parse(textOf(payload)).topic, scene.sender.sent], ["B.b", []]);
});

Deno.test("MessageClient: each handler whose pattern selects a topic runs once, one message after the other", async () => {
  const scene = MessageScene.up();
  const seen: string[] = [];
  const gates: (() => void)[] = [];
  void scene.client.subscribe("a.+", async ({ topic, payload }) => {
    seen.push(`${topic} ${textOf(payload)}`);
    await new Promise<void>((go) => gates.push(go));
  });
  void scene.client.subscribe("a.#", ({ payload, id }) => void seen.push(`# ${textOf(payload)} ${id}`));
  void scene.client.subscribe("b.c", () => void seen.push("never"));
  for (let at = 0; at < 3; at++) await scene.letIn();
  for (const payload of ["1", "2"]) scene.say({ action: "publish", topic: "A.b", requestId: ID }, payload);
  await turn();
  assert.deepEqual(seen, ["A.b 1", `# 1 ${ID}`, `# 2 ${ID}`]);
  gates.shift()?.();
  await turn();
  assert.deepEqual(seen.at(-1), "A.b 2");
  gates.shift()?.();
});

Deno.test("MessageClient: what handlers cannot keep up with is dropped and told", async () => {
  const scene = MessageScene.up();
  const lost: [string, number][] = [];
  const { promise: never, resolve } = Promise.withResolvers<void>();
  void scene.client.subscribe("a.b", () => never, {
    onLost: (topic, count) => void lost.push([topic, count]),
  });
  await scene.letIn();
  for (let at = 0; at < 10_002; at++) scene.say({ action: "publish", topic: "a.b" }, "x");
  assert.deepEqual(lost, [["a.b", 1]]);
  assert.equal(scene.problems.length, 1);
  scene.say({ action: "publish", topic: "system.topic.gap" }, JSON.stringify({ topic: "A.b", dropped: 7 }));
  assert.deepEqual(lost.at(-1), ["A.b", 7]);
  resolve();
});

Deno.test("MessageClient: what waits for a handler keeps nothing alive of what was read with it", async () => {
  const scene = MessageScene.up();
  const kept: number[] = [];
  const gates: (() => void)[] = [];
  const handler = async ({ payload }: { payload: Uint8Array }) => {
    kept.push(payload.buffer.byteLength);
    await new Promise<void>((go) => gates.push(go));
    return "";
  };
  void scene.client.subscribe("a.b", async (message) => void await handler(message));
  await scene.letIn();
  void scene.client.serve("a.b", handler, { concurrency: 1 });
  await scene.letIn();
  const chunk = new Uint8Array(65_536);
  for (const action of ["publish", "request"] as const) {
    for (let at = 0; at < 2; at++) {
      const message = encodeTextMessage({ action, topic: "a.b" }, "x");
      chunk.set(message);
      scene.client.received(viewOf(chunk, 0, message.length));
    }
  }
  for (const go of gates.splice(0)) go();
  await turn();
  assert.deepEqual(kept, [65_536, 65_536, 1, 1]);
  for (const go of gates.splice(0)) go();
});

Deno.test("MessageClient: messages that wait count with what they hold beside their payload", async () => {
  const scene = MessageScene.up();
  let lost = 0;
  const { promise: never, resolve } = Promise.withResolvers<void>();
  const topic = "sensors.a.temperature";
  for (let at = 0; at < 2; at++) {
    void scene.client.subscribe(at === 0 ? topic : "sensors.#", () => never, {
      onLost: (_, count) => lost += count,
    });
    await scene.letIn();
  }
  const payload = "x".repeat(1500);
  // 16 MiB would take all of the payloads.
  for (let at = 0; at < 10_000; at++) scene.say({ action: "publish", topic }, payload);
  const each = topic.length + payload.length + 512;
  assert.equal(lost, 2 * (9999 - Math.floor(16 * 1024 * 1024 / each)));
  resolve();
});

Deno.test("MessageClient: a handler that fails is told, and the next message is handled", async () => {
  const scene = MessageScene.up();
  let runs = 0;
  void scene.client.subscribe("a.b", () => {
    runs++;
    throw new Error("lost its thread");
  });
  await scene.letIn();
  for (let at = 0; at < 2; at++) scene.say({ action: "publish", topic: "a.b" }, "x");
  await turn();
  assert.equal(runs, 2);
  assert.match(scene.problems[0]?.message ?? "", /Cannot handle a message of a.b: lost its thread/);
});

Deno.test("MessageClient: the hub's own questions and notices are answered, or skipped", async () => {
  const scene = MessageScene.up();
  scene.say({ action: "publish", topic: "system.initialize" }, "{}");
  scene.say({ action: "request", topic: "system.heartbeat", requestId: ID }, "{}");
  const { action, requestId } = await scene.next();
  assert.deepEqual([action, requestId], ["response", ID]);
  scene.client.received(new TextEncoder().encode("nonsense"));
  scene.say({ action: "response", topic: "a.b" }, '{"error":{"code":"RATE_LIMITED","message":"slow down"}}');
  assert.deepEqual(scene.problems.map(({ details }) => details["code"]), [undefined, "RATE_LIMITED"]);
});

Deno.test("MessageClient: whatever is asked, answered and cut in whatever order, every question ends once", async () => {
  const steps = fc.array(fc.constantFrom("ask", "ask", "answer", "late", "cut", "full", "drain"), {
    maxLength: 40,
  });
  await fc.assert(fc.asyncProperty(steps, async (taken) => {
    const scene = MessageScene.up({ maxOutstanding: 5 });
    const ends: number[] = [];
    const asked: Promise<unknown>[] = [];
    for (const step of taken) {
      if (step === "ask") {
        const at = ends.push(0) - 1;
        asked.push(scene.client.request("a.b", "").then(() => ends[at]!++, () => ends[at]!++));
      } else if (step === "answer") {
        const message = scene.sender.sent.shift();
        if (message !== undefined) scene.answer(message);
      } else if (step === "late") scene.answer({ topic: "a.b", requestId: ID } as never);
      else if (step === "cut") scene.reconnect();
      else if (step === "full") scene.sender.room = 0;
      else scene.sender.room = Infinity;
    }
    scene.client.stop();
    await Promise.all(asked);
    assert.ok(ends.every((count) => count === 1));
    assert.equal(scene.client.isBusy, false);
  }));
});
