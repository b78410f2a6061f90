import assert from "node:assert/strict";
import { EchoHub } from "../helpers/echo_hub.ts";
import { until } from "../helpers/event_loop.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { concat, prefixed } from "../helpers/prefixed.ts";
import { RawClient, upgradeRequest } from "../helpers/raw_client.ts";
import { readLastWords, TextClient } from "../helpers/text_client.ts";
import { WsClient } from "../helpers/ws_client.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

testPlainAndTls("Text listener: one port serves HTTP, WebSockets and text messages", async (certificates) => {
  await using hub = await EchoHub.start({ certificates });
  const { port } = hub;
  await using text = await TextClient.connect({ port, ca: certificates?.ca });
  const authority = certificates === undefined ? `ws://127.0.0.1:${port}` : `wss://localhost:${port}`;
  const options = certificates === undefined ? {} : { ca: certificates.ca };
  await using websocket = await WsClient.connect(`${authority}/echo`, options);
  await text.send("by length");
  websocket.send("by frame");
  assert.equal(await text.next(), "by length");
  assert.equal(await websocket.next(), "by frame");
  if (certificates === undefined) {
    using http = await RawClient.connect(port);
    await http.write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert.match(await http.readText(), /^HTTP\/1\.1 200 /);
  }
  assert.deepEqual(hub.seen.map(({ kind }) => kind).sort(), ["text", "websocket"]);
  assert.deepEqual([hub.text.accepted, hub.websocket.accepted], [1, 1]);
  assert.equal(hub.door.firstBytes.text, 1);
});

testPlainAndTls("Text listener: a connection that comes byte by byte is read", async (certificates) => {
  await using hub = await EchoHub.start({ certificates });
  await using client = await TextClient.connect({ port: hub.port, ca: certificates?.ca });
  for (const byte of concat([prefixed("one"), prefixed(""), prefixed("two")])) {
    await client.write(Uint8Array.of(byte));
  }
  assert.deepEqual([await client.next(), await client.next(), await client.next()], ["one", "", "two"]);
});

testPlainAndTls(
  "Text listener: many messages and the FIN in one go are all handled",
  async (certificates) => {
    await using hub = await EchoHub.start({ certificates });
    await using client = await TextClient.connect({ port: hub.port, ca: certificates?.ca });
    client.finish(concat(Array.from({ length: 3000 }, (_, i) => prefixed(`message ${i}`))));
    await client.rest();
    await hub.connections.empty();
    assert.equal(hub.text.messagesReceived, 3000);
    assert.deepEqual([...hub.text.closed], [[1000, 1]]);
    assert.equal(hub.text.connections, 0);
  },
);

testPlainAndTls("Text listener: on an address of text alone the hub speaks first", async (certificates) => {
  await using hub = await EchoHub.start({ certificates, transports: ["text"], greeting: "welcome" });
  await using client = await TextClient.connect({ port: hub.port, ca: certificates?.ca });
  assert.equal(await client.next(), "welcome");
  await client.send("thanks");
  assert.equal(await client.next(), "thanks");
  assert.equal(hub.door.firstBytes.text, 0, "nobody looked at a first byte");
});

testPlainAndTls(
  "Text listener: on a shared address the hub speaks after the first byte",
  async (certificates) => {
    await using hub = await EchoHub.start({ certificates, greeting: "welcome" });
    await using client = await TextClient.connect({ port: hub.port, ca: certificates?.ca });
    await client.write(Uint8Array.of(0));
    assert.equal(await client.next(), "welcome");
  },
);

testPlainAndTls(
  "Text listener: a PROXY header goes before a text message, on an address of text alone too",
  async (certificates) => {
    for (const transports of [["http", "text"], ["text"]] as const) {
      await using hub = await EchoHub.start({ certificates, transports, proxy: "127.0.0.1" });
      const header = bytesOf("PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n");
      await using client = await TextClient.connect({ port: hub.port, ca: certificates?.ca, header });
      await client.send("behind it");
      assert.equal(await client.next(), "behind it");
      assert.deepEqual(hub.seen[0]?.transport.peer, { ip: "192.0.2.1", port: 4711 });
    }
  },
);

Deno.test("Text listener: a PROXY header and messages in one segment are told apart", async () => {
  for (const transports of [["http", "text"], ["text"]] as const) {
    await using hub = await EchoHub.start({ transports, proxy: "127.0.0.1" });
    await using client = await TextClient.connect({ port: hub.port });
    const header = bytesOf("PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n");
    await client.write(concat([header, prefixed("one"), prefixed("two")]));
    assert.deepEqual([await client.next(), await client.next()], ["one", "two"]);
  }
});

Deno.test("Text listener: the limits count on an address of text alone", async () => {
  await using hub = await EchoHub.start({ transports: ["text"], greeting: "welcome", maxConnections: 1 });
  {
    await using first = await TextClient.connect({ port: hub.port });
    assert.equal(await first.next(), "welcome");
    await using second = await TextClient.connect({ port: hub.port });
    await second.send("let me in");
    assert.match(await second.next() ?? "", /^publish:system\.close:.*"code":4503.*"retryAfterMs":\d+/s);
    assert.equal(await second.next(), null);
    assert.equal(hub.door.refused.get("max_connections"), 1);
    assert.equal(hub.seen.length, 1);
  }
  await until(() => hub.door.sockets === 0);
  await using third = await TextClient.connect({ port: hub.port });
  assert.equal(await third.next(), "welcome");
});

