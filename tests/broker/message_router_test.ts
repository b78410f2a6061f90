import assert from "node:assert/strict";
import buffer from "node:buffer";
import fc from "fast-check";
import { BrokerStats } from "../../src/broker/broker_stats.ts";
import { MessageIds } from "../../src/broker/message_ids.ts";
import { LATENCY_SAMPLE, MessageRouter } from "../../src/broker/message_router.ts";
import { SubscriptionManager } from "../../src/broker/subscription_manager.ts";
import type { Encoded } from "../../src/core/transport.ts";
import { TenantTraffic } from "../../src/broker/tenant_traffic.ts";
import { KeyedBuckets } from "../../src/limits/token_bucket.ts";
import { encodeTextMessage, parseTextMessage, type TextMessage } from "../../src/wire/text_message.ts";
import { FakeClock, FakeSubscriber, settingsOf } from "./fakes.ts";

const ID = "00000000-0000-4000-8000-00000000000a";
const TEXT_OPCODE = 0x81;
const BINARY_OPCODE = 0x82;
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A router with everything around it. */
class Setup {
  readonly stats = new BrokerStats();
  readonly ids = new MessageIds(0, Uint8Array.of(0, 0));
  readonly clock = new FakeClock();
  readonly latencies: number[] = [];
  readonly subscriptions: SubscriptionManager;
  readonly router: MessageRouter;

  constructor(ratePerSecond = 0) {
    this.subscriptions = new SubscriptionManager({
      maxPerSubscriber: 1000,
      settingsOf: (topic) => settingsOf(topic, ratePerSecond),
    });
    this.router = new MessageRouter({
      subscriptions: this.subscriptions,
      ids: this.ids,
      stats: this.stats,
      traffic: new TenantTraffic("default"),
      topicRates: new KeyedBuckets(1000),
      cachedClock: this.clock,
      clock: this.clock,
      keeping: null,
      onLatency: (seconds) => this.latencies.push(seconds),
    });
  }

  subscribe(subscriber: FakeSubscriber, pattern: string, group: string | null = null): void {
    this.subscriptions.subscribe(subscriber, { pattern, action: "publish", priority: 0, group });
  }

  /** New subscribers of a group, or of none. */
  join(count: number, group: string | null, pattern = "a"): FakeSubscriber[] {
    const members = Array.from({ length: count }, (_, i) => new FakeSubscriber(`${group}-${i}`));
    for (const member of members) this.subscribe(member, pattern, group);
    return members;
  }

  /** Publishes; gives the number of receivers, or the time to wait before the next try. */
  publish(message: TextMessage, isKnownText = false): number | { readonly retryAfterMs: number } {
    const outcome = this.router.publish(message, isKnownText);
    const retryAfterMs = "retryAfterMs" in outcome ? outcome.retryAfterMs : 0;
    return outcome.kind === "routed" ? outcome.receivers : { retryAfterMs };
  }
}

function message(
  payload: Uint8Array | string = "x",
  { topic = "a", requestId = null }: { topic?: string; requestId?: string | null } = {},
): TextMessage {
  const bytes = encodeTextMessage({ action: "publish", topic, requestId }, payload);
  const parsed = parseTextMessage(bytes, { maxTimeoutMs: 1000 });
  if (parsed.kind === "malformed") assert.fail(parsed.message);
  return parsed;
}

function whole({ parts }: Encoded | undefined = { parts: [], bytes: 0 }): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function payloadsOf({ got }: FakeSubscriber): string[] {
  return got.map((encoded) => textOf(whole(encoded)).split("\n")[1] ?? "");
}

/** How often bytes are looked at for being UTF-8 while something runs. */
function looks(run: () => void): number {
  const { isUtf8 } = buffer;
  let count = 0;
  buffer.isUtf8 = (bytes) => {
    count++;
    return isUtf8(bytes);
  };
  try {
    run();
  } finally {
    buffer.isUtf8 = isUtf8;
  }
  return count;
}

Deno.test("Message router: encodes once for each kind of transport, for 1,000 subscribers", () => {
  const setup = new Setup();
  const subscribers = Array.from(
    { length: 1000 },
    (_, i) => new FakeSubscriber(String(i), i % 2 === 0 ? "websocket" : "text"),
  );
  for (const [i, subscriber] of subscribers.entries()) setup.subscribe(subscriber, i % 3 === 0 ? "a" : "+");
  assert.equal(setup.publish(message()), 1000);
  assert.equal(new Set(subscribers.flatMap(({ got }) => got)).size, 2);
  for (const { got } of subscribers) assert.equal(got.length, 1);
  assert.deepEqual([setup.stats.published, setup.stats.delivered, setup.stats.unmatched], [1, 1000, 0]);
});

