import assert from "node:assert/strict";
import type { Channel } from "../../src/core/delivery.ts";
import type { Encoded } from "../../src/core/transport.ts";
import { CloseCode } from "../../src/core/close_codes.ts";
import { HANDSHAKE_ERROR_CODES } from "../../src/wire/json_error.ts";
import { until } from "../helpers/event_loop.ts";
import { lineOf } from "../helpers/json_client.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { concat } from "../helpers/prefixed.ts";
import { connected } from "./json_pair.ts";
import { LANE_BYTES, SOCKET_BYTES, watched } from "./pair.ts";

const CHANNEL: Channel = { name: "t", slowConsumer: "close", gapNotice: null };
const decoder = new TextDecoder();
const bytesOf = (text: string) => new TextEncoder().encode(text);

function encoded(text: string): Encoded {
  const bytes = lineOf(text);
  return { parts: [bytes], bytes: bytes.length };
}

for (const withHead of [false, true]) {
  const how = withHead ? "behind a head that was read already" : "from the socket";
  testPlainAndTls(`JSON lines: lines come whole in any pieces, ${how}`, async (certificates) => {
    const sent = ['{"type":"a"}', "", "grüße", "x".repeat(3000), "{}\r", ""];
    const bytes = concat(sent.map(lineOf));
    for (const pieceBytes of [1, 3, 7, 500, bytes.length]) {
      await using pair = await connected({ certificates, withHead });
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        await pair.client.write(bytes.subarray(at, at + pieceBytes));
      }
      await pair.owner.got(sent.length);
      assert.deepEqual(pair.owner.messages.map((got) => decoder.decode(got)), sent);
      assert.equal(pair.owner.isBinary, true, "nobody checked whether it is UTF-8");
      assert.deepEqual([pair.stats.messagesReceived, pair.stats.bytesReceived], [sent.length, bytes.length]);
    }
  });
}

testPlainAndTls("JSON lines: what a peer sent before its FIN is handled to the end", async (certificates) => {
  for (const count of [1, 20, 5000]) {
    await using pair = await connected({ certificates });
    pair.client.finish(concat(new Array(count).fill(lineOf({ type: "heartbeat" }))));
    await pair.owner.closed;
    assert.equal(pair.owner.messages.length, count);
    assert.deepEqual(pair.owner.events, ["closing 1000", "closed"]);
    assert.deepEqual(await pair.client.rest(), [], "there is nobody left to say goodbye to");
  }
});

testPlainAndTls(
  "JSON lines: a FIN in the middle of a line is no clean end, and the line is not handed on",
  async (certificates) => {
    await using pair = await connected({ certificates });
    pair.client.finish(bytesOf('{}\n{"type":"hello"}'));
    await pair.owner.closed;
    assert.equal(pair.owner.messages.length, 1);
    assert.deepEqual(pair.owner.events, ["closing 1006", "closed"]);
  },
);

Deno.test("JSON lines: a reset is no clean end", async () => {
  await using pair = await connected();
  await pair.client.send("{}");
  await pair.owner.got(1);
  pair.client.reset();
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, ["closing 1006", "closed"]);
});

testPlainAndTls("JSON lines: a line without an end is ended with last words", async (certificates) => {
  await using pair = await connected({ certificates, maxMessageBytes: 1000 });
  await pair.client.send("{}");
  const endless = bytesOf("x".repeat(64 * 1024));
  for (let i = 0; i < 64; i++) await pair.client.write(endless);
  const message = "A line is too long: at most 1000 bytes are allowed";
  assert.deepEqual(await pair.client.rest(), [{ type: "error", code: "unknown_message_type", message }]);
  pair.client.finish();
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, [`closing 1009 ${message}`, "closed"]);
  assert.equal(pair.owner.messages.length, 1);
  assert.ok(pair.stats.bytesReceived <= 4096, `${pair.stats.bytesReceived} bytes looked at`);
});

testPlainAndTls(
  "JSON lines: a line of exactly the limit is taken, one byte more is not",
  async (certificates) => {
    await using pair = await connected({ certificates, maxMessageBytes: 16 * 1024 });
    await pair.client.send("x".repeat(16 * 1024));
    await pair.owner.got(1);
    await pair.client.send("x".repeat(16 * 1024 + 1));
    assert.equal((await pair.client.next())?.["code"], "unknown_message_type");
    pair.client.finish();
    await pair.owner.closed;
    assert.deepEqual(pair.owner.messages.map(({ length }) => length), [16 * 1024]);
  },
);

testPlainAndTls(
  "JSON lines: a peer that says too much and then FIN still gets the last words",
  async (certificates) => {
    await using pair = await connected({ certificates, maxMessageBytes: 10 });
    pair.client.finish(bytesOf("x".repeat(11)));
    assert.equal((await pair.client.rest()).length, 1);
    await pair.owner.closed;
  },
);

testPlainAndTls(
  "JSON lines: a goodbye in peace comes behind what waits, and says when to come back",
  async (certificates) => {
    await using pair = await connected({ certificates });
    pair.transport.outbox.push("request", encoded('{"n":1}'));
    pair.transport.close(4503, "", { retryAfterMs: 1234 });
    pair.transport.close(1011, "Too late");
    const message = "The hub ends this connection";
    const last = { type: "error", code: "server_unavailable", message, retry_after_ms: 1234 };
    assert.deepEqual(await pair.client.rest(), [{ n: 1 }, last]);
    pair.client.finish();
    await pair.owner.closed;
    assert.deepEqual(pair.owner.events, ["closing 4503", "closed"]);
    assert.equal(pair.stats.dropped.closed, 0);
  },
);

