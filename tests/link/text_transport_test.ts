import assert from "node:assert/strict";
import type { Channel } from "../../src/core/delivery.ts";
import type { Encoded } from "../../src/core/transport.ts";
import type { TextTransport } from "../../src/link/text_transport.ts";
import { Turns } from "../../src/link/turns.ts";
import { until } from "../helpers/event_loop.ts";
import { testPlainAndTls } from "../helpers/plain_and_tls.ts";
import { concat, prefixed, prefixOf } from "../helpers/prefixed.ts";
import { readLastWords } from "../helpers/text_client.ts";
import { LANE_BYTES, LIMITS, SOCKET_BYTES, watched } from "./pair.ts";
import { connected } from "./text_pair.ts";

const CHANNEL: Channel = { name: "t", slowConsumer: "close", gapNotice: null };

function encoded(text: string): Encoded {
  const bytes = prefixed(text);
  return { parts: [bytes], bytes: bytes.length };
}

function message(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => i * 31 + (i >> 8) + length);
}

/** Turns that the test ends by hand. */
class ManualTurns {
  #due: (() => void)[] = [];
  readonly turns = new Turns((run) => this.#due.push(run));

  end(): void {
    for (const run of this.#due.splice(0)) run();
  }
}

for (const withHead of [false, true]) {
  const how = withHead ? "behind a head that was read already" : "from the socket";
  testPlainAndTls(`Text transport: messages come whole in any pieces, ${how}`, async (certificates) => {
    const sent = [0, 1, 5, 0, 300, 2000, 0].map(message);
    const bytes = concat(sent.map(prefixed));
    for (const pieceBytes of [1, 3, 7, 500, bytes.length]) {
      await using pair = await connected({ certificates, withHead });
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        await pair.client.write(bytes.subarray(at, at + pieceBytes));
      }
      await pair.owner.got(sent.length);
      assert.deepEqual(pair.owner.messages.map((got) => [...got]), sent.map((one) => [...one]));
      assert.equal(pair.owner.isBinary, true, "nobody checked whether it is UTF-8");
      assert.deepEqual([pair.stats.messagesReceived, pair.stats.bytesReceived], [sent.length, bytes.length]);
    }
  });
}

testPlainAndTls(
  "Text transport: what a peer sent before its FIN is handled to the end",
  async (certificates) => {
    for (const withHead of [false, true]) {
      for (const count of [1, 20, 500, 5000]) {
        await using pair = await connected({ certificates, withHead });
        pair.client.finish(concat(new Array(count).fill(prefixed("publish:a:1.0.0\nx"))));
        await pair.owner.closed;
        assert.equal(pair.owner.messages.length, count);
        assert.deepEqual(pair.owner.events, ["closing 1000", "closed"]);
        assert.deepEqual(await pair.client.rest(), [], "there is nobody left to say goodbye to");
      }
    }
  },
);

testPlainAndTls("Text transport: a FIN waits for the messages of later turns", async (certificates) => {
  const manual = new ManualTurns();
  const readLimits = { ...LIMITS, messages: 10 };
  await using pair = await connected({ certificates, turns: manual.turns, readLimits });
  const count = 1000;
  pair.client.finish(concat(new Array(count).fill(prefixed("x".repeat(100)))));
  await pair.owner.got(10);
  assert.ok(pair.owner.messages.length < 30, `${pair.owner.messages.length} messages in one turn`);
  assert.deepEqual(pair.owner.events, []);
  await until(() => {
    manual.end();
    return pair.owner.messages.length === count;
  });
  await until(() => {
    manual.end();
    return pair.owner.events.length > 0;
  });
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, ["closing 1000", "closed"]);
});

testPlainAndTls("Text transport: a FIN in the middle of a message is no clean end", async (certificates) => {
  for (const cut of [1, 4, 50]) {
    await using pair = await connected({ certificates });
    pair.client.finish(concat([prefixed("whole"), prefixed(message(100)).subarray(0, cut)]));
    await pair.owner.closed;
    assert.equal(pair.owner.messages.length, 1);
    assert.deepEqual(pair.owner.events, ["closing 1006", "closed"]);
  }
});

Deno.test("Text transport: a reset is no clean end", async () => {
  await using pair = await connected();
  await pair.client.send("x");
  await pair.owner.got(1);
  pair.client.reset();
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, ["closing 1006", "closed"]);
});

testPlainAndTls(
  "Text transport: a prefix of 2 GiB ends the connection with last words",
  async (certificates) => {
    await using pair = await connected({ certificates, maxMessageBytes: 1000 });
    await pair.client.write(concat([prefixed("x"), prefixOf(2 ** 31), message(5000)]));
    const { code, reason } = await pair.client.lastWords();
    assert.equal(code, 1009);
    assert.equal(reason, "A message of 2147483648 bytes is too long: at most 1000 are allowed");
    pair.client.finish();
    await pair.owner.closed;
    assert.deepEqual(pair.owner.events, [`closing 1009 ${reason}`, "closed"]);
    assert.equal(pair.owner.messages.length, 1);
  },
);

