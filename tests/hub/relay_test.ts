import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
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
  await using hub = await TestHub.start(["relay.rooms=false", "relay.paths=[/, /chat/all]"]);
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
