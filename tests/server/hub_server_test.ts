import assert from "node:assert/strict";
import { HubServer } from "../../src/server/hub_server.ts";
import { MemoryLogger } from "../helpers/memory_logger.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { testConfig, TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

function stepsIn(logger: MemoryLogger, message: string): unknown[] {
  return logger.lines.filter((line) => line.message === message).map(({ fields }) => fields.step);
}

Deno.test("Hub server: starts and stops its parts in the documented order", async () => {
  const hub = await TestHub.start();
  await hub.server.stop();
  const order = [
    "certificates",
    "audit",
    "logins",
    "metrics",
    "limits",
    "heartbeat",
    "relay",
    "storage",
    "broker",
    "listener",
    "ready",
  ];
  assert.deepEqual(stepsIn(hub.logger, "Starting"), order);
  assert.deepEqual(stepsIn(hub.logger, "Stopping"), order.toReversed());
});

Deno.test("Hub server: a listener that cannot start stops what was started before", async () => {
  await using hub = await TestHub.start();
  const logger = new MemoryLogger();
  const config = testConfig([`hub.listen=[127.0.0.1:0, 127.0.0.1:${hub.port}]`]);
  const second = new HubServer(config, { logger, version: "0" });
  await assert.rejects(second.start(), { code: "address_in_use" });
  assert.deepEqual(stepsIn(logger, "Stopping"), [
    "broker",
    "storage",
    "relay",
    "heartbeat",
    "limits",
    "metrics",
    "logins",
    "audit",
    "certificates",
  ]);
});

Deno.test("Hub server: metrics on a port in use are named", async () => {
  await using hub = await TestHub.start();
  const config = testConfig([`metrics.listen=127.0.0.1:${hub.metricsPort}`]);
  const second = new HubServer(config, { logger: new MemoryLogger(), version: "0" });
  await assert.rejects(second.start(), /metrics\.listen/);
});

Deno.test("Hub server: two hubs in one process are apart from each other", async () => {
  await using one = await TestHub.start();
  await using two = await TestHub.start();
  await using alice = await WsClient.connect(one.url());
  await using bob = await WsClient.connect(two.url());
  alice.send("one");
  bob.send("two");
  assert.deepEqual([await alice.next(), await bob.next()], ["one", "two"]);
  assert.equal(await one.metric('trunkline_messages_received_total{transport="websocket"}'), 1);
});

Deno.test("Hub server: health and readiness answer on the hub's port and on the metrics port", async () => {
  await using hub = await TestHub.start();
  for (const port of [hub.port, hub.metricsPort]) {
    const health = await fetch(`http://127.0.0.1:${port}/healthz`);
    assert.deepEqual([health.status, await health.json()], [200, { status: "ok" }]);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    const body = await ready.json();
    assert.equal(ready.status, 200);
    assert.equal(body.status, "ok");
    assert.deepEqual(Object.keys(body.components).sort(), ["broker", "listener", "metrics", "relay"]);
  }
});

Deno.test("Hub server: stopping says goodbye to everybody with a time to come back", async () => {
  const hub = await TestHub.start(["shutdown.spread=3s"]);
  const clients = await Promise.all(Array.from({ length: 20 }, () => WsClient.connect(hub.url())));
  await hub.server.stop();
  const ends = await Promise.all(clients.map((client) => client.closed));
  const delays = ends.map(({ code, reason }) => {
    assert.equal(code, 4503);
    return Number(/^retry=(\d+)$/.exec(reason)?.[1]);
  });
  assert.ok(delays.every((delay) => delay >= 0 && delay <= 3000), String(delays));
  assert.ok(new Set(delays).size > 10, "the delays are spread");
});

Deno.test("Hub server: what was relayed before the stop still arrives", async () => {
  const hub = await TestHub.start();
  const alice = await WsClient.connect(hub.url());
  const bob = await WsClient.connect(hub.url());
  for (let i = 0; i < 500; i++) alice.send(`message ${i} ${"x".repeat(1000)}`);
  await alice.take(500);
  await hub.server.stop();
  assert.match(String((await bob.take(500)).at(-1)), /^message 499 /);
  assert.equal((await bob.closed).code, 4503);
  await alice.closed;
});

Deno.test("Hub server: while it drains it is not ready and takes nobody", async () => {
  const hub = await TestHub.start(["shutdown.grace=1s"]);
  using deaf = await RawClient.upgraded(hub.port);
  const { metricsPort, port } = hub;
  const stopping = hub.server.stop();
  assert.equal(await deaf.readCloseCode(), 4503);
  const ready = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
  assert.equal(ready.status, 503);
  assert.equal((await ready.json()).phase, "draining");
  await assert.rejects(RawClient.connect(port));
  await stopping;
});

Deno.test("Hub server: idle keep-alive and silent sockets do not hold up the stop", async () => {
  const hub = await TestHub.start();
  using silent = await RawClient.connect(hub.port);
  using idle = await RawClient.connect(hub.port);
  await idle.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  await idle.readHead();
  await hub.metricBecomes("trunkline_sockets", 2);
  await hub.server.stop();
  await silent.readToEnd();
  await idle.readToEnd();
});

Deno.test("Hub server: a peer that answers no ping is closed with 4408, one that answers stays", async () => {
  await using hub = await TestHub.start(["hub.heartbeat={interval: 100ms, timeout: 300ms}"]);
  using dead = await RawClient.upgraded(hub.port);
  await using alive = await WsClient.connect(hub.url());
  assert.equal((await dead.readFrame())?.opcode, 9, "it is asked first");
  assert.equal(await dead.readCloseCode(), 4408);
  await dead.finish();
  alive.send("still here");
  assert.equal(await alive.next(), "still here");
  await hub.metricBecomes('trunkline_connections_closed_total{code="4408"}', 1);
});

Deno.test("Hub server: a peer in the middle of a long message is not taken for dead", async () => {
  await using hub = await TestHub.start(["hub.heartbeat={interval: 100ms, timeout: 300ms}"]);
  using slow = await RawClient.upgraded(hub.port);
  const pieces = 60;
  const piece = "x".repeat(500);
  const size = pieces * piece.length;
  await slow.write(Uint8Array.of(0x81, 0xfe, size >> 8, size & 0xff, 0, 0, 0, 0));
  for (let sent = 0; sent < pieces; sent++) {
    await slow.write(piece);
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 15);
    await promise;
  }
  for (;;) {
    const frame = await slow.readFrame();
    assert.ok(frame !== null && frame.opcode !== 8, "the hub closed");
    if (frame.opcode === 1) break;
  }
});
