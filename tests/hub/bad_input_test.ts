import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { encodeClientFrame, RawClient, type RawFrame, upgradeRequest } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

const QUICK = "hub.first_byte_timeout=200ms";
const refusedBy = (reason: string) => `trunkline_connections_refused_total{reason="${reason}"}`;
const CONNECTIONS = 'trunkline_connections{transport="websocket"}';

/** Proves that the hub goes on: two clients still relay, and nothing of the attack is left. */
async function assertHealthy(hub: TestHub): Promise<void> {
  await using alice = await WsClient.connect(hub.url("/relay/health"));
  await using bob = await WsClient.connect(hub.url("/relay/health"));
  alice.send("still here");
  assert.equal(await bob.next(), "still here");
  await hub.metricBecomes(CONNECTIONS, 2);
}

interface Attack {
  readonly name: string;
  readonly send: Uint8Array | string;
  readonly answer: RegExp;
  readonly reason?: string;
}

const ATTACKS: readonly Attack[] = [
  { name: "a garbage first byte", send: "\xff\xfe garbage", answer: /^$/, reason: "unknown_transport" },
  {
    name: "a lower-case letter first",
    send: "get / HTTP/1.1\r\n\r\n",
    answer: /^$/,
    reason: "unknown_transport",
  },
  {
    name: "an AuthRequest without a payload",
    send: Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    answer: /"code":"protocol_error"/,
  },
  { name: "half a head for ever", send: "GET /relay HTTP/1.1\r\nHost: x\r\n", answer: /^HTTP\/1\.1 408 / },
  { name: "no head at all", send: "G", answer: /^HTTP\/1\.1 408 / },
  { name: "a head that is no HTTP", send: "GARBAGE\r\n\r\n", answer: /^HTTP\/1\.1 400 / },
  {
    name: "a wrong WebSocket version",
    send: upgradeRequest({ fields: { "Sec-WebSocket-Version": "7" } }),
    answer: /^HTTP\/1\.1 426 .*Sec-WebSocket-Version: 13\r\n/s,
    reason: "bad_handshake",
  },
  {
    name: "no WebSocket version",
    send: upgradeRequest({ fields: { "Sec-WebSocket-Version": null } }),
    answer: /^HTTP\/1\.1 426 /,
    reason: "bad_handshake",
  },
  {
    name: "no key",
    send: upgradeRequest({ fields: { "Sec-WebSocket-Key": null } }),
    answer: /^HTTP\/1\.1 400 .*Sec-WebSocket-Key/s,
    reason: "bad_handshake",
  },
  {
    name: "a key that is none",
    send: upgradeRequest({ fields: { "Sec-WebSocket-Key": "short" } }),
    answer: /^HTTP\/1\.1 400 /,
    reason: "bad_handshake",
  },
  {
    name: "an upgrade to something else",
    send: upgradeRequest({ fields: { "Upgrade": "h2c" } }),
    answer: /^HTTP\/1\.1 426 /,
  },
  {
    name: "an upgrade over HTTP/1.0",
    send: upgradeRequest().replace("HTTP/1.1", "HTTP/1.0"),
    answer: /^HTTP\/1\.1 426 /,
  },
  {
    name: "an unknown path",
    send: upgradeRequest({ path: "/nowhere" }),
    answer: /^HTTP\/1\.1 404 /,
    reason: "unknown_path",
  },
  {
    name: "a room name that is none",
    send: upgradeRequest({ path: "/relay/../etc" }),
    answer: /^HTTP\/1\.1 404 /,
    reason: "unknown_path",
  },
  {
    name: "a foreign web page",
    send: upgradeRequest({ fields: { "Origin": "https://evil.example" } }),
    answer: /^HTTP\/1\.1 403 .*hub\.origins/s,
    reason: "origin",
  },
  {
    name: "a foreign web page on a name that was rebound to loopback",
    send: upgradeRequest({ fields: { "Origin": "http://evil.example", "Host": "evil.example" } }),
    answer: /^HTTP\/1\.1 403 /,
    reason: "host",
  },
  {
    name: "a path of a WebSocket without an upgrade",
    send: "GET /relay HTTP/1.0\r\n\r\n",
    answer: /^HTTP\/1\.1 426 .*Upgrade: websocket/is,
  },
];

for (const { name, send, answer, reason } of ATTACKS) {
  Deno.test(`Bad input: ${name} is answered, counted and closed`, async () => {
    await using hub = await TestHub.start([QUICK]);
    using client = await RawClient.connect(hub.port);
    await client.write(typeof send === "string" ? Uint8Array.from(send, (c) => c.charCodeAt(0)) : send);
    assert.match(await client.readText(), answer);
    if (reason !== undefined) {
      assert.equal(await hub.metric(refusedBy(reason)), 1);
    }
    await assertHealthy(hub);
  });
}

Deno.test("Bad input: silence is closed after the time-out and counted", async () => {
  await using hub = await TestHub.start([QUICK]);
  using client = await RawClient.connect(hub.port);
  assert.equal((await client.readToEnd()).length, 0);
  assert.equal(await hub.metric('trunkline_connections_refused_total{reason="first_byte_timeout"}'), 1);
  await hub.metricBecomes("trunkline_sockets", 0);
});

