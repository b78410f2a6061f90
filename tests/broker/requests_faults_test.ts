/** What becomes of requests when processes are killed, nobody shows a sign of life, or the hub stops. */
import assert from "node:assert/strict";
import { DenoProcess } from "../helpers/process.ts";
import { type BrokerClient, codeOf, newId } from "./broker_client.ts";
import { askAll, CALLERS, nextAlive, OUTSTANDING, Scene, targetIdOf, testEach } from "./request_scene.ts";

const errors = (code: string) => `trunkline_broker_errors_total{code="${code}"}`;
const SHORT_HEARTBEAT = ["hub.heartbeat.interval=300ms", "hub.heartbeat.timeout=900ms"];

/** A service process that holds as many requests as there are callers once it says so. */
async function startHolding({ hub, transport, options }: Scene): Promise<DenoProcess> {
  const told = { port: hub.port, transport, ca: options.ca, count: CALLERS, priority: 1 };
  const args = ["run", "--no-prompt", "--allow-net", "--allow-env", "tests/broker/holding_service.ts"];
  const service = new DenoProcess([...args, JSON.stringify(told)]);
  assert.equal(await service.nextLine(), "ready");
  return service;
}

testEach("the 100 callers of a process that is killed get one answer each", async (wire) => {
  await using scene = await Scene.start(wire);
  await using service = await startHolding(scene);
  const callers = await scene.callers(CALLERS);
  for (const caller of callers) caller.send(`request:work:1.0.0:${newId()}::600000`);
  assert.equal(await service.nextLine(), "holding");
  service.kill("SIGKILL");
  const answers = await Promise.all(callers.map((caller) => caller.next()));
  for (const { payload } of answers) assert.equal(codeOf(JSON.parse(payload)), "SERVICE_UNAVAILABLE");
  for (const caller of callers) assert.deepEqual(await caller.settle(), []);
  assert.equal(await scene.hub.metric(OUTSTANDING), 0);
});

testEach("with failover a second service answers all 100 of a process that is killed", async (wire) => {
  await using scene = await Scene.start(wire, ["broker.request.failover=true"]);
  await using dies = await startHolding(scene);
  const stays = await scene.service();
  const callers = await scene.callers(CALLERS);
  const ids = callers.map(() => newId());
  for (const [i, caller] of callers.entries()) caller.send(`request:work:1.0.0:${ids[i]}::600000`, `${i}`);
  assert.equal(await dies.nextLine(), "holding");
  dies.kill("SIGKILL");
  for (const asked of await stays.take(CALLERS)) {
    stays.send(`response:work:1.0.0:${targetIdOf(asked)}`, `done ${asked.payload}`);
  }
  for (const [i, caller] of callers.entries()) {
    const { header, payload } = await caller.next();
    assert.deepEqual([header, payload], [`response:work:1.0.0:${ids[i]}`, `done ${i}`]);
  }
  for (const party of [...callers, stays]) assert.deepEqual(await party.settle(), []);
  assert.equal(await scene.hub.metric(OUTSTANDING), 0);
});

testEach("with failover another service answers for one whose peer is half open", async (wire) => {
  await using scene = await Scene.start(wire, [...SHORT_HEARTBEAT, "broker.request.failover=true"]);
  const caller = await scene.connect();
  const stays = await scene.service();
  const tried = nextAlive(stays);
  const proxy = await scene.proxy();
  const silent = await scene.service(proxy, 1);
  const id = newId();
  caller.send(`request:work:1.0.0:${id}::600000`, "do it");
  const answered = nextAlive(caller);
  await nextAlive(silent);
  proxy.stall();
  stays.send(`response:work:1.0.0:${targetIdOf(await tried)}`, "done");
  const { header, payload } = await answered;
  assert.deepEqual([header, payload], [`response:work:1.0.0:${id}`, "done"]);
});

testEach(
  "a service that answers no heartbeat is gone over TCP, and only late on a WebSocket",
  async (wire) => {
    await using scene = await Scene.start(wire, SHORT_HEARTBEAT);
    const watcher = await scene.connect();
    await watcher.subscribe("system.service.events", { action: "publish" });
    const registered = nextAlive(watcher);
    const service = await scene.service();
    const caller = await scene.connect();
    const id = newId();
    caller.send(`request:work:1.0.0:${id}::600000`);
    const answered = nextAlive(caller);
    const targetId = targetIdOf(await service.next());
    await service.request("system.service.register", { name: "mute", description: "" });
    assert.equal(JSON.parse((await registered).payload).event, "registered");
    assert.equal(JSON.parse((await nextAlive(watcher)).payload).event, "late");
    if (scene.transport === "text") {
      const { code } = await service.closed();
      assert.equal(code, 4408);
      assert.equal(codeOf(JSON.parse((await answered).payload)), "SERVICE_UNAVAILABLE");
      assert.equal(JSON.parse((await nextAlive(watcher)).payload).event, "gone");
      return;
    }
    service.send(`response:work:1.0.0:${targetId}`, "late is not lost");
    assert.equal((await answered).payload, "late is not lost");
    assert.equal(JSON.parse((await nextAlive(watcher)).payload).event, "updated");
  },
);

