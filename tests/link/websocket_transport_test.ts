import assert from "node:assert/strict";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { TestCertificates } from "../helpers/certificates.ts";
import { encodeClientFrame, RawClient, upgradeRequest } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

const RECEIVED = 'trunkline_messages_received_total{transport="websocket"}';

for (const tls of [false, true]) {
  Deno.test(`WebSocket transport: what a peer sent before its end is handled to the end (${tls ? "TLS" : "plain"})`, async () => {
    using certificates = await TestCertificates.create();
    for (const count of [10, 500, 5000]) {
      await using hub = await TestHub.start(tls ? certificates.settings : []);
      const { port } = hub;
      const connection = tls
        ? connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: certificates.ca })
        : connect({ port, host: "127.0.0.1" });
      connection.on("error", () => {});
      const message = encodeClientFrame({ opcode: 1, payload: "x" });
      const close = encodeClientFrame({ opcode: 8, payload: Uint8Array.of(0x03, 0xe8) });
      const all = new Uint8Array(count * message.length + close.length);
      for (let i = 0; i < count; i++) all.set(message, i * message.length);
      all.set(close, all.length - close.length);
      const upgraded = new Promise<void>((resolve) => connection.once("data", () => resolve()));
      connection.write(upgradeRequest());
      await upgraded;
      const closed = new Promise<void>((resolve) => connection.once("close", () => resolve()));
      connection.end(all);
      await closed;
      await hub.metricBecomes('trunkline_connections_closed_total{code="1000"}', 1);
      assert.equal(await hub.metric(RECEIVED), count);
    }
  });
}

Deno.test("WebSocket transport: when both sides close at once the peer still gets our close", async () => {
  await using hub = await TestHub.start(["hub.outbox.publish=64KiB"]);
  using slow = await RawClient.upgraded(hub.port);
  await using sender = await WsClient.connect(hub.url());
  while (await hub.metric('trunkline_messages_dropped_total{reason="slow_consumer"}') === 0) {
    for (let i = 0; i < 20; i++) {
      sender.send("x".repeat(50_000));
      await sender.next();
    }
  }
  await slow.sendFrame({ opcode: 8, payload: Uint8Array.of(0x03, 0xe8) });
  assert.equal(await slow.readCloseCode(), 4413);
  await slow.finish();
});

Deno.test("WebSocket transport: nothing behind a broken frame is read, however it comes", async () => {
  const good = encodeClientFrame({ opcode: 1, payload: "good" });
  const broken = encodeClientFrame({ opcode: 1, payload: "broken", masked: false });
  const text = encodeClientFrame({ opcode: 1, payload: Uint8Array.of(0xff) });
  for (const [bad, code] of [[broken, 1002], [text, 1007]] as const) {
    await using hub = await TestHub.start();
    using client = await RawClient.upgraded(hub.port);
    await client.write(Uint8Array.from([...good, ...bad, ...good, ...good]));
    assert.equal(await client.readCloseCode(), code);
    assert.equal(await hub.metric(RECEIVED), 1);
  }
});