testPlainAndTls(
  "Text transport: a message of exactly the limit is taken, one byte more is not",
  async (certificates) => {
    await using pair = await connected({ certificates, maxMessageBytes: 70_000 });
    await pair.client.send(message(70_000));
    await pair.owner.got(1);
    assert.deepEqual(pair.owner.messages, [message(70_000)]);
    await pair.client.write(prefixOf(70_001));
    assert.equal((await pair.client.lastWords()).code, 1009);
  },
);

Deno.test("Text transport: no limit is higher than what a first byte of zero allows", async () => {
  await using pair = await connected({ maxMessageBytes: 2 ** 30 });
  await pair.client.write(prefixOf(0x100_0000));
  assert.match((await pair.client.lastWords()).reason, /at most 16777215 are allowed$/);
});

testPlainAndTls(
  "Text transport: a peer that says too much and then FIN still gets the last words",
  async (certificates) => {
    await using pair = await connected({ certificates, maxMessageBytes: 10 });
    pair.client.finish(prefixOf(11));
    assert.equal((await pair.client.lastWords()).code, 1009);
    await pair.owner.closed;
  },
);

testPlainAndTls(
  "Text transport: a goodbye in peace comes behind what waits, and says when to come back",
  async (certificates) => {
    await using pair = await connected({ certificates });
    for (const text of ["one", "two"]) pair.transport.outbox.publish(encoded(text), CHANNEL);
    pair.transport.close(4503, "The hub stops", { retryAfterMs: 1234 });
    pair.transport.close(1011, "Too late");
    const [one, two, last = "", ...more] = await pair.client.rest();
    assert.deepEqual([one, two, more], ["one", "two", []]);
    assert.deepEqual(readLastWords(last), { code: 4503, reason: "The hub stops", retryAfterMs: 1234 });
    pair.client.finish();
    await pair.owner.closed;
    assert.deepEqual(pair.owner.events, ["closing 4503 The hub stops", "closed"]);
    assert.equal(pair.stats.dropped.closed, 0);
  },
);

testPlainAndTls("Text transport: a goodbye for a fault comes instead of what waits", async (certificates) => {
  await using pair = await connected({ certificates });
  for (const text of ["one", "two"]) pair.transport.outbox.publish(encoded(text), CHANNEL);
  pair.transport.close(1011, "Not like this");
  const messages = await pair.client.rest();
  assert.equal(messages.length, 1);
  assert.deepEqual(readLastWords(messages[0] ?? ""), { code: 1011, reason: "Not like this" });
  assert.equal(pair.stats.dropped.closed, 2);
});

testPlainAndTls("Text transport: a goodbye by policy comes behind what waits", async (certificates) => {
  await using pair = await connected({ certificates });
  pair.transport.outbox.push("request", encoded("what was wrong"));
  pair.transport.close(1008, "Too often");
  const messages = await pair.client.rest();
  assert.equal(messages[0], "what was wrong");
  assert.deepEqual(readLastWords(messages[1] ?? ""), { code: 1008, reason: "Too often" });
});

testPlainAndTls(
  "Text transport: after a goodbye what comes is read and thrown away",
  async (certificates) => {
    await using pair = await connected({ certificates });
    await pair.client.send("before");
    await pair.owner.got(1);
    pair.transport.close(1000, "");
    const flood = new Uint8Array(1 << 20);
    for (let i = 0; i < 32; i++) await pair.client.write(flood);
    assert.equal((await pair.client.lastWords()).code, 1000);
    pair.client.finish();
    await pair.owner.closed;
    assert.equal(pair.owner.messages.length, 1);
  },
);

testPlainAndTls(
  "Text transport: a goodbye from within a message stops at that message",
  async (certificates) => {
    await using pair = await connected({ certificates });
    const { owner, transport } = pair;
    const received = owner.received.bind(owner);
    owner.received = (data, isBinary) => {
      transport.close(1008, "Enough");
      return received(data, isBinary);
    };
    await pair.client.write(concat(new Array(100).fill(prefixed("x"))));
    assert.equal((await pair.client.lastWords()).code, 1008);
    assert.deepEqual([owner.messages.length, pair.stats.messagesReceived], [1, 1]);
  },
);

testPlainAndTls("Text transport: a goodbye before the start reads nothing", async (certificates) => {
  const before = (transport: TextTransport) => transport.close(4429, "Too many of you");
  await using pair = await connected({ certificates, before });
  await pair.client.send("x");
  assert.equal((await pair.client.lastWords()).code, 4429);
  pair.client.finish();
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, ["closing 4429 Too many of you", "closed"]);
  assert.deepEqual([pair.owner.messages.length, pair.stats.bytesReceived], [0, 0]);
});

