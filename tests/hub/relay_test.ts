import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

Deno.test("Relay: text and binary reach every client unchanged, the sender too", async () => {
  await using hub = await TestHub.start();
  await using alice = await WsClient.connect(hub.url());
  await using bob = await WsClient.connect(hub.url());
  const binary = new Uint8Array(70_000).map((_, i) => i * 7);
  alice.send("grüße 🚀");
  alice.send(binary);
  for (const client of [alice, bob]) assert.deepEqual(await client.take(2), ["grüße 🚀", binary]);
});

Deno.test("Relay: all clients see one order, whoever sends", async () => {
  await using hub = await TestHub.start();
  await using alice = await WsClient.connect(hub.url());
  await using bob = await WsClient.connect(hub.url());
  for (let i = 0; i < 200; i++) {
    alice.send(`a${i}`);
    bob.send(`b${i}`);
  }
  const [seenByAlice, seenByBob] = await Promise.all([alice.take(400), bob.take(400)]);
  assert.deepEqual(seenByAlice, seenByBob);
  assert.deepEqual(
    seenByAlice.filter((text) => String(text).startsWith("a")),
    Array.from({ length: 200 }, (_, i) => `a${i}`),
  );
});

Deno.test("Relay: rooms are apart from each other and go with their last client", async () => {
  await using hub = await TestHub.start();
  await using red = await WsClient.connect(hub.url("/relay/red"));
  await using blue = await WsClient.connect(hub.url("/relay/blue"));
  {
    await using main = await WsClient.connect(hub.url("/relay?any=query"));
    main.send("main");
    red.send("red");
    blue.send("blue");
    assert.deepEqual([await main.next(), await red.next(), await blue.next()], ["main", "red", "blue"]);
    assert.equal(await hub.metric("trunkline_relay_rooms"), 3);
  }
  await hub.metricBecomes("trunkline_relay_rooms", 2);
});

Deno.test("Relay: without echo the sender does not get its own", async () => {
  await using hub = await TestHub.start(["relay.echo=false"]);
  await using alice = await WsClient.connect(hub.url());
  await using bob = await WsClient.connect(hub.url());
  alice.send("from alice");
  assert.equal(await bob.next(), "from alice");
  bob.send("from bob");
  assert.equal(await alice.next(), "from bob");
});

Deno.test("Relay: rooms can be off and paths chosen", async () => {
  await using hub = await TestHub.start([
    "broker.enabled=false",
    "relay.rooms=false",
    "relay.paths=[/, /chat/all]",
  ]);
  await using root = await WsClient.connect(hub.url("/"));
  root.send("x");
  assert.equal(await root.next(), "x");
  await (await WsClient.connect(hub.url("/chat/all"))).close();
  await assert.rejects(WsClient.connect(hub.url("/chat/all/room")));
  await assert.rejects(WsClient.connect(hub.url("/relay")));
});

Deno.test("Relay: works the same over TLS", async () => {
  using certificates = await TestCertificates.create();
  await using hub = await TestHub.start(certificates.settings);
  const url = `wss://localhost:${hub.port}/relay`;
  await using alice = await WsClient.connect(url, { ca: certificates.ca });
  await using bob = await WsClient.connect(url, { ca: certificates.ca });
  const large = "x".repeat(1_000_000);
  alice.send("small");
  alice.send(large);
  for (const client of [alice, bob]) assert.deepEqual(await client.take(2), ["small", large]);
});

Deno.test("Relay: metrics count connections, messages and bytes", async () => {
  await using hub = await TestHub.start();
  await using alice = await WsClient.connect(hub.url());
  {
    await using bob = await WsClient.connect(hub.url());
    alice.send("12345");
    await bob.next();
    assert.equal(await hub.metric('trunkline_connections{transport="websocket"}'), 2);
  }
  await hub.metricBecomes('trunkline_connections{transport="websocket"}', 1);
  assert.equal(await hub.metric('trunkline_connections_accepted_total{transport="websocket"}'), 2);
  assert.equal(await hub.metric('trunkline_connections_closed_total{code="1000"}'), 1);
  assert.equal(await hub.metric('trunkline_messages_received_total{transport="websocket"}'), 1);
  assert.equal(await hub.metric('trunkline_messages_sent_total{transport="websocket"}'), 2);
  assert.equal(await hub.metric('trunkline_sent_bytes_total{transport="websocket"}'), 14);
});

for (const policy of ["drop_oldest", "latest"] as const) {
  Deno.test(`Relay: with ${policy} a reader that never reads stays, its drops are counted, the others lose nothing`, async () => {
    await using hub = await TestHub.start([`hub.outbox.slow_consumer=${policy}`, "hub.outbox.publish=64KiB"]);
    using stalled = await RawClient.upgraded(hub.port);
    await using sender = await WsClient.connect(hub.url());
    await using reader = await WsClient.connect(hub.url());
    const dropped = `trunkline_messages_dropped_total{reason="${policy}"}`;
    let sent = 0;
    while (await hub.metric(dropped) === 0) {
      for (let i = 0; i < 20; i++, sent++) {
        sender.send(`${sent} ${"x".repeat(50_000)}`);
        await sender.next();
      }
    }
    sender.send("the last");
    const got = await reader.take(sent + 1);
    assert.deepEqual(
      got.slice(0, -1).map((text) => Number.parseInt(String(text))),
      Array.from({ length: sent }, (_, i) => i),
    );
    for (let last = ""; last !== "the last";) {
      const frame = await stalled.readFrame();
      assert.ok(frame !== null, "the slow reader was closed");
      if (frame.opcode === 1) last = new TextDecoder().decode(frame.payload);
    }
    await stalled.sendFrame({ opcode: 8, payload: Uint8Array.of(0x03, 0xe8) });
    assert.equal(await stalled.readCloseCode(), 1000);
    await stalled.finish();
  });
}