Deno.test("Message router: one whose several patterns match gets a message once", () => {
  const setup = new Setup();
  const subscriber = new FakeSubscriber("1");
  for (const pattern of ["a.b", "A.+", "a.#", "#", "+.b"]) setup.subscribe(subscriber, pattern);
  assert.equal(setup.publish(message("x", { topic: "a.b" })), 1);
  assert.equal(subscriber.offered, 1);
});

Deno.test("Message router: delivers the publisher's spelling, the id of the hub and the request id", () => {
  const setup = new Setup();
  const [websocket, text] = [new FakeSubscriber("1"), new FakeSubscriber("2", "text")];
  for (const subscriber of [websocket, text]) setup.subscribe(subscriber, "orders.new");
  setup.publish(message("hi", { topic: "Orders.NEW" }));
  setup.publish(message("hi", { topic: "orders.new", requestId: ID }));
  const first = "publish:Orders.NEW:1.0.0:00000000-0000-4000-8000-000000000001\nhi";
  const second = `publish:orders.new:1.0.0:00000000-0000-4000-8000-000000000002:${ID}\nhi`;
  assert.deepEqual(websocket.got.map((encoded) => textOf(whole(encoded).subarray(2))), [first, second]);
  assert.deepEqual(text.got.map((encoded) => textOf(whole(encoded).subarray(4))), [first, second]);
  const [one] = text.got;
  assert.deepEqual([...whole(one).subarray(0, 4)], [0, 0, 0, first.length]);
});

Deno.test("Message router: any payload arrives byte for byte, in every encoding", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 6000, size: "max" }), fc.boolean(), (payload, hasId) => {
    const setup = new Setup();
    const subscribers = [new FakeSubscriber("1"), new FakeSubscriber("2", "text")];
    for (const subscriber of subscribers) setup.subscribe(subscriber, "a");
    setup.publish(message(payload, { requestId: hasId ? ID : null }));
    for (const { got: [encoded] } of subscribers) {
      const bytes = whole(encoded);
      assert.equal(bytes.length, encoded?.bytes);
      const at = bytes.length - payload.length;
      assert.equal(bytes[at - 1], 0x0a);
      assert.deepEqual(bytes.subarray(at), payload);
    }
  }));
});

Deno.test("Message router: a large payload is handed on without a copy", () => {
  const setup = new Setup();
  const subscribers = [new FakeSubscriber("1"), new FakeSubscriber("2", "text")];
  for (const subscriber of subscribers) setup.subscribe(subscriber, "a");
  const published = message(new Uint8Array(50_000));
  setup.publish(published);
  for (const { got: [encoded] } of subscribers) assert.equal(encoded?.parts.at(-1), published.payload);
});

Deno.test("Message router: a payload goes to WebSockets as text where it is UTF-8, else as binary", () => {
  const cases: readonly (readonly [Uint8Array | string, number])[] = [
    ["grüße 🚀", TEXT_OPCODE],
    ["", TEXT_OPCODE],
    [Uint8Array.of(0xef, 0xbb, 0xbf), TEXT_OPCODE],
    [Uint8Array.of(0xff), BINARY_OPCODE],
    [bytesOf("ü").subarray(0, 1), BINARY_OPCODE],
    [Uint8Array.of(0xed, 0xa0, 0x80), BINARY_OPCODE],
  ];
  for (const [payload, opcode] of cases) {
    const setup = new Setup();
    const [subscriber] = setup.join(1, null);
    setup.publish(message(payload));
    assert.equal(whole(subscriber?.got[0])[0], opcode, String(payload));
  }
});

Deno.test("Message router: any bytes go as text if and only if they are UTF-8", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const isUtf8 = (bytes: Uint8Array) => {
    try {
      return decoder.decode(bytes) !== undefined;
    } catch {
      return false;
    }
  };
  const nearly = fc.string({ unit: "binary" }).chain((text) => {
    const bytes = bytesOf(text);
    return fc.nat(bytes.length).map((at) => bytes.subarray(at));
  });
  fc.assert(fc.property(fc.oneof(nearly, fc.uint8Array()), (payload) => {
    const setup = new Setup();
    const [subscriber] = setup.join(1, null);
    setup.publish(message(payload));
    const isText = whole(subscriber?.got[0])[0] === TEXT_OPCODE;
    assert.equal(isText, isUtf8(payload));
  }));
});

Deno.test("Message router: looks whether a payload is UTF-8 at most once, and only when somebody needs to know", () => {
  const setup = new Setup();
  setup.join(100, null);
  for (let i = 0; i < 100; i++) setup.subscribe(new FakeSubscriber(`text-${i}`, "text"), "+");
  setup.subscribe(new FakeSubscriber("text", "text"), "only.texts");
  for (const payload of ["text", Uint8Array.of(0xff)]) {
    const [mixed, texts] = [message(payload), message(payload, { topic: "only.texts" })];
    assert.equal(looks(() => setup.publish(mixed)), 1, "for all 100 together");
    assert.equal(looks(() => setup.publish(texts)), 0, "no WebSocket among the subscribers");
    assert.equal(looks(() => setup.publish(message(payload, { topic: "nobody" }))), 0);
  }
  const known = message("text");
  assert.equal(looks(() => setup.publish(known, true)), 0, "it came as a text message");
});

