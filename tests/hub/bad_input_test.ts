import assert from "node:assert/strict";
import { encodeClientFrame, RawClient, type RawFrame, upgradeRequest } from "../helpers/raw_client.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

const QUICK = "hub.first_byte_timeout=200ms";
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
    name: "the text transport",
    send: Uint8Array.of(0, 0, 0, 5, 1, 2, 3, 4, 5),
    answer: /system\.close.*"code":1008/s,
    reason: "transport_not_available",
  },
  {
    name: "frames",
    send: Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    answer: /"code":"server_unavailable"/,
    reason: "transport_not_available",
  },
  {
    name: "JSON lines",
    send: '{"type":"hello"}\n',
    answer: /"type":"error".*"server_unavailable"/,
    reason: "transport_not_available",
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
    answer: /^HTTP\/1\.1 400 /,
    reason: "bad_handshake",
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
      assert.equal(await hub.metric(`trunkline_connections_refused_total{reason="${reason}"}`), 1);
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
  const writing = client.write(`GET /relay HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(100 * 1024)}\r\n\r\n`);
  assert.match(await client.readText(), /^(HTTP\/1\.1 431 |$)/);
  await writing;
  await assertHealthy(hub);
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
  let last = "";
  while (last !== "4999") {
    const frame = await client.readFrame();
    assert.equal(frame?.opcode, 0xa);
    last = new TextDecoder().decode(frame?.payload);
  }
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