Deno.test("Bad input: a head of 100 KiB is refused", async () => {
  await using hub = await TestHub.start();
  using client = await RawClient.connect(hub.port);
  await client.write(`GET /relay HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(17 * 1024)}`);
  assert.match(await client.readHead(), /^HTTP\/1\.1 431 /);
  await client.write("a".repeat(83 * 1024));
  await client.readToEnd();
  await assertHealthy(hub);
});

for (const tls of [false, true]) {
  Deno.test(`Bad input: requests without end from a client that never reads are cut (${tls ? "TLS" : "plain"})`, async () => {
    using certificates = await TestCertificates.create();
    await using hub = await TestHub.start(tls ? certificates.settings : []);
    using connection = tls
      ? await Deno.connectTls({ hostname: "localhost", port: hub.port, caCerts: [certificates.ca] })
      : await Deno.connect({ hostname: "127.0.0.1", port: hub.port });
    const requests = new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000));
    const before = Deno.memoryUsage().rss;
    let written = 0;
    const limit = 64 * 1024 * 1024;
    try {
      while (written < limit) written += await connection.write(requests);
    } catch {
      // Cut, as it should be.
    }
    assert.ok(written < limit, "the client was never cut");
    const grown = Deno.memoryUsage().rss - before;
    assert.ok(grown < 96 * 1024 * 1024, `memory grew by ${grown} bytes`);
    assert.ok(await hub.metric(refusedBy("pipelining")) > 0);
    await hub.metricBecomes("trunkline_sockets", 0);
  });
}

Deno.test("Bad input: an unknown upgrade of a probe is ignored", async () => {
  await using hub = await TestHub.start();
  using client = await RawClient.connect(hub.port);
  await client.write(upgradeRequest({ path: "/healthz", fields: { "Upgrade": "h2c" } }));
  assert.match(await client.readText(), /^HTTP\/1\.1 200 .*\{"status":"ok"\}/s);
});

Deno.test("Bad input: a client that offers subprotocols gets the first that is no credential", async () => {
  await using hub = await TestHub.start();
  for (
    const [offered, selected] of [["chat, other", "chat"], [
      "bearer.abc, trunkline.text.v1",
      "trunkline.text.v1",
    ]]
  ) {
    using client = await RawClient.connect(hub.port);
    await client.write(upgradeRequest({ fields: { "Sec-WebSocket-Protocol": offered ?? "" } }));
    assert.match(await client.readHead(), new RegExp(`\r\nSec-WebSocket-Protocol: ${selected}\r\n`));
  }
});

Deno.test("Bad input: a close and a FIN at once still get the close answered", async () => {
  await using hub = await TestHub.start();
  using client = await RawClient.upgraded(hub.port);
  await client.sendFrame({ opcode: 8, payload: Uint8Array.of(0x03, 0xe8) });
  await client.finish();
  assert.equal(await client.readCloseCode(), 1000);
  await hub.metricBecomes('trunkline_connections_closed_total{code="1000"}', 1);
});

Deno.test("Bad input: empty messages to a reader that never reads are bounded by what they take", async () => {
  await using hub = await TestHub.start(["hub.outbox.publish=64KiB"]);
  using stalled = await RawClient.upgraded(hub.port);
  using flooder = await RawClient.upgraded(hub.port);
  const reading = flooder.readToEnd();
  const batch = Uint8Array.from(
    Array.from({ length: 5000 }, () => [...encodeClientFrame({ opcode: 1 })]).flat(),
  );
  const big = encodeClientFrame({ opcode: 2, payload: new Uint8Array(60_000) });
  const dropped = 'trunkline_messages_dropped_total{reason="slow_consumer"}';
  for (let i = 0; i < 100; i++) await flooder.write(big);
  const before = Deno.memoryUsage().rss;
  while (await hub.metric(dropped) === 0) {
    await flooder.write(batch);
    const held = await hub.metric("trunkline_outbox_bytes");
    assert.ok(held < 4_000_000, `${held} bytes are held`);
  }
  assert.ok(Deno.memoryUsage().rss - before < 128 * 1024 * 1024);
  await flooder.finish();
  await reading;
  assert.equal(await stalled.readCloseCode(), 4413);
  await stalled.finish();
});

interface FrameAttack {
  readonly name: string;
  readonly frames: readonly RawFrame[];
  readonly code: number;
}

