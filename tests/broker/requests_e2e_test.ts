/** Requests over real sockets, on every transport. */
import assert from "node:assert/strict";
import { type BrokerClient, codeOf, newId, type Received } from "./broker_client.ts";
import { askAll, CALLERS, nextAlive, OUTSTANDING, Scene, targetIdOf, testEach } from "./request_scene.ts";

const errors = (code: string) => `trunkline_broker_errors_total{code="${code}"}`;

testEach("a request, its answer and their bytes go round", async (wire) => {
  await using scene = await Scene.start(wire);
  const service = await scene.service();
  const caller = await scene.connect();
  const payloads = [
    new Uint8Array(0),
    new TextEncoder().encode("grüße 🚀\n\n"),
    Uint8Array.from({ length: 256 }, (_, i) => i),
    new Uint8Array(65_536).map((_, i) => i * 7),
  ];
  for (const payload of payloads) {
    const id = newId();
    caller.send(`request:Work:1.2.3:${id}::5000`, payload);
    const asked = await service.next();
    assert.match(asked.header, new RegExp(`^request:Work:1\\.2\\.3:[0-9a-f-]{36}:${id}:5000$`));
    assert.deepEqual(asked.bytes, payload);
    service.send(`response:Work:1.2.3:${targetIdOf(asked)}`, payload.toReversed());
    const answer = await caller.next();
    assert.equal(answer.header, `response:Work:1.2.3:${id}`);
    assert.deepEqual(answer.bytes, payload.toReversed());
  }
  assert.deepEqual([await caller.settle(), await service.settle()], [[], []]);
  assert.equal(await scene.hub.metric(OUTSTANDING), 0);
});

testEach(
  "a service that dies without a goodbye fails the 100 requests that it holds, each once",
  async (wire) => {
    await using scene = await Scene.start(wire);
    const proxy = await scene.proxy();
    const service = await scene.service(proxy);
    const callers = await scene.callers(CALLERS);
    await askAll(callers, service);
    const diedMs = performance.now();
    proxy.cut();
    const answers = await Promise.all(callers.map((caller) => caller.next()));
    assert.ok(performance.now() - diedMs < 1000, "within a second");
    for (const { payload } of answers) assert.equal(codeOf(JSON.parse(payload)), "SERVICE_UNAVAILABLE");
    for (const caller of callers) assert.deepEqual(await caller.settle(), []);
    assert.equal(await scene.hub.metric(OUTSTANDING), 0);
    assert.equal(await scene.hub.metric(errors("SERVICE_UNAVAILABLE")), CALLERS);
  },
);

testEach("with failover a second service answers the 100 requests of the one that died", async (wire) => {
  await using scene = await Scene.start(wire, ["broker.request.failover=true"]);
  const proxy = await scene.proxy();
  const dies = await scene.service(proxy, 1);
  const stays = await scene.service();
  const callers = await scene.callers(CALLERS);
  await askAll(callers, dies);
  proxy.cut();
  for (const [i, asked] of (await stays.take(CALLERS)).entries()) {
    assert.equal(asked.payload, "do it");
    stays.send(`response:work:1.0.0:${targetIdOf(asked)}`, `done ${i}`);
  }
  const answers = await Promise.all(callers.map((caller) => caller.next()));
  const expected = Array.from({ length: CALLERS }, (_, i) => `done ${i}`).sort();
  assert.deepEqual(answers.map(({ payload }) => payload).sort(), expected);
  for (const party of [...callers, stays]) assert.deepEqual(await party.settle(), []);
  assert.equal(await scene.hub.metric(errors("SERVICE_UNAVAILABLE")), 0);
});

testEach("a service behind a peer that is half open is noticed", async (wire) => {
  const times = ["hub.heartbeat.interval=200ms", "hub.heartbeat.timeout=600ms"];
  await using scene = await Scene.start(wire, times);
  const proxy = await scene.proxy();
  const service = await scene.service(proxy);
  const caller = await scene.connect();
  await askAll([caller], service);
  proxy.stall();
  // A caller over TCP has to show that it lives.
  const { header, payload } = await nextAlive(caller);
  assert.match(header, /^response:work:/);
  assert.equal(codeOf(JSON.parse(payload)), "SERVICE_UNAVAILABLE");
});

testEach("a request whose time is over is answered once, whatever its service says then", async (wire) => {
  await using scene = await Scene.start(wire);
  const service = await scene.service();
  const caller = await scene.connect();
  const id = newId();
  caller.send(`request:work:1.0.0:${id}::50`);
  const targetId = targetIdOf(await service.next());
  assert.equal(codeOf((await caller.answer(id)).payload), "TIMEOUT");
  for (let i = 0; i < 2; i++) service.send(`response:work:1.0.0:${targetId}`, "late");
  assert.deepEqual([await service.settle(), await caller.settle()], [[], []]);
  assert.equal(await scene.hub.metric("trunkline_broker_late_responses_total"), 2);
});

