import assert from "node:assert/strict";
import { HubServer } from "../../src/server/hub_server.ts";
import { createLogging } from "../../src/server/logging.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { testConfig, TestHub } from "../helpers/test_hub.ts";
import { BrokerClient, codeOf, newId, TRANSPORTS } from "./broker_client.ts";

const SUCCESS = { status: "success" };
const who = ({ serviceId }: BrokerClient) => ({
  subject: "anonymous",
  tenant: "default",
  connection: serviceId,
});

for (const transport of TRANSPORTS) {
  Deno.test(`Control: disconnect ends a service with code and reason (${transport})`, async () => {
    await using hub = await TestHub.start();
    await using admin = await BrokerClient.connect(hub, transport);
    await using client = await BrokerClient.connect(hub, transport);
    await client.subscribe("a");
    const { serviceId } = client;
    assert.deepEqual(
      await admin.request("system.control.disconnect", { serviceId, reason: "tidying up" }),
      SUCCESS,
    );
    const { code, reason } = await client.closed();
    assert.deepEqual([code, reason], [1008, "Disconnected by an administrator: tidying up"]);
    await hub.metricBecomes("trunkline_broker_subscriptions", 0);
    const line = hub.logger.lines.find(({ message }) => message.includes("disconnects"));
    const fields = { ...who(admin), disconnected: serviceId, reason: "tidying up" };
    assert.deepEqual(line, { level: "info", message: "An administrator disconnects a service", fields });
    const { error } = await admin.request("system.control.disconnect", { serviceId });
    assert.deepEqual([error.code, error.details], ["INVALID_REQUEST", { field: "serviceId" }]);
  });

  Deno.test(`Control: who disconnects himself gets his answer first (${transport})`, async () => {
    await using hub = await TestHub.start();
    await using admin = await BrokerClient.connect(hub, transport);
    const { serviceId } = admin;
    assert.deepEqual(await admin.request("system.control.disconnect", { serviceId }), SUCCESS);
    const { code, reason } = await admin.closed();
    assert.deepEqual([code, reason], [1008, "Disconnected by an administrator"]);
  });

  Deno.test(`Control: drain answers, then the hub stops as it does on a signal (${transport})`, async () => {
    const { promise: asked, resolve: onStopRequested } = Promise.withResolvers<void>();
    await using hub = await TestHub.start(["shutdown.spread=1s"], { onStopRequested });
    await using admin = await BrokerClient.connect(hub, transport);
    assert.deepEqual(await admin.request("system.control.drain"), SUCCESS);
    await asked;
    const stopped = hub.server.stop();
    assert.equal((await admin.closed()).code, 4503);
    await admin.close();
    await stopped;
    const line = hub.logger.lines.find(({ message }) => message === "An administrator stops the hub");
    assert.deepEqual(line?.fields, who(admin));
  });
}

Deno.test("Control: a hub that nobody else stops drains by itself, with its answer first", async () => {
  const logger = new MemoryLogger();
  const server = new HubServer(testConfig(), { logger, version: "0" });
  await server.start();
  const port = server.addresses()[0]?.port ?? 0;
  await using admin = await BrokerClient.connect({ port, url: (path) => `ws://127.0.0.1:${port}${path}` });
  const id = newId();
  for (let i = 0; i < 2; i++) admin.send(`request:system.control.drain:1.0.0:${id}`, "{}");
  assert.deepEqual((await admin.answer(id)).payload, SUCCESS);
  assert.equal((await admin.closed()).code, 4503);
  while (!logger.lines.some(({ message }) => message === "The hub has stopped")) {
    await new Promise((resolve) => setImmediate(resolve));
  }
});

Deno.test("Control: log_level changes what is written at once, and says who did it at either level", async () => {
  const lines: string[] = [];
  const output = { write: (line: string) => lines.push(line) > 0, close: () => {} };
  const logging = createLogging({ level: "info", format: "json", output });
  const { logger } = logging;
  await using hub = await TestHub.start([], { logger, log: logging });
  await using admin = await BrokerClient.connect(hub);
  for (const [level, isDebug] of [["DEBUG", true], ["error", false], ["info", false]] as const) {
    const before = lines.length;
    assert.deepEqual(await admin.request("system.control.log_level", { level }), SUCCESS);
    assert.equal(logger.isEnabled("debug"), isDebug);
    const { message, to, subject, connection } = JSON.parse(lines[before] ?? "");
    assert.equal(message, "An administrator changes the level of the log");
    assert.deepEqual([to, subject, connection], [level.toLowerCase(), "anonymous", admin.serviceId]);
  }
  assert.equal(logger.isEnabled("info"), true);
});