Deno.test("Text listener: the limit of an address counts who stands behind the PROXY header", async () => {
  const options = { transports: ["text"], greeting: "welcome", maxConnectionsPerIp: 1 } as const;
  await using hub = await EchoHub.start({ ...options, proxy: "127.0.0.1" });
  const enter = async (ip: string) => {
    const client = await TextClient.connect({ port: hub.port });
    await client.write(bytesOf(`PROXY TCP4 ${ip} 198.51.100.1 4711 443\r\n`));
    return client;
  };
  await using first = await enter("192.0.2.1");
  await using other = await enter("192.0.2.2");
  assert.deepEqual([await first.next(), await other.next()], ["welcome", "welcome"]);
  await using second = await enter("192.0.2.1");
  await second.send("me too");
  assert.match(await second.next() ?? "", /"code":4503.*this address/s);
  assert.equal(await second.next(), null);
  assert.equal(hub.door.refused.get("max_connections_per_ip"), 1);
});

testPlainAndTls(
  "Text listener: a silent client of text alone is not cut for its first byte",
  async (certificates) => {
    const options = { transports: ["text"], firstByteTimeoutMs: 400, proxy: "127.0.0.1" } as const;
    await using hub = await EchoHub.start({ ...options, certificates });
    const header = bytesOf("PROXY UNKNOWN\r\n");
    await using silent = await TextClient.connect({ port: hub.port, ca: certificates?.ca, header });
    // Who does not even send his PROXY header came later and is cut earlier.
    using stuck = await RawClient.connect(hub.port);
    await stuck.readToEnd();
    assert.equal(hub.door.refused.get("first_byte_timeout"), 1);
    await silent.send("still here");
    assert.equal(await silent.next(), "still here");
  },
);

for (
  const [why, options] of [
    ["where nobody takes them", { takesText: false }],
    ["on an address of text alone where nobody takes them", { takesText: false, transports: ["text"] }],
    ["on an address that does not name them", { transports: ["http"] }],
  ] as const
) {
  Deno.test(`Text listener: text messages are refused in their own words ${why}`, async () => {
    await using hub = await EchoHub.start(options);
    await using client = await TextClient.connect({ port: hub.port });
    await client.send("hello?");
    assert.equal(readLastWords(await client.next() ?? "").code, 1008);
    assert.equal(hub.door.refused.get("transport_not_available"), 1);
    assert.equal(hub.seen.length, 0);
  });
}

Deno.test("Text listener: HTTP on an address of text alone is a message that is too long", async () => {
  await using hub = await EchoHub.start({ transports: ["text"] });
  await using client = await TextClient.connect({ port: hub.port });
  await client.write(bytesOf("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  assert.equal((await client.lastWords()).code, 1009);
  client.finish();
  await hub.connections.empty();
  assert.deepEqual([...hub.text.closed], [[1009, 1]]);
});

testPlainAndTls(
  "Text listener: who accepts nothing more keeps its text connections until they end",
  async (certificates) => {
    await using hub = await EchoHub.start({ certificates, transports: ["text"] });
    await using client = await TextClient.connect({ port: hub.port, ca: certificates?.ca });
    await client.send("before");
    assert.equal(await client.next(), "before");
    hub.listener.stopAccepting();
    await client.send("after");
    assert.equal(await client.next(), "after");
    for (const connection of hub.connections.connections.values()) {
      connection.close(4503, "", { retryAfterMs: 250 });
    }
    assert.deepEqual(await client.lastWords(), { code: 4503, reason: "", retryAfterMs: 250 });
    client.finish();
    await hub.connections.empty();
  },
);

Deno.test("Text listener: a connection tells how many bytes it still has to get", async () => {
  await using hub = await EchoHub.start({ transports: ["text"] });
  await using client = await TextClient.connect({ port: hub.port });
  await client.send("x");
  assert.equal(await client.next(), "x");
  const connection = hub.seen[0];
  assert.ok(connection);
  await until(() => connection.heldBytes === 0);
  connection.send({ encodedFor: () => ({ parts: [prefixed("abc")], bytes: 7 }) }, "request");
  assert.equal(connection.heldBytes, 7);
  assert.equal(await client.next(), "abc");
});

Deno.test("Subprotocols: a path of any takes the first that is no credential", async () => {
  await using hub = await EchoHub.start({ subprotocols: "any" });
  assert.equal(await selected(hub, "chat, other"), "chat");
  assert.equal(await selected(hub, "bearer.abc, other"), "other");
  assert.equal(await selected(hub, "bearer.abc"), null);
});

Deno.test("Subprotocols: a path of named ones takes the first of its own, never another", async () => {
  await using hub = await EchoHub.start({ subprotocols: ["trunkline.text.v2", "trunkline.text.v1"] });
  assert.equal(await selected(hub, "trunkline.text.v1"), "trunkline.text.v1");
  assert.equal(await selected(hub, "trunkline.text.v1, bearer.abc, trunkline.text.v2"), "trunkline.text.v2");
  assert.equal(await selected(hub, "bearer.abc, chat"), null);
  assert.equal(await selected(hub, null), null);
});

/** The subprotocol that a handshake with this offer gets; `null` for none. */
async function selected(hub: EchoHub, offered: string | null): Promise<string | null> {
  using client = await RawClient.connect(hub.port);
  const path = "/echo?any=query";
  await client.write(upgradeRequest({ path, fields: { "Sec-WebSocket-Protocol": offered } }));
  const head = await client.readHead();
  assert.match(head, /^HTTP\/1\.1 101 /);
  return /\r\nSec-WebSocket-Protocol: ([^\r]*)\r\n/i.exec(head)?.[1] ?? null;
}