const FRAME_ATTACKS: readonly FrameAttack[] = [
  { name: "a message over the limit", frames: [{ opcode: 1, payload: "x".repeat(2000) }], code: 1009 },
  { name: "a length that claims too much", frames: [{ opcode: 2, claimedLength: 1n << 40n }], code: 1009 },
  { name: "a length over 2^63", frames: [{ opcode: 2, claimedLength: (1n << 63n) + 5n }], code: 1009 },
  {
    name: "fragments that are together over the limit",
    frames: [{ opcode: 1, payload: "x".repeat(800), fin: false }, { opcode: 0, payload: "x".repeat(800) }],
    code: 1009,
  },
  {
    name: "invalid UTF-8 in a text",
    frames: [{ opcode: 1, payload: Uint8Array.of(0xc3, 0x28) }],
    code: 1007,
  },
  { name: "an unmasked frame", frames: [{ opcode: 1, payload: "x", masked: false }], code: 1002 },
  { name: "a continuation without start", frames: [{ opcode: 0, payload: "x" }], code: 1002 },
  {
    name: "a new message inside a fragmented one",
    frames: [{ opcode: 1, payload: "x", fin: false }, { opcode: 1, payload: "y" }],
    code: 1002,
  },
  { name: "a fragmented ping", frames: [{ opcode: 9, payload: "x", fin: false }], code: 1002 },
  { name: "a ping of 126 bytes", frames: [{ opcode: 9, payload: "x".repeat(126) }], code: 1002 },
  { name: "a reserved opcode", frames: [{ opcode: 3, payload: "x" }], code: 1002 },
  {
    name: "a close code that never travels",
    frames: [{ opcode: 8, payload: Uint8Array.of(0x03, 0xed) }],
    code: 1002,
  },
];

for (const { name, frames, code } of FRAME_ATTACKS) {
  Deno.test(`Bad input: ${name} closes with ${code}`, async () => {
    await using hub = await TestHub.start(["relay.max_message=1000"]);
    using client = await RawClient.upgraded(hub.port);
    for (const frame of frames) await client.sendFrame(frame);
    assert.equal(await client.readCloseCode(), code);
    await client.finish();
    await client.readToEnd();
    await hub.metricBecomes(`trunkline_connections_closed_total{code="${code}"}`, 1);
    await assertHealthy(hub);
  });
}

Deno.test("Bad input: a message of exactly the limit passes", async () => {
  await using hub = await TestHub.start(["relay.max_message=1000"]);
  await using client = await WsClient.connect(hub.url());
  client.send("x".repeat(1000));
  assert.equal(await client.next(), "x".repeat(1000));
});

Deno.test("Bad input: a disconnect in the middle of everything leaves nothing behind", async () => {
  await using hub = await TestHub.start();
  const handshake = new TextEncoder().encode(upgradeRequest());
  const frame = encodeClientFrame({ opcode: 1, payload: "x".repeat(300) });
  const script = new Uint8Array([...handshake, ...frame]);
  for (let cut = 1; cut < script.length; cut += 13) {
    using client = await RawClient.connect(hub.port);
    await client.write(script.subarray(0, cut));
  }
  await hub.metricBecomes("trunkline_sockets", 0);
  await hub.metricBecomes(CONNECTIONS, 0);
  assert.equal(await hub.metric("trunkline_relay_rooms"), 0);
  await assertHealthy(hub);
});

Deno.test("Bad input: a FIN without a close is a disconnect with 1006", async () => {
  await using hub = await TestHub.start();
  using client = await RawClient.upgraded(hub.port);
  await client.finish();
  await client.readToEnd();
  await hub.metricBecomes('trunkline_connections_closed_total{code="1006"}', 1);
});

Deno.test("Bad input: a flood of pings is answered and costs nobody", async () => {
  await using hub = await TestHub.start();
  using client = await RawClient.upgraded(hub.port);
  const pings = Array.from(
    { length: 5000 },
    (_, i) => [...encodeClientFrame({ opcode: 9, payload: String(i) })],
  ).flat();
  await client.write(Uint8Array.from(pings));
  await using victim = await WsClient.connect(hub.url("/relay/victim"));
  victim.send("served");
  assert.equal(await victim.next(), "served");
  let last = "";
  let pongs = 0;
  while (last !== "4999") {
    pongs++;
    const frame = await client.readFrame();
    assert.equal(frame?.opcode, 0xa);
    last = new TextDecoder().decode(frame?.payload);
  }
  assert.ok(pongs < 1000, `${pongs} pongs for 5,000 pings`);
  await victim.close();
  await client.sendFrame({ opcode: 8, payload: Uint8Array.of(0x03, 0xe8) });
  assert.equal(await client.readCloseCode(), 1000);
  await client.finish();
  await assertHealthy(hub);
});

Deno.test("Bad input: a reader that never reads is closed within its bound, the others lose nothing", async () => {
  await using hub = await TestHub.start(["hub.outbox.publish=64KiB"]);
  using stalled = await RawClient.upgraded(hub.port);
  await using sender = await WsClient.connect(hub.url());
  await using reader = await WsClient.connect(hub.url());
  const message = "x".repeat(60_000);
  let sent = 0;
  const dropped = 'trunkline_messages_dropped_total{reason="slow_consumer"}';
  while (await hub.metric(dropped) === 0) {
    for (let i = 0; i < 10; i++, sent++) {
      sender.send(message);
      assert.equal(await sender.next(), message);
    }
    const held = await hub.metric("trunkline_outbox_bytes");
    assert.ok(held < 1_000_000, `${held} bytes are held for one slow reader`);
  }
  for (const got of await reader.take(sent)) assert.equal(got, message);
  assert.equal(await stalled.readCloseCode(), 4413);
  await stalled.finish();
  await hub.metricBecomes('trunkline_connections_closed_total{code="4413"}', 1);
});
