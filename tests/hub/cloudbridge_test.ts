import assert from "node:assert/strict";
import { CloudBridgeSession } from "../../src/hub/cloudbridge_session.ts";
import type { TestCertificates } from "../helpers/certificates.ts";
import { ClosedEgress } from "./closed_egress.ts";
import { EchoHub, type EchoHubOptions } from "../helpers/echo_hub.ts";
import { type Json, JsonClient, lineOf } from "../helpers/json_client.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { concat } from "../helpers/prefixed.ts";
import { RawClient } from "../helpers/raw_client.ts";
import { TextClient } from "../helpers/text_client.ts";

const HELLO = { type: "hello", version: "1.0", features: ["tls", "heartbeat", "tunnel_info"] };
const HELLO_RESPONSE = {
  type: "hello_response",
  version: "1.0",
  features: ["auth", "heartbeat", "tunnel_info"],
};
const HEARTBEAT = { type: "heartbeat" };
const HEARTBEAT_RESPONSE = { type: "heartbeat_response" };
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A hub that takes the handshake, with a clock that the test moves. */
async function startHub(options: EchoHubOptions = {}) {
  const clock = { ms: 0, now: () => clock.ms };
  const logins = options.logins ?? null;
  const jsonUser = () =>
    new CloudBridgeSession({
      clock,
      maxMalformed: 20,
      logins,
      certificate: null,
      egress: new ClosedEgress(),
      frames: null,
    });
  const hub = await EchoHub.start({ transports: ["http", "text", "json"], jsonUser, ...options });
  return { hub, clock, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

function connect(hub: EchoHub, certificates?: TestCertificates): Promise<JsonClient> {
  return JsonClient.connect({ port: hub.port, ca: certificates?.ca });
}

/** A client that said hello. */
async function greeted(hub: EchoHub, certificates?: TestCertificates): Promise<JsonClient> {
  const client = await connect(hub, certificates);
  assert.deepEqual(await client.ask(HELLO), HELLO_RESPONSE);
  return client;
}

function unknown(message: string): Json {
  return { type: "error", code: "unknown_message_type", message };
}

testPlainAndTls(
  "CloudBridge: a client says hello and gets answers to its heartbeats",
  async (certificates) => {
    await using test = await startHub({ certificates });
    await using client = await greeted(test.hub, certificates);
    for (let i = 0; i < 3; i++) assert.deepEqual(await client.ask(HEARTBEAT), HEARTBEAT_RESPONSE);
    client.finish();
    await test.hub.connections.empty();
    const { accepted, messagesReceived, messagesSent, closed } = test.hub.json;
    assert.deepEqual([accepted, messagesReceived, messagesSent], [1, 4, 4]);
    assert.deepEqual([...closed], [[1000, 1]]);
    assert.equal(test.hub.door.firstBytes.json, 1);
  },
);

testPlainAndTls("CloudBridge: one port serves it beside the other transports", async (certificates) => {
  await using test = await startHub({ certificates });
  await using client = await greeted(test.hub, certificates);
  await using text = await TextClient.connect({ port: test.hub.port, ca: certificates?.ca });
  await text.send("by length");
  assert.equal(await text.next(), "by length");
  assert.deepEqual(await client.ask(HEARTBEAT), HEARTBEAT_RESPONSE);
});

testPlainAndTls("CloudBridge: a handshake that comes byte by byte is read", async (certificates) => {
  await using test = await startHub({ certificates });
  await using client = await connect(test.hub, certificates);
  for (const byte of concat([lineOf(HELLO), lineOf(HEARTBEAT)])) await client.write(Uint8Array.of(byte));
  assert.deepEqual([await client.next(), await client.next()], [HELLO_RESPONSE, HEARTBEAT_RESPONSE]);
});

testPlainAndTls("CloudBridge: many lines in one go are answered in their order", async (certificates) => {
  await using test = await startHub({ certificates });
  await using client = await connect(test.hub, certificates);
  const lines = [HELLO, ...new Array(500).fill(HEARTBEAT), { type: "tunnel_info" }];
  await client.write(concat(lines.map(lineOf)));
  assert.deepEqual(await client.next(), HELLO_RESPONSE);
  for (let i = 0; i < 500; i++) assert.deepEqual(await client.next(), HEARTBEAT_RESPONSE);
  assert.equal((await client.next())?.["code"], "invalid_tunnel_info");
});

Deno.test("CloudBridge: lines may end in CR LF", async () => {
  await using test = await startHub();
  await using client = await connect(test.hub);
  await client.write(bytesOf(`${JSON.stringify(HELLO)}\r\n${JSON.stringify(HEARTBEAT)}\r\n`));
  assert.deepEqual([await client.next(), await client.next()], [HELLO_RESPONSE, HEARTBEAT_RESPONSE]);
});

Deno.test("CloudBridge: later minor versions are answered with the version that is spoken", async () => {
  await using test = await startHub();
  for (const version of ["1.0", "1.1", "1.27", "1.0.0", "1.3.12"]) {
    await using client = await connect(test.hub);
    const hello = { version, type: "hello", unheardOf: { a: [1] } };
    assert.deepEqual(await client.ask(hello), HELLO_RESPONSE, version);
  }
});

for (
  const version of [
    "2.0",
    "0.9",
    "1",
    "1.",
    "v1.0",
    "",
    "1.0.0.0",
    "1.0\n",
    "x".repeat(9999),
    1,
    null,
    undefined,
  ]
) {
  Deno.test(`CloudBridge: version ${JSON.stringify(version)?.slice(0, 20)} is refused with the one that is spoken`, async () => {
    await using test = await startHub();
    await using client = await connect(test.hub);
    await client.write(concat([lineOf({ type: "hello", version }), lineOf(HELLO)]));
    const [last = {}, ...more] = await client.rest();
    assert.deepEqual(more, [], "the connection ends with it");
    const printable = typeof version === "string" && /^[\w.]{1,20}$/.test(version);
    const what = printable ? `version ${version}` : "that version";
    assert.deepEqual(last, unknown(`Cannot speak ${what}: supported is 1.0`));
    client.finish();
    await test.hub.connections.empty();
    assert.deepEqual([...test.hub.json.closed], [[1008, 1]]);
  });
}

Deno.test("CloudBridge: features that are no list of strings are refused, and hello may be said again", async () => {
  await using test = await startHub();
  await using client = await connect(test.hub);
  for (const features of ["tls", { a: 1 }, [1], null]) {
    const answer = await client.ask({ ...HELLO, features });
    assert.deepEqual(answer, unknown("Cannot take the hello: features is not a list of strings"));
  }
  assert.deepEqual(await client.ask(HELLO), HELLO_RESPONSE);
});

Deno.test("CloudBridge: before hello there is nothing but hello", async () => {
  await using test = await startHub();
  await using client = await connect(test.hub);
  for (const type of ["heartbeat", "auth", "tunnel_info", "nonsense"]) {
    assert.deepEqual(await client.ask({ type }), unknown(`Cannot take "${type}" yet: say hello first`));
  }
  assert.deepEqual(await client.ask(HELLO), HELLO_RESPONSE);
  assert.deepEqual(await client.ask(HELLO), unknown("Cannot take a second hello"));
  assert.deepEqual(await client.ask(HEARTBEAT), HEARTBEAT_RESPONSE);
});

testPlainAndTls(
  "CloudBridge: a tunnel that the rights do not cover is refused as often as it is asked for",
  async (certificates) => {
    await using test = await startHub({ certificates });
    await using client = await greeted(test.hub, certificates);
    const tunnel = {
      type: "tunnel_info",
      tunnel_id: "t",
      local_port: 1,
      remote_host: "10.0.0.1",
      remote_port: 22,
    };
    for (let i = 0; i < 50; i++) {
      assert.deepEqual(await client.ask(tunnel), {
        type: "error",
        code: "invalid_tunnel_info",
        message:
          "Cannot take the tunnel_info: the rights do not let the hub connect to remote_host and remote_port",
      });
    }
    assert.deepEqual(await client.ask(HEARTBEAT), HEARTBEAT_RESPONSE);
  },
);

Deno.test("CloudBridge: what cannot be understood is answered with what is wrong", async () => {
  await using test = await startHub();
  await using client = await greeted(test.hub);
  for (
    const [line, message] of [
      ["", "Cannot read the line: it is not JSON"],
      ["{", "Cannot read the line: it is not JSON"],
      ["[]", "Cannot read the line: it is not an object"],
      ["null", "Cannot read the line: it is not an object"],
      ["{}", "Cannot read the message: it has no type"],
      ['{"type":1}', "Cannot read the message: it has no type"],
      ['{"__proto__":{"type":"heartbeat"}}', "Cannot read the message: it has no type"],
      ['{"type":"constructor"}', 'Cannot take a message of type "constructor"'],
      ['{"type":"Heartbeat"}', 'Cannot take a message of type "Heartbeat"'],
      ['{"type":"a\\nb\\u001b"}', 'Cannot take a message of type "a\\nb\\u001b"'],
      [`{"type":"${"🚀".repeat(999)}"}`, `Cannot take a message of type "${"🚀".repeat(20)}"`],
    ] as const
  ) {
    assert.deepEqual(await client.ask(line), unknown(message));
  }
  await client.write(concat([bytesOf('{"type":"'), Uint8Array.of(0xff), bytesOf('"}\n')]));
  assert.deepEqual(await client.next(), unknown("Cannot read the line: it is not UTF-8"));
  assert.deepEqual(await client.ask(HEARTBEAT), HEARTBEAT_RESPONSE);
});

testPlainAndTls("CloudBridge: the 21st bad line of a minute ends the connection", async (certificates) => {
  await using test = await startHub({ certificates });
  await using client = await greeted(test.hub, certificates);
  await client.write(concat(new Array(1000).fill(lineOf("bad"))));
  const answers = await client.rest();
  assert.equal(answers.length, 21);
  assert.deepEqual(answers.at(-1), unknown("Too many lines that cannot be understood"));
  client.finish();
  await test.hub.connections.empty();
  assert.deepEqual([...test.hub.json.closed], [[1008, 1]]);
  assert.equal(test.hub.json.messagesReceived, 22, "nothing behind it was looked at");
});

Deno.test("CloudBridge: a minute later bad lines are counted anew", async () => {
  await using test = await startHub();
  await using client = await greeted(test.hub);
  for (const ms of [0, 60_000, 120_000]) {
    test.clock.ms = ms;
    for (let i = 0; i < 20; i++) assert.equal((await client.ask("bad"))?.["code"], "unknown_message_type");
  }
  assert.deepEqual(await client.ask(HEARTBEAT), HEARTBEAT_RESPONSE);
});

Deno.test("CloudBridge: lines as deep as they may be are answered like any other", async () => {
  await using test = await startHub();
  await using client = await greeted(test.hub);
  const half = 8000;
  const deep = `{"type":"heartbeat","x":${"[".repeat(half)}${"]".repeat(half)}}`;
  assert.deepEqual(await client.ask(deep), HEARTBEAT_RESPONSE);
  assert.deepEqual(await client.ask("[".repeat(16_000)), unknown("Cannot read the line: it is not JSON"));
});

testPlainAndTls("CloudBridge: a line over 16 KiB ends the connection", async (certificates) => {
  await using test = await startHub({ certificates });
  await using client = await greeted(test.hub, certificates);
  const longest = `{"type":"heartbeat","x":"${"x".repeat(16 * 1024 - 27)}"}`;
  assert.equal(longest.length, 16 * 1024);
  assert.deepEqual(await client.ask(longest), HEARTBEAT_RESPONSE);
  await client.write(bytesOf(`${longest} `));
  assert.deepEqual(await client.rest(), [unknown("A line is too long: at most 16384 bytes are allowed")]);
  client.finish();
  await test.hub.connections.empty();
  assert.deepEqual([...test.hub.json.closed], [[1009, 1]]);
});

testPlainAndTls("CloudBridge: a hub that stops says so and when to come back", async (certificates) => {
  await using test = await startHub({ certificates });
  await using client = await greeted(test.hub, certificates);
  test.hub.listener.stopAccepting();
  assert.deepEqual(await client.ask(HEARTBEAT), HEARTBEAT_RESPONSE, "until then it is served");
  for (const connection of test.hub.connections.connections.values()) {
    connection.close(4503, "The hub stops", { retryAfterMs: 250 });
  }
  assert.deepEqual(await client.rest(), [{
    type: "error",
    code: "server_unavailable",
    message: "The hub stops",
    retry_after_ms: 250,
  }]);
  client.finish();
  await test.hub.connections.empty();
});

for (
  const [why, options] of [
    ["where nobody takes it", { transports: ["http", "json"] }],
    ["on an address that does not name it", { transports: ["http", "text"], jsonUser: neverAsked }],
  ] as const
) {
  Deno.test(`CloudBridge: a client is refused in its own words ${why}`, async () => {
    await using hub = await EchoHub.start(options);
    await using client = await connect(hub);
    const message = "This hub does not serve the json transport on this address";
    assert.deepEqual(await client.ask(HELLO), { type: "error", code: "server_unavailable", message });
    assert.equal(await client.next(), null);
    assert.equal(hub.door.refused.get("transport_not_available"), 1);
  });
}

Deno.test("CloudBridge: on an address of its own the client speaks first too", async () => {
  await using test = await startHub({ transports: ["json"] });
  await using client = await greeted(test.hub);
  assert.deepEqual(await client.ask(HEARTBEAT), HEARTBEAT_RESPONSE);
});

Deno.test("CloudBridge: who says nothing on an address of its own is cut without a word", async () => {
  await using test = await startHub({ transports: ["json"], firstByteTimeoutMs: 20 });
  using silent = await RawClient.connect(test.hub.port);
  assert.equal(await silent.readText(), "");
  assert.equal(test.hub.door.refused.get("first_byte_timeout"), 1);
});

function neverAsked(): never {
  throw new Error("Cannot take JSON lines: this address does not name them");
}