testEach("a hub that stops lets 100 running requests finish, and takes no more", async (wire) => {
  await using scene = await Scene.start(wire, ["shutdown.grace=10m", "shutdown.spread=0s"]);
  const service = await scene.service();
  const callers = await scene.callers(CALLERS) as [BrokerClient, ...BrokerClient[]];
  const asked = await askAll(callers, service);
  const stopped = scene.hub.server.stop();
  const refused = await callers[0].ask("request:work:1.0.0");
  assert.equal(codeOf(refused.payload), "SERVICE_UNAVAILABLE");
  for (const one of asked) service.send(`response:work:1.0.0:${targetIdOf(one)}`, "done");
  for (const caller of callers) assert.equal((await caller.next()).payload, "done");
  for (const party of [...callers, service]) {
    assert.equal((await party.closed()).code, 4503);
    // Over TCP the hub waits for the other side's end.
    await party.close();
  }
  await stopped;
});

// A WebSocket of the runtime always reads.
for (const wire of ["tcp", "tls"]) {
  Deno.test(`Requests: who floods with random answers and reads nothing is closed, and disturbs nobody (${wire})`, async () => {
    await using scene = await Scene.start(wire, ["hub.outbox.request=64KiB"]);
    const [service, caller, attacker] = [await scene.service(), await scene.connect(), await scene.connect()];
    const dropped = 'trunkline_messages_dropped_total{reason="slow_consumer"}';
    for (let i = 0; await scene.hub.metric(dropped) === 0; i++) {
      // Long topics make the refusals long.
      const header = `response:work.${"x".repeat(200)}:1.0.0`;
      for (let n = 0; n < 1000; n++) attacker.send(`${header}:${crypto.randomUUID()}`, "mine");
      const id = newId();
      caller.send(`request:work:1.0.0:${id}`);
      service.send(`response:work:1.0.0:${targetIdOf(await service.next())}`, `${i}`);
      const { header: answer, payload } = await caller.next();
      assert.deepEqual([answer, payload], [`response:work:1.0.0:${id}`, `${i}`]);
    }
    await attacker.close();
    await scene.hub.metricBecomes('trunkline_connections_closed_total{code="4413"}', 1);
    assert.deepEqual([await caller.settle(), await service.settle()], [[], []]);
  });
}

for (const wire of ["tcp", "tls"]) {
  Deno.test(`Requests: a service that reads nothing is closed, and each request has one answer (${wire})`, async () => {
    await using scene = await Scene.start(wire, ["broker.request.timeout=10m", "broker.max_payload=1MiB"]);
    const deaf = await scene.service(scene.hub, 1);
    const reserve = await scene.service();
    const caller = await scene.connect();
    const ids: string[] = [];
    // So large that few are enough to fill every buffer on the way, and those that fail are told at once.
    const payload = new Uint8Array(500_000);
    const dropped = 'trunkline_messages_dropped_total{reason="slow_consumer"}';
    while (await scene.hub.metric(dropped) === 0) {
      const id = newId();
      ids.push(id);
      caller.send(`request:work:1.0.0:${id}`, payload);
    }
    const answers = caller.take(ids.length);
    const owed = await scene.hub.metric(errors("SERVICE_UNAVAILABLE"));
    for (const asked of await reserve.take(ids.length - owed)) {
      reserve.send(`response:work:1.0.0:${targetIdOf(asked)}`, "done");
    }
    const [done, failed] = [[], []] as [string[], string[]];
    for (const { header, payload } of await answers) (payload === "done" ? done : failed).push(header);
    assert.deepEqual([...done, ...failed].sort(), ids.map((id) => `response:work:1.0.0:${id}`).sort());
    assert.ok(done.length > 0 && failed.length === owed, `${done.length} done, ${failed.length} failed`);
    await deaf.close();
    assert.deepEqual([await caller.settle(), await reserve.settle()], [[], []]);
  });
}
