import assert from "node:assert/strict";
import { RawClient, upgradeRequest } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

const KIB = 1024;
/** What the clients of the test, in the same process, may take until it is collected. */
const OWN_BYTES = 16 * KIB * KIB;
const CLOSED_AS_SLOW = 'trunkline_connections_closed_total{code="4413"}';
const DROPPED_AS_SLOW = 'trunkline_messages_dropped_total{reason="slow_consumer"}';

async function openMany(hub: TestHub, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const batch = Array.from(
      { length: Math.min(50, count - clients.length) },
      () => RawClient.upgraded(hub.port),
    );
    clients.push(...await Promise.all(batch));
  }
  return clients;
}

Deno.test("Slow readers: 100 that never read are closed, memory stays within the bounds, others lose nothing", async () => {
  // More of them would measure the kernel's memory for sockets, which is shared and runs out first.
  const [lane, socket, count] = [64 * KIB, 128 * KIB, 100];
  await using hub = await TestHub.start(["hub.outbox.publish=64KiB", "performance.buffers.socket=128KiB"]);
  await using sender = await WsClient.connect(hub.url());
  await using reader = await WsClient.connect(hub.url());
  const stalled = await openMany(hub, count);
  const before = Deno.memoryUsage().rss;
  const got: number[] = [];
  let sent = 0;
  // The kernel takes more for one of them than for another.
  while (await hub.metric("trunkline_relay_members") > 2) {
    for (let i = 0; i < 5; i++, sent++) {
      sender.send(`${sent} ${"x".repeat(50 * KIB)}`);
      await sender.next();
      got.push(Number.parseInt(String(await reader.next())));
    }
    const grown = Deno.memoryUsage().rss - before;
    assert.ok(grown < count * (lane + socket) + OWN_BYTES, `memory grew by ${grown} bytes`);
  }
  assert.deepEqual(got, Array.from({ length: sent }, (_, i) => i));
  for (const client of stalled) client[Symbol.dispose]();
  await hub.metricBecomes(CLOSED_AS_SLOW, count);
  await hub.metricBecomes("trunkline_outbox_bytes", 0);
});

Deno.test("Slow readers: all together are bounded by hub.outbox.total, and who reads is spared", async () => {
  await using hub = await TestHub.start(["hub.outbox.total=8MiB", "hub.outbox.publish=4MiB"]);
  await using sender = await WsClient.connect(hub.url());
  await using reader = await WsClient.connect(hub.url());
  const stalled = await openMany(hub, 10);
  let sent = 0;
  while (await hub.metric('trunkline_connections{transport="websocket"}') > 4) {
    for (let i = 0; i < 10; i++, sent++) {
      sender.send("x".repeat(100 * KIB));
      await sender.next();
    }
  }
  await reader.take(sent);
  for (const client of stalled) client[Symbol.dispose]();
  await hub.metricBecomes("trunkline_outbox_bytes", 0);
});

Deno.test("Slow readers: a large message to a whole room ends nobody, although it is over hub.outbox.total at once", async () => {
  await using hub = await TestHub.start(["hub.outbox.total=8MiB"]);
  await using sender = await WsClient.connect(hub.url());
  const readers = await Promise.all(Array.from({ length: 30 }, () => WsClient.connect(hub.url())));
  const message = "x".repeat(1_000_000);
  sender.send(message);
  for (const reader of readers) assert.equal(await reader.next(), message);
  assert.equal(await hub.metric(DROPPED_AS_SLOW), 0);
  for (const reader of readers) await reader.close();
});

Deno.test("Slow readers: one that dribbles a byte at a time is closed in the end", async () => {
  await using hub = await TestHub.start(["hub.outbox.publish=64KiB"]);
  using dribbler = await Deno.connect({ hostname: "127.0.0.1", port: hub.port });
  await dribbler.write(new TextEncoder().encode(upgradeRequest()));
  await using sender = await WsClient.connect(hub.url());
  const oneByte = new Uint8Array(1);
  while (await hub.metric(DROPPED_AS_SLOW) === 0) {
    for (let i = 0; i < 20; i++) {
      sender.send("x".repeat(60 * KIB));
      await sender.next();
    }
    assert.equal(await dribbler.read(oneByte), 1);
  }
});

Deno.test("Slow readers: a message larger than the lane reaches who has read all before", async () => {
  await using hub = await TestHub.start(["hub.outbox.publish=64KiB"]);
  await using sender = await WsClient.connect(hub.url());
  await using reader = await WsClient.connect(hub.url());
  for (let i = 0; i < 5; i++) {
    sender.send("x".repeat(1000 * KIB));
    for (const client of [sender, reader]) assert.equal(String(await client.next()).length, 1000 * KIB);
  }
});

Deno.test("Slow readers: disconnects while a flush waits leave nothing behind", async () => {
  await using hub = await TestHub.start();
  await using sender = await WsClient.connect(hub.url());
  for (let round = 0; round < 50; round++) {
    const leaving = await RawClient.upgraded(hub.port);
    sender.send("x".repeat(50_000));
    leaving[Symbol.dispose]();
    await sender.next();
  }
  await hub.metricBecomes('trunkline_connections{transport="websocket"}', 1);
  await hub.metricBecomes("trunkline_outbox_bytes", 0);
});

Deno.test("Slow readers: 1,000 connects and disconnects in a row leave nothing behind", async () => {
  await using hub = await TestHub.start();
  for (let batch = 0; batch < 20; batch++) {
    for (const client of await openMany(hub, 50)) client[Symbol.dispose]();
  }
  await hub.metricBecomes("trunkline_sockets", 0);
  assert.equal(await hub.metric('trunkline_connections_accepted_total{transport="websocket"}'), 1000);
  assert.equal(await hub.metric("trunkline_relay_rooms"), 0);
});