Deno.test("Message router: keeps the order of what is published", () => {
  const setup = new Setup();
  const [plain] = setup.join(1, null, "#");
  const [member] = setup.join(1, "g", "a");
  for (let i = 0; i < 1000; i++) setup.publish(message(String(i)));
  const expected = Array.from({ length: 1000 }, (_, i) => String(i));
  assert.deepEqual(payloadsOf(plain as FakeSubscriber), expected);
  assert.deepEqual(payloadsOf(member as FakeSubscriber), expected);
});

Deno.test("Message router: each message without a subscriber is counted and takes an id", () => {
  const setup = new Setup();
  assert.equal(setup.publish(message()), 0);
  assert.equal(setup.publish(message()), 0);
  assert.deepEqual([setup.stats.published, setup.stats.unmatched, setup.stats.delivered], [2, 2, 0]);
  assert.equal(setup.ids.sequence, 2);
});

Deno.test("Message router: only what is queued counts as delivered", () => {
  const setup = new Setup();
  const [, second, third, fourth] = setup.join(4, null);
  Object.assign(second as FakeSubscriber, { result: "dropped" });
  Object.assign(third as FakeSubscriber, { result: "full" });
  Object.assign(fourth as FakeSubscriber, { result: "closed" });
  assert.equal(setup.publish(message()), 4);
  assert.equal(setup.stats.delivered, 1);
});

Deno.test("Queue groups: one member of each group gets a message, besides all who are in none", () => {
  const setup = new Setup();
  const groups = [setup.join(3, "red"), setup.join(5, "blue"), setup.join(1, "Red")];
  const plain = setup.join(4, null);
  for (let i = 0; i < 100; i++) assert.equal(setup.publish(message()), 7);
  for (const members of groups) {
    assert.equal(members.reduce((sum, { offered }) => sum + offered, 0), 100);
  }
  for (const { offered } of plain) assert.equal(offered, 100);
  assert.equal(setup.stats.delivered, 700);
});

Deno.test("Queue groups: the member with the fewest bytes to write gets it", () => {
  const setup = new Setup();
  const members = setup.join(5, "g");
  for (const [i, member] of members.entries()) member.heldBytes = [50, 20, 7, 20, 90][i] ?? 0;
  for (let i = 0; i < 20; i++) setup.publish(message());
  assert.deepEqual(members.map(({ offered }) => offered), [0, 0, 20, 0, 0]);
});

Deno.test("Queue groups: equals take turns, those who hold more are left out", () => {
  const setup = new Setup();
  const members = setup.join(4, "g");
  (members[1] as FakeSubscriber).heldBytes = 1;
  for (let i = 0; i < 300; i++) setup.publish(message());
  assert.deepEqual(members.map(({ offered }) => offered), [100, 0, 100, 100]);
});

Deno.test("Queue groups: equals take turns in each of several groups", () => {
  const setup = new Setup();
  const groups = ["red", "blue"].map((group) => setup.join(2, group));
  for (let i = 0; i < 100; i++) setup.publish(message());
  for (const members of groups) assert.deepEqual(members.map(({ offered }) => offered), [50, 50]);
});

Deno.test("Queue groups: equals take turns although two topics alternate", () => {
  const setup = new Setup();
  const members = setup.join(2, "g", "t.+");
  for (let i = 0; i < 100; i++) setup.publish(message("x", { topic: `t.n${i % 2}` }));
  assert.deepEqual(members.map(({ offered }) => offered), [50, 50]);
});

Deno.test("Queue groups: topics that are seen once favour nobody", () => {
  const setup = new Setup();
  const members = setup.join(2, "g", "t.+");
  for (let i = 0; i < 1000; i++) setup.publish(message("x", { topic: `t.n${i}` }));
  // Each side by chance: 300 of 1,000 are 12 standard deviations away.
  for (const { offered } of members) assert.ok(offered > 300, `${offered} of 1,000`);
});

for (const result of ["full", "dropped", "closed"] as const) {
  Deno.test(`Queue groups: a member whose outbox would say ${result} is not asked while another has room`, () => {
    const setup = new Setup();
    const members = setup.join(3, "g");
    for (const [i, member] of members.entries()) member.heldBytes = i + 1;
    (members[0] as FakeSubscriber).result = result;
    setup.publish(message());
    assert.deepEqual(members.map(({ got }) => got.length), [0, 1, 0]);
    assert.equal(setup.stats.delivered, 1);
    for (const member of members) member.result = result;
    assert.equal(setup.publish(message()), 1);
    assert.deepEqual(members.map(({ offered }) => offered), [1, 1, 0], "one is treated as slow, not all");
    assert.equal(setup.stats.delivered, 1);
  });
}