testEach(
  "an answer that is repeated, or somebody else's to give, is refused and reaches nobody",
  async (wire) => {
    await using scene = await Scene.start(wire);
    const service = await scene.service();
    const [caller, foreign] = await scene.callers(2) as [BrokerClient, BrokerClient];
    const [asked] = await askAll([caller], service) as [Received];
    const response = `response:work:1.0.0:${targetIdOf(asked)}`;
    const refusal = async (party: BrokerClient) => {
      party.send(response, "no");
      const [answer, ...more] = await party.settle();
      assert.deepEqual([answer?.header, more], [response, []]);
      return codeOf(JSON.parse(answer?.payload ?? ""));
    };
    assert.equal(await refusal(foreign), "INVALID_REQUEST_ID");
    service.send(response, "yes");
    assert.equal((await caller.next()).payload, "yes");
    assert.equal(await refusal(service), "INVALID_REQUEST_ID");
    assert.deepEqual(await caller.settle(), []);
  },
);

testEach("a storm of answers with random ids disturbs nobody", async (wire) => {
  const count = 5000;
  await using scene = await Scene.start(wire, ["hub.outbox.request=16MiB"]);
  const service = await scene.service();
  const [caller, attacker] = await scene.callers(2) as [BrokerClient, BrokerClient];
  const [asked] = await askAll([caller], service) as [Received];
  for (let i = 0; i < count; i++) attacker.send(`response:work:1.0.0:${crypto.randomUUID()}`, "mine");
  service.send(`response:work:1.0.0:${targetIdOf(asked)}`, "right");
  assert.equal((await caller.next()).payload, "right");
  const refusals = await attacker.settle();
  assert.equal(refusals.length, count);
  for (const { payload } of refusals) assert.equal(codeOf(JSON.parse(payload)), "INVALID_REQUEST_ID");
  assert.deepEqual(await caller.settle(), []);
  assert.equal(await scene.hub.metric(errors("INVALID_REQUEST_ID")), count);
});

testEach("of 10,001 requests that nobody answers the last is refused, and the others wait", async (wire) => {
  const limit = 10_000;
  await using scene = await Scene.start(wire);
  const service = await scene.service();
  const caller = await scene.connect();
  for (let i = 0; i < limit; i++) caller.send(`request:work:1.0.0:${newId()}`);
  const asked = await service.take(limit);
  const last = await caller.ask("request:work:1.0.0");
  assert.equal(codeOf(last.payload), "SERVICE_UNAVAILABLE");
  assert.equal(await scene.hub.metric(OUTSTANDING), limit);
  for (const one of asked) service.send(`response:work:1.0.0:${targetIdOf(one)}`);
  assert.equal((await caller.take(limit)).length, limit);
  assert.deepEqual([await caller.settle(), await scene.hub.metric(OUTSTANDING)], [[], 0]);
});

testEach("who asks itself answers itself", async (wire) => {
  await using scene = await Scene.start(wire);
  const self = await scene.service();
  const id = newId();
  self.send(`request:work:1.0.0:${id}`, "?");
  self.send(`response:work:1.0.0:${targetIdOf(await self.next())}`, "!");
  const { header, payload } = await self.next();
  assert.deepEqual([header, payload], [`response:work:1.0.0:${id}`, "!"]);
});

testEach("an id that waits for its answer cannot be used again", async (wire) => {
  await using scene = await Scene.start(wire);
  const service = await scene.service();
  const caller = await scene.connect();
  const id = newId();
  for (const payload of ["first", "second"]) caller.send(`request:work:1.0.0:${id}`, payload);
  assert.equal(codeOf((await caller.answer(id)).payload), "INVALID_REQUEST");
  const asked = await service.next();
  service.send(`response:work:1.0.0:${targetIdOf(asked)}`, asked.payload);
  assert.equal((await caller.next()).payload, "first");
  assert.deepEqual([await service.settle(), await caller.settle()], [[], []]);
});

testEach("10,000 requests of one caller are all answered when their service dies", async (wire) => {
  const count = 10_000;
  await using scene = await Scene.start(wire);
  const proxy = await scene.proxy();
  const service = await scene.service(proxy);
  const caller = await scene.connect();
  for (let i = 0; i < count; i++) caller.send(`request:work:1.0.0:${newId()}`);
  await service.take(count);
  proxy.cut();
  const answers = await caller.take(count);
  for (const { payload } of answers) assert.equal(codeOf(JSON.parse(payload)), "SERVICE_UNAVAILABLE");
  assert.equal(new Set(answers.map(({ header }) => header)).size, count);
  assert.deepEqual(await caller.settle(), []);
});
