import assert from "node:assert/strict";
import fc from "fast-check";
import {
  MAX_LABEL_CHARACTERS,
  MAX_SERVICE_NAMES,
  OTHER,
  ServiceStats,
} from "../../src/broker/service_stats.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { BrokerClient } from "./broker_client.ts";
import { Setup } from "./request_parties.ts";

const labels = (stats: ServiceStats) => [...stats.all()].map(({ label }) => label);

Deno.test("Service stats: ten thousand names at the same time are counted as 200 and other", () => {
  const stats = new ServiceStats();
  for (let i = 0; i < 10_000; i++) stats.enter(`service-${i}`).answers++;
  const all = [...stats.all()];
  assert.equal(all.length, MAX_SERVICE_NAMES + 1);
  assert.equal(stats.other.answers, 10_000 - MAX_SERVICE_NAMES);
  assert.deepEqual([stats.shownAs("service-0"), stats.shownAs("service-9999")], ["service-0", OTHER]);
});

Deno.test("Service stats: ten thousand names one after the other take no room from those that are there", () => {
  const stats = new ServiceStats();
  stats.enter("stays").answers++;
  for (let i = 0; i < 10_000; i++) {
    const counters = stats.enter(`service-${i}`);
    counters.answers++;
    stats.leave(counters);
  }
  const all = [...stats.all()];
  assert.equal(all.length, MAX_SERVICE_NAMES + 1);
  assert.ok(labels(stats).includes("stays") && labels(stats).includes("service-9999"));
  assert.equal(all.reduce((sum, { answers }) => sum + answers, 0), 10_001, "no answer is forgotten");
});

Deno.test("Service stats: a name is shown in few and plain characters, whatever it is", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (name) => {
    const stats = new ServiceStats();
    const counters = stats.enter(name);
    assert.match(counters.label, /^[A-Za-z0-9_.-]+$/);
    assert.ok(counters.label.length <= MAX_LABEL_CHARACTERS);
    assert.equal(stats.shownAs(name), counters.label);
  }));
  const stats = new ServiceStats();
  assert.equal(stats.enter('a "b"\n').label, "a__b__");
  assert.equal(stats.enter(OTHER), stats.other, "nobody takes the name of all others");
  assert.equal(stats.enter(""), stats.other);
});

Deno.test("Service stats: answers, time-outs and requests that were lost are counted by name", () => {
  using setup = new Setup();
  const { stats, router } = setup;
  const [service, unnamed] = [setup.party("service", "a", 1), setup.party("unnamed", "b")];
  const caller = setup.party("caller");
  const ids = Array.from({ length: 5 }, () => crypto.randomUUID());
  router.registered(service, "work");
  const counters = countersOf(stats.services, "work");
  setup.ask(caller, { requestId: ids[0] ?? null });
  setup.time.tick(250);
  setup.answer(service, service.takeTargetId());
  setup.ask(caller, { requestId: ids[1] ?? null, timeoutMs: 100 });
  setup.time.tick(1000);
  assert.equal(caller.inbox.length, 2);
  for (const requestId of ids.slice(2, 4)) setup.ask(caller, { requestId });
  setup.ask(caller, { topic: "b", requestId: ids[4] ?? null });
  setup.answer(unnamed, unnamed.takeTargetId());
  service.leave();
  const { answers, answerMs, timeouts, lost, connections } = counters;
  assert.deepEqual({ answers, answerMs, timeouts, lost, connections }, {
    answers: 1,
    answerMs: 250,
    timeouts: 1,
    lost: 2,
    connections: 0,
  });
  assert.equal(stats.services.other.answers, 1, "who did not register is one of the others");
  assert.deepEqual(stats.failedRequests, { TIMEOUT: 1, SERVICE_UNAVAILABLE: 2 });
});

Deno.test("Service stats: who registers again under another name is counted there from then on", () => {
  using setup = new Setup();
  const { stats: { services }, router } = setup;
  const service = setup.party("service", "a");
  router.registered(service, "one");
  router.registered(service, "two");
  const [one, two] = [countersOf(services, "one"), countersOf(services, "two")];
  assert.deepEqual([one.connections, two.connections], [0, 1]);
  for (let i = 0; i < 10_000; i++) router.registered(service, `name-${i}`);
  assert.equal([...services.all()].reduce((sum, { connections }) => sum + connections, 0), 1);
  assert.equal([...services.all()].length, MAX_SERVICE_NAMES + 1);
  service.leave();
  assert.ok([...services.all()].every(({ connections }) => connections === 0));
});

Deno.test("Service stats: they stand in the metrics, by name and state", async () => {
  await using hub = await TestHub.start();
  await using service = await BrokerClient.connect(hub, "websocket");
  await using caller = await BrokerClient.connect(hub, "websocket");
  await service.request("system.service.register", { name: "my work", description: "" });
  await service.subscribe("work", { action: "request" });
  const id = crypto.randomUUID();
  caller.send(`request:work:1.0.0:${id}\nx`);
  const [request] = await service.take(1);
  service.send(`response:work:1.0.0:${request?.header.split(":")[3]}\ny`);
  await caller.take(1);
  const label = 'service="my_work"';
  assert.equal(await hub.metric(`trunkline_broker_service_connections{${label},state="active"}`), 1);
  assert.equal(await hub.metric(`trunkline_broker_service_answers_total{${label}}`), 1);
  assert.equal(await hub.metric('trunkline_outbox_lane_bytes{lane="request"}'), 0);
});

function countersOf(services: ServiceStats, label: string) {
  return [...services.all()].find((one) => one.label === label) ?? assert.fail(`no ${label}`);
}