Deno.test("Queue groups: who is in two groups gets it for both, and nobody else does", () => {
  const setup = new Setup();
  const both = new FakeSubscriber("both");
  setup.subscribe(both, "a", "red");
  setup.subscribe(both, "+", "blue");
  const others = [...setup.join(2, "red"), ...setup.join(2, "blue")];
  for (const other of others) other.heldBytes = 100;
  for (let i = 0; i < 10; i++) setup.publish(message());
  assert.equal(both.got.length, 10);
  assert.deepEqual(others.map(({ got }) => got.length), [0, 0, 0, 0]);
  assert.equal(setup.stats.delivered, 10);
});

for (const order of [["red", "blue"], ["blue", "red"]] as const) {
  Deno.test(`Queue groups: who is alone in a group gets it for his others too (${order})`, () => {
    const setup = new Setup();
    const busy = new FakeSubscriber("busy");
    const idle = new FakeSubscriber("idle");
    busy.heldBytes = 100;
    for (const group of order) setup.subscribe(busy, group === "red" ? "a" : "+", group);
    setup.subscribe(idle, "+", "blue");
    setup.publish(message());
    assert.deepEqual([busy.offered, idle.offered], [1, 0]);
  });
}

Deno.test("Queue groups: a member of a group that was served is avoided", () => {
  for (let run = 0; run < 20; run++) {
    const setup = new Setup();
    const shared = new FakeSubscriber("shared");
    const [red] = setup.join(1, "red");
    const [blue] = setup.join(1, "blue");
    setup.subscribe(shared, "a", "red");
    setup.subscribe(shared, "+", "blue");
    setup.publish(message());
    const offered = [shared, red, blue].map((subscriber) => subscriber?.offered);
    assert.ok(offered.join() === "1,0,0" || offered.join() === "0,1,1", offered.join());
  }
});

Deno.test("Queue groups: a plain subscriber gets it for its group too", () => {
  const setup = new Setup();
  const plain = new FakeSubscriber("plain");
  setup.subscribe(plain, "a");
  setup.subscribe(plain, "#", "g");
  const [other] = setup.join(1, "g");
  assert.deepEqual([setup.publish(message()), plain.offered, other?.offered], [1, 1, 0]);
});

Deno.test("Queue groups: each connection gets a message at most once, each group at least once", () => {
  const memberships = fc.array(
    fc.tuple(fc.nat(7), fc.constantFrom("red", "blue", "green", null), fc.constantFrom("a", "+", "#")),
    { maxLength: 24, size: "max" },
  );
  fc.assert(fc.property(memberships, fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }), (all, held) => {
    const setup = new Setup();
    const waiting = (heldBytes: number, i: number) =>
      Object.assign(new FakeSubscriber(`${i}`), { heldBytes });
    const subscribers = held.map(waiting);
    for (const [who, group, pattern] of all) {
      setup.subscribe(subscribers[who] as FakeSubscriber, pattern, group);
    }
    setup.publish(message());
    for (const { offered } of subscribers) assert.ok(offered <= 1);
    const { groups, subscribers: plain } = setup.subscriptions.route("a");
    for (const { offered } of plain as FakeSubscriber[]) assert.equal(offered, 1);
    for (const { members } of groups) {
      assert.ok((members as readonly FakeSubscriber[]).some(({ offered }) => offered === 1));
    }
  }));
});

Deno.test("Message router: a topic over its rate is refused, others are not", () => {
  const setup = new Setup(2);
  const [subscriber] = setup.join(1, null, "#");
  assert.deepEqual([1, 2, 3].map(() => setup.publish(message())), [1, 1, { retryAfterMs: 500 }]);
  assert.equal(setup.publish(message("x", { topic: "A" })) !== 1, true, "the same topic in another case");
  assert.equal(setup.publish(message("x", { topic: "b" })), 1);
  assert.deepEqual([setup.stats.published, subscriber?.offered], [3, 3]);
  setup.clock.ms += 500;
  assert.equal(setup.publish(message()), 1);
});

Deno.test("Message router: one message in 64 is measured, whatever became of the last that was", () => {
  const setup = new Setup(1);
  setup.join(1, null);
  setup.publish(message());
  assert.equal(setup.latencies.length, 1);
  for (let i = 1; i < 10 * LATENCY_SAMPLE; i++) setup.publish(message());
  assert.equal(setup.latencies.length, 1, "refused ones are not");
  for (let i = 0; i < LATENCY_SAMPLE; i++) setup.publish(message("x", { topic: `t${i}` }));
  assert.equal(setup.latencies.length, 2);
});