Deno.test("Control: garbage is refused and changes nothing", async () => {
  const output = { write: () => true, close: () => {} };
  const logging = createLogging({ level: "info", format: "json", output });
  await using hub = await TestHub.start([], { log: logging, logger: logging.logger });
  await using admin = await BrokerClient.connect(hub);
  const wrong: readonly (readonly [string, unknown])[] = [
    ["log_level", {}],
    ["log_level", { level: "loud" }],
    ["log_level", { level: ["info"] }],
    ["log_level", { level: null }],
    ["log_level", { level: "x".repeat(60_000) }],
    ["log_level", []],
    ["disconnect", {}],
    ["disconnect", { serviceId: "__proto__" }],
    ["disconnect", { serviceId: newId() }],
    ["disconnect", { serviceId: "x".repeat(65) }],
    ["disconnect", { serviceId: admin.serviceId, reason: "x".repeat(81) }],
    ["disconnect", { serviceId: admin.serviceId, reason: "€".repeat(27) }],
    ["disconnect", { serviceId: admin.serviceId, reason: "line\nbreak" }],
    ["disconnect", { serviceId: admin.serviceId, reason: 1 }],
    ["drain", []],
  ];
  for (const [topic, payload] of wrong) {
    const code = codeOf(await admin.request(`system.control.${topic}`, payload));
    assert.equal(code, "INVALID_REQUEST", `${topic} ${JSON.stringify(payload).slice(0, 60)}`);
  }
  assert.equal(logging.logger.isEnabled("debug"), false);
  assert.deepEqual(await admin.request("system.heartbeat"), SUCCESS);
});

Deno.test("Control: what this hub cannot do is said", async () => {
  const server = new HubServer(testConfig(), { logger: new MemoryLogger(), version: "0" });
  await server.start();
  const port = server.addresses()[0]?.port ?? 0;
  await using admin = await BrokerClient.connect({ port, url: (path) => `ws://127.0.0.1:${port}${path}` });
  assert.equal(codeOf(await admin.request("system.control.reload")), "SERVICE_UNAVAILABLE");
  const level = await admin.request("system.control.log_level", { level: "debug" });
  assert.equal(codeOf(level), "SERVICE_UNAVAILABLE");
  await admin.close();
  await server.stop();
});

Deno.test("Control: who is no administrator is refused before his payload is read, with no effect", async () => {
  await using hub = await TestHub.start();
  await using admin = await BrokerClient.connect(hub, "text");
  await using stranger = await BrokerClient.connect(hub, "websocket", { origin: "http://localhost:3000" });
  const topics = ["drain", "reload", "disconnect", "log_level", "no_such"].map((name) =>
    `system.control.${name}`
  );
  for (const topic of [...topics, "system.log.subscribe", "system.log.unsubscribe", "system.message"]) {
    for (const payload of ["{}", "no JSON", `{"serviceId":"${admin.serviceId}","level":"debug"}`]) {
      assert.equal(
        codeOf((await stranger.ask(`request:${topic}:1.0.0`, payload)).payload),
        "FORBIDDEN",
        topic,
      );
    }
  }
  for (const topic of ["system.log", "System.Message", "system.#", "system.+"]) {
    for (const action of ["publish", "request", "both"]) {
      const { error } = await stranger.request("system.topic.subscribe", { topic, action });
      assert.equal(error.code, "FORBIDDEN", topic);
    }
  }
  for (const topic of ["system.service.events", "system.topic.presence", "#", "+.message"]) {
    await stranger.subscribe(topic);
    await admin.subscribe(topic);
  }
  await admin.subscribe("system.#");
  assert.deepEqual(await admin.request("system.heartbeat"), SUCCESS);
  const said = hub.logger.lines.filter(({ message }) => message.startsWith("An administrator"));
  assert.deepEqual(new Set(said.map(({ fields }) => fields["connection"])), new Set([admin.serviceId]));
});
