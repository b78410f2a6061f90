import assert from "node:assert/strict";
import { Service, type ServiceConnection, ServiceRegistry } from "../../src/broker/service_registry.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { BrokerClient } from "./broker_client.ts";

class FakeConnection implements ServiceConnection {
  readonly id: string;
  readonly kind = "websocket";

  constructor(id: string) {
    this.id = id;
  }

  send(): void {}
}

function setUp() {
  const events: string[] = [];
  const asked: string[] = [];
  const registry = new ServiceRegistry({
    times: { askAfterMs: 30_000, lateAfterMs: 45_000 },
    ask: ({ id }) => asked.push(id),
    onEvent: (event, { id, state }) => events.push(`${event} ${id} ${state}`),
  });
  return { registry, events, asked };
}

const ECHO = { name: "echo", description: "Says it again", metadata: { version: 1 } };

Deno.test("Service registry: registers, updates, and tells who is gone", () => {
  const { registry, events } = setUp();
  const a = registry.register(new FakeConnection("a"), ECHO, 0);
  assert.ok(a instanceof Service);
  assert.equal(registry.register(a.connection as FakeConnection, { ...ECHO, name: "other" }, 10), a);
  assert.equal(registry.size, 1);
  assert.equal(registry.descriptionOf("a")?.name, "other");
  assert.equal(registry.leave(a, 20), true);
  assert.equal(registry.leave(a, 20), false);
  assert.deepEqual([registry.size, registry.descriptionOf("a")], [0, null]);
  assert.deepEqual(events, ["registered a active", "updated a active", "gone a gone"]);
});

Deno.test("Service registry: a silent service is asked once, is late without an answer, and active with one", () => {
  const { registry, events, asked } = setUp();
  const service = registry.register(new FakeConnection("a"), ECHO, 0);
  for (let now = 0; now < 30_000; now += 1000) registry.check(now);
  assert.deepEqual(asked, []);
  for (let now = 30_000; now < 45_000; now += 1000) registry.check(now);
  assert.deepEqual(asked, ["a"]);
  assert.equal(service.state, "active");
  registry.check(45_000);
  registry.check(46_000);
  assert.equal(service.state, "late");
  registry.heard(service, 50_000);
  assert.equal(service.state, "active");
  registry.check(80_000);
  registry.heard(service, 80_001);
  registry.check(100_000);
  assert.deepEqual(asked, ["a", "a"]);
  assert.deepEqual(events, ["registered a active", "late a late", "updated a active"]);
});

Deno.test("Service registry: nobody is late who was not asked, however long the process stood still", () => {
  const { registry, events, asked } = setUp();
  registry.register(new FakeConnection("a"), ECHO, 0);
  registry.check(1_000_000);
  assert.deepEqual([asked, events], [["a"], ["registered a active"]]);
});

Deno.test("Services: are listed with what they said, and their events reach who subscribed to them", async () => {
  await using hub = await TestHub.start();
  await using watcher = await BrokerClient.connect(hub);
  await watcher.subscribe("system.service.events", { action: "publish" });
  const service = await BrokerClient.connect(hub, "text");
  await service.request("system.service.register", ECHO);
  const { services, status } = await watcher.request("system.service.list");
  assert.equal(status, "success");
  const [{ connectedAt, lastHeartbeat, ...listed }] = services;
  assert.deepEqual(listed, { id: service.serviceId, ...ECHO, state: "active" });
  for (const time of [connectedAt, lastHeartbeat]) assert.equal(new Date(time).toISOString(), time);
  await service[Symbol.asyncDispose]();
  await hub.metricBecomes("trunkline_broker_services", 0);
  const events: string[] = [];
  for (let i = 0; i < 2; i++) {
    const { header, payload } = await watcher.next();
    assert.match(header, /^publish:system\.service\.events:1\.0\.0:[0-9a-f-]{36}$/);
    const { event, service: { id, name } } = JSON.parse(payload);
    events.push(`${event} ${name} ${id === service.serviceId}`);
  }
  assert.deepEqual(events, ["registered echo true", "gone echo true"]);
  assert.deepEqual((await watcher.request("system.service.list")).services, []);
});

Deno.test("Services: a WebSocket that answers pings alone stays and is listed late", async () => {
  await using hub = await TestHub.start(["hub.heartbeat.interval=100ms", "hub.heartbeat.timeout=200ms"]);
  await using watcher = await BrokerClient.connect(hub, "websocket");
  await watcher.subscribe("system.service.events", { action: "publish" });
  await using service = await BrokerClient.connect(hub, "websocket");
  await service.request("system.service.register", ECHO);
  assert.deepEqual([await nextEvent(watcher), await nextEvent(watcher)], ["registered", "late"]);
  await service.request("system.heartbeat");
  assert.equal(await nextEvent(watcher), "updated");
  const { services } = await watcher.request("system.service.list");
  assert.deepEqual(services.map(({ state }: { state: string }) => state), ["active"]);
});

Deno.test("Services: who never answers over TCP is late, then gone with all it had, and told why", async () => {
  await using hub = await TestHub.start(["hub.heartbeat.interval=100ms", "hub.heartbeat.timeout=300ms"]);
  await using watcher = await BrokerClient.connect(hub, "websocket");
  await watcher.subscribe("system.service.events", { action: "publish" });
  const service = await BrokerClient.connect(hub, "text");
  await service.request("system.service.register", ECHO);
  await service.subscribe("work");
  const events: string[] = [];
  while (events.at(-1) !== "gone") events.push(await nextEvent(watcher));
  assert.deepEqual(events, ["registered", "late", "gone"]);
  assert.deepEqual((await watcher.request("system.service.list")).services, []);
  assert.deepEqual((await watcher.request("system.topic.list")).topics, ["system.service.events"]);
  const messages = await service.rest();
  const asked = messages.filter(({ header }) => header.startsWith("request:system.heartbeat:"));
  assert.equal(asked.length, 1);
  assert.match(messages.at(-1)?.header ?? "", /^publish:system\.close:/);
  assert.equal(JSON.parse(messages.at(-1)?.payload ?? "").code, 4408);
  await service.close();
});

/** What the next event is. */
async function nextEvent(watcher: BrokerClient): Promise<string> {
  for (;;) {
    const { header, payload } = await watcher.next();
    if (header.startsWith("publish:system.service.events:")) return JSON.parse(payload).event;
  }
}