testPlainAndTls("JSON lines: a goodbye for a fault comes instead of what waits", async (certificates) => {
  await using pair = await connected({ certificates });
  pair.transport.outbox.push("request", encoded('{"n":1}'));
  pair.transport.close(4413, "Too slow");
  assert.deepEqual(await pair.client.rest(), [{ type: "error", code: "overloaded", message: "Too slow" }]);
  assert.equal(pair.stats.dropped.slow_consumer, 1);
});

Deno.test("JSON lines: every close code has a word of the handshake, and only some ask to come back", async () => {
  const words = new Map<number, unknown>();
  for (const code of Object.values(CloseCode)) {
    await using pair = await connected();
    pair.transport.close(code, "Why");
    const [last = {}, ...more] = await pair.client.rest();
    assert.deepEqual([Object.keys(last), more], [["type", "code", "message"], []]);
    words.set(code, last["code"]);
  }
  const known: readonly unknown[] = HANDSHAKE_ERROR_CODES;
  for (const word of words.values()) assert.ok(known.includes(word), String(word));
  const word = (code: number) => words.get(code);
  assert.deepEqual([1001, 1011, 4408, 4503].map(word), new Array(4).fill("server_unavailable"));
  assert.deepEqual([1008, 1009].map(word), new Array(2).fill("unknown_message_type"));
  assert.deepEqual([4401, 4403].map(word), new Array(2).fill("invalid_token"));
  assert.deepEqual([4409, 4413, 4429].map(word), [
    "connection_limit_reached",
    "overloaded",
    "rate_limit_exceeded",
  ]);
});

testPlainAndTls("JSON lines: after a goodbye what comes is read and thrown away", async (certificates) => {
  await using pair = await connected({ certificates });
  const { owner, transport } = pair;
  const received = owner.received.bind(owner);
  owner.received = (data, isBinary) => {
    transport.close(1008, "Enough");
    return received(data, isBinary);
  };
  await pair.client.write(concat(new Array(100).fill(lineOf("{}"))));
  const flood = new Uint8Array(1 << 20);
  for (let i = 0; i < 16; i++) await pair.client.write(flood);
  assert.equal((await pair.client.rest()).length, 1);
  pair.client.finish();
  await owner.closed;
  assert.deepEqual([owner.messages.length, pair.stats.messagesReceived], [1, 1]);
});

testPlainAndTls("JSON lines: a peer that does not end after the goodbye is cut", async (certificates) => {
  await using pair = await connected({ certificates, closeTimeoutMs: 20 });
  pair.transport.close(4401, "Who are you?");
  assert.equal((await pair.client.rest()).length, 1);
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, ["closing 4401 Who are you?", "closed"]);
});

testPlainAndTls(
  "JSON lines: a peer that does not read costs no more than its bounds",
  async (certificates) => {
    await using pair = await connected({ certificates, closeTimeoutMs: 20 });
    const { transport, owner } = pair;
    pair.client.pause();
    const bulk = encoded("x".repeat(16 * 1024));
    let most = 0;
    while (owner.overflows === 0) {
      transport.outbox.push("request", bulk);
      most = Math.max(most, transport.outbox.heldBytes);
      await new Promise<void>((next) => setImmediate(next));
    }
    assert.ok(most <= LANE_BYTES + SOCKET_BYTES + bulk.bytes, `${most} bytes held`);
    transport.close(4413, "Too slow");
    await owner.closed;
    assert.equal(transport.outbox.heldBytes, 0);
  },
);

testPlainAndTls("JSON lines: a silent peer is not asked, only ended", async (certificates) => {
  await using pair = await connected({ certificates });
  const at = watched(pair);
  at(59);
  assert.equal(pair.transport.outbox.heldBytes, 0, "there is no word for asking");
  assert.deepEqual(pair.owner.events, []);
  at(61);
  const message = "No sign of life";
  assert.deepEqual(await pair.client.rest(), [{ type: "error", code: "server_unavailable", message }]);
  pair.client.finish();
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, ["closing 4408 No sign of life", "closed"]);
});

testPlainAndTls("JSON lines: a peer that shows a sign of life in time is kept", async (certificates) => {
  await using pair = await connected({ certificates });
  pair.transport.outbox.publish(encoded('{"n":1}'), CHANNEL);
  assert.deepEqual(await pair.client.next(), { n: 1 });
  const at = watched(pair);
  for (const ms of [50, 100, 150]) {
    at(ms);
    await pair.client.send({ type: "heartbeat" });
    await pair.owner.got(ms / 50);
    assert.equal(pair.transport.lastHeardMs, ms);
  }
  assert.deepEqual(pair.owner.events, []);
});

testPlainAndTls(
  "JSON lines: enough bytes of a line on its way are a sign of life, fewer are none",
  async (certificates) => {
    await using pair = await connected({ certificates });
    const line = lineOf({ type: "heartbeat", padding: "x".repeat(3000) });
    const pieces = [[0, 1023, 0], [1023, 1024, 2], [1024, 2047, 2], [2047, line.length, 4]] as const;
    for (const [index, [from, to, heardMs]] of pieces.entries()) {
      pair.clock.ms = index + 1;
      await pair.client.write(line.subarray(from, to));
      await until(() => pair.stats.bytesReceived === to);
      assert.equal(pair.transport.lastHeardMs, heardMs);
    }
    assert.equal(pair.transport.unfinishedBytes, 0);
    await pair.owner.got(1);
  },
);
