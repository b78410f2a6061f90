/** Requests that a client answers. */
import assert from "node:assert/strict";
import { TrunklineError } from "../../src/core/errors.ts";
import type { TextMessage } from "../../src/wire/text_message.ts";
import { turn } from "./fake_hub.ts";
import { MessageScene, textOf } from "./message_scene.ts";

const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const ask = (scene: MessageScene, number: number, topic = "tools.sum") =>
  scene.say(
    { action: "request", topic, requestId: idOf(number), parentRequestId: idOf(900) },
    String(number),
  );
const errorOf = ({ payload }: TextMessage): string => JSON.parse(textOf(payload)).error.code;

Deno.test("Service: what the handler gives is the answer, by the id that the hub gave", async () => {
  const scene = MessageScene.up();
  const ids: (string | null)[] = [];
  void scene.client.serve("tools.+", ({ payload, id, topic }) => {
    ids.push(id);
    return `${topic}=${textOf(payload)}`;
  }, { priority: 3 });
  assert.deepEqual(JSON.parse(textOf((await scene.letIn()).payload)), {
    action: "request",
    topic: "tools.+",
    priority: 3,
  });
  ask(scene, 1, "Tools.sum");
  const { action, requestId, payload } = await scene.next();
  assert.deepEqual([action, requestId, textOf(payload)], ["response", idOf(1), "Tools.sum=1"]);
  assert.deepEqual(ids, [idOf(900)]);
  scene.say({ action: "request", topic: "tools.sum" }, "nobody waits");
  await turn();
  assert.deepEqual([ids.length, scene.sender.sent], [2, []]);
});

Deno.test("Service: a handler that fails answers with an error that tells nothing of its inside", async () => {
  const scene = MessageScene.up();
  void scene.client.serve("tools.sum", ({ payload }) => {
    if (textOf(payload) === "1") throw new Error("password is 1234");
    if (textOf(payload) === "2") return new Uint8Array(2000);
    throw new TrunklineError("usage", "A request is a list of numbers", {
      details: { code: "INVALID_REQUEST" },
    });
  });
  await scene.letIn();
  for (const number of [1, 2, 3]) ask(scene, number);
  const answers = [await scene.next(), await scene.next(), await scene.next()];
  const codes = new Map(answers.map((answer) => [answer.requestId, errorOf(answer)]));
  assert.deepEqual([1, 2, 3].map((number) => codes.get(idOf(number))), [
    "INTERNAL_ERROR",
    "INTERNAL_ERROR",
    "INVALID_REQUEST",
  ]);
  assert.ok(!answers.some(({ payload }) => textOf(payload).includes("1234")));
  assert.equal(scene.problems.length, 2);
});

Deno.test("Service: so many at a time, more wait, and too many are refused at once", async () => {
  const scene = MessageScene.up();
  const gates: (() => void)[] = [];
  void scene.client.serve("tools.sum", async () => {
    await new Promise<void>((go) => gates.push(go));
    return "done";
  }, { concurrency: 2 });
  await scene.letIn();
  for (let number = 1; number <= 3; number++) ask(scene, number);
  await turn();
  assert.equal(gates.length, 2);
  gates.shift()?.();
  assert.equal((await scene.next()).requestId, idOf(1));
  assert.equal(gates.length, 2);
  for (let number = 4; number <= 10_004; number++) ask(scene, number);
  assert.equal(errorOf(await scene.next()), "SERVICE_UNAVAILABLE");
  assert.equal(scene.client.isBusy, true);
  scene.client.disconnected();
  for (const go of gates.splice(0)) go();
  await turn();
  assert.deepEqual([gates.length, scene.client.isBusy], [0, false], "what waited is not begun");
});

Deno.test("Service: an answer goes only to the connection that the request came by", async () => {
  const scene = MessageScene.up();
  const { promise, resolve } = Promise.withResolvers<string>();
  let runs = 0;
  void scene.client.serve("tools.sum", () => {
    runs++;
    return promise;
  });
  await scene.letIn();
  ask(scene, 1);
  scene.reconnect();
  await scene.letIn();
  resolve("late");
  await turn();
  assert.deepEqual([scene.sender.sent, runs], [[], 1]);
});

Deno.test("Service: an answer waits for room", async () => {
  const scene = MessageScene.up();
  void scene.client.serve("tools.sum", () => "done");
  await scene.letIn();
  scene.sender.room = 0;
  ask(scene, 1);
  await turn();
  assert.deepEqual([scene.sender.sent.length, scene.client.isBusy], [0, true]);
  scene.sender.room = 1;
  scene.client.drained();
  assert.equal((await scene.next()).requestId, idOf(1));
  assert.equal(scene.client.isBusy, false);
});

Deno.test("Service: a hub that asks and does not read gets a thousand answers at most", async () => {
  const scene = MessageScene.up();
  scene.sender.room = 0;
  for (let number = 0; number < 1000; number++) ask(scene, number);
  scene.say({ action: "request", topic: "system.heartbeat", requestId: idOf(2000) });
  for (let number = 1000; number < 1500; number++) ask(scene, number);
  scene.sender.room = Infinity;
  scene.client.drained();
  await turn();
  assert.deepEqual([scene.sender.sent.length, scene.sender.overflows], [1000, 0]);
  scene.sender.sent.length = 0;
  ask(scene, 1500);
  assert.equal((await scene.next()).requestId, idOf(1500), "there is room again");
});

Deno.test("Service: a hub that does not take the answers it asked for is too slow", async () => {
  const scene = MessageScene.up();
  void scene.client.serve("tools.sum", () => "done", { concurrency: 2000 });
  await scene.letIn();
  scene.sender.room = 0;
  for (let number = 0; number < 1001; number++) ask(scene, number);
  await turn();
  assert.equal(scene.sender.overflows, 1);
  scene.client.disconnected();
  await turn();
  assert.equal(scene.client.isBusy, false, "nothing waits any more");
});

Deno.test("Service: answers that wait are bounded in bytes", async () => {
  const scene = MessageScene.up();
  scene.sender.maxPayloadBytes = null;
  void scene.client.serve("tools.sum", () => new Uint8Array(33 * 1024 * 1024));
  await scene.letIn();
  scene.sender.room = 0;
  for (let number = 0; number < 2; number++) ask(scene, number);
  await turn();
  assert.equal(scene.sender.overflows, 1);
  scene.client.disconnected();
});

Deno.test("Service: what is not served any more is refused, and of two the one of higher priority answers", async () => {
  const scene = MessageScene.up();
  ask(scene, 1);
  assert.equal(errorOf(await scene.next()), "SERVICE_UNAVAILABLE");
  void scene.client.serve("tools.sum", () => "low");
  void scene.client.serve("tools.#", () => "high", { priority: 1 });
  await scene.letIn();
  await scene.letIn();
  ask(scene, 2);
  assert.equal(textOf((await scene.next()).payload), "high");
});