testPlainAndTls("Text transport: a peer that does not end after the goodbye is cut", async (certificates) => {
  await using pair = await connected({ certificates, closeTimeoutMs: 20 });
  pair.transport.close(4401, "Who are you?");
  assert.equal((await pair.client.lastWords()).code, 4401);
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, ["closing 4401 Who are you?", "closed"]);
});

testPlainAndTls(
  "Text transport: a peer that does not read costs no more than its bounds",
  async (certificates) => {
    await using pair = await connected({ certificates, closeTimeoutMs: 20 });
    const { transport, owner, stats } = pair;
    pair.client.pause();
    const bulk = encoded("x".repeat(16 * 1024));
    let most = 0;
    while (owner.overflows === 0) {
      transport.outbox.publish(bulk, CHANNEL);
      most = Math.max(most, transport.outbox.heldBytes);
      await new Promise<void>((next) => setImmediate(next));
    }
    assert.ok(most <= LANE_BYTES + SOCKET_BYTES + bulk.bytes, `${most} bytes held`);
    transport.close(4413, "Too slow");
    assert.ok(transport.outbox.heldBytes <= SOCKET_BYTES + 1024, "what waited is gone");
    await owner.closed;
    assert.deepEqual(owner.events, ["closing 4413 Too slow", "closed"]);
    assert.ok(stats.dropped.slow_consumer >= 15, `${stats.dropped.slow_consumer} messages dropped`);
    assert.equal(transport.outbox.heldBytes, 0);
  },
);

testPlainAndTls("Text transport: destroy ends without a word", async (certificates) => {
  await using pair = await connected({ certificates });
  await pair.client.send("x");
  await pair.owner.got(1);
  pair.transport.destroy();
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, ["closing 1006", "closed"]);
  assert.deepEqual(await pair.client.rest(), []);
});

testPlainAndTls(
  "Text transport: a transport whose socket is gone before the start ends at once",
  async (certificates) => {
    await using pair = await connected({ certificates, before: (transport) => transport.destroy() });
    await pair.owner.closed;
    assert.deepEqual(pair.owner.events, ["closing 1006", "closed"]);
  },
);

testPlainAndTls(
  "Text transport: a silent peer is asked, and is kept for its answer",
  async (certificates) => {
    await using pair = await connected({ certificates });
    const at = watched(pair);
    at(31);
    const asked = /^request:system\.heartbeat:1\.0\.0:([0-9a-f-]{36})\n\{\}$/.exec(
      await pair.client.next() ?? "",
    );
    assert.ok(asked, "the hub asks for a sign of life");
    await pair.client.send(`response:system.heartbeat:1.0.0:${asked[1]}\n{"status":"success"}`);
    await pair.owner.got(1);
    assert.equal(pair.transport.lastHeardMs, 31);
    at(85);
    assert.deepEqual(pair.owner.events, []);
  },
);

testPlainAndTls("Text transport: a peer that does not answer is told and ended", async (certificates) => {
  await using pair = await connected({ certificates });
  pair.transport.outbox.publish(encoded("x"), CHANNEL);
  assert.equal(await pair.client.next(), "x");
  const at = watched(pair);
  at(61);
  assert.deepEqual(await pair.client.lastWords(), { code: 4408, reason: "No sign of life" });
  pair.client.finish();
  await pair.owner.closed;
  assert.deepEqual(pair.owner.events, ["closing 4408 No sign of life", "closed"]);
});

testPlainAndTls(
  "Text transport: enough bytes of a message on its way are a sign of life, fewer are none",
  async (certificates) => {
    await using pair = await connected({ certificates, maxMessageBytes: 4000 });
    const bytes = prefixed(message(3000));
    const pieces = [[0, 1023, 0], [1023, 1024, 2], [1024, 2047, 2], [2047, bytes.length, 4]] as const;
    for (const [index, [from, to, heardMs]] of pieces.entries()) {
      pair.clock.ms = index + 1;
      await pair.client.write(bytes.subarray(from, to));
      await until(() => pair.stats.bytesReceived === to);
      assert.equal(pair.transport.lastHeardMs, heardMs);
      assert.equal(pair.transport.unfinishedBytes, to === bytes.length ? 0 : to - 4);
    }
    assert.deepEqual(pair.owner.messages, [message(3000)]);
  },
);

testPlainAndTls(
  "Text transport: a peer that takes nothing is known by it, whatever it sends, and ended as too slow",
  async (certificates) => {
    await using pair = await connected({ certificates });
    const { transport } = pair;
    pair.client.pause();
    assert.equal(transport.stalledMs(1), 0);
    transport.outbox.publish(encoded("x".repeat(16 * 1024 * 1024)), CHANNEL);
    await until(() => transport.outbox.isBehind);
    assert.equal(transport.stalledMs(10), 0);
    await pair.client.send(message(20));
    await pair.owner.got(1);
    assert.equal(transport.stalledMs(70), 60);
    transport.stalled();
    assert.deepEqual(pair.owner.events, ["closing 4413 Takes nothing of what it is sent"]);
  },
);
