import assert from "node:assert/strict";
import { BrokerStats } from "../../src/broker/broker_stats.ts";
import { MessageIds } from "../../src/broker/message_ids.ts";
import { type KeptResult, MAX_WAITING_BYTES, TenantArchive } from "../../src/broker/tenant_archive.ts";
import { TenantIds } from "../../src/broker/tenant_ids.ts";
import type { MemoryStore } from "../../src/store/memory_store.ts";
import type { KeptMessage } from "../../src/store/message_store.ts";
import { encodeTextMessage, parseTextMessage, type TextMessage } from "../../src/wire/text_message.ts";
import { newId } from "./broker_client.ts";
import { FakeClock, memoryStore } from "./fakes.ts";

const RULES = { retain: false, history: { size: 1000, ttlMs: 1e9 } };

/** A memory that calls back when a test says so. */
class SlowStore {
  readonly store = memoryStore();
  readonly waiting: ((failure: string | null) => void)[] = [];
  tenant = (name: string) => this.store.tenant(name);
  /** Says at once that it will never be safe. */
  givesUp = false;
  whenSafe = (done: (failure: string | null) => void): void => {
    if (this.givesUp) done("too much waits");
    else this.waiting.push(done);
  };
}

function published(payload: string, requestId: string | null = newId()): TextMessage {
  const bytes = encodeTextMessage({ action: "publish", topic: "log.a", requestId }, payload);
  const message = parseTextMessage(bytes, { maxTimeoutMs: 1 });
  assert.ok(message.kind === "message");
  return message;
}

/** An archive with somebody who publishes. */
class Setup {
  readonly slow = new SlowStore();
  readonly stats = new BrokerStats();
  readonly clock = new FakeClock();
  readonly delivered: KeptMessage[] = [];
  readonly answers: (readonly [string, KeptResult])[] = [];
  readonly later: (() => void)[] = [];
  readonly archive: TenantArchive;

  constructor(isSlow = true, store: MemoryStore = this.slow.store) {
    this.archive = new TenantArchive({
      store: isSlow
        ? Object.assign(memoryStore(), {
          whenSafe: (done: (failure: string | null) => void) => this.slow.whenSafe(done),
        })
        : store,
      tenant: store.tenant("t"),
      ids: new TenantIds(1).enter("t", store.tenant("t").lastId),
      cachedClock: this.clock,
      wallClock: this.clock,
      stats: this.stats,
      later: (run) => this.later.push(run),
    });
    this.archive.attach(this.archive.ids, (message) => this.delivered.push(message) && 8192);
  }

  keep(message: TextMessage, who = "ann") {
    const kept = ({ id }: KeptMessage, result: KeptResult) => void this.answers.push([id, result]);
    return this.archive.keep({ message, isKnownText: true, publisher: { who, kept } }, RULES);
  }
}

Deno.test("Archive: nobody gets a message, and its publisher no answer, before it is safe", () => {
  const setup = new Setup();
  assert.equal(setup.keep(published("1")), "kept");
  const { released } = setup.archive;
  assert.deepEqual([setup.delivered, setup.answers], [[], []]);
  setup.slow.waiting[0]?.(null);
  assert.equal(setup.delivered.length, 1);
  assert.deepEqual(setup.answers.map(([, { kind }]) => kind), ["safe"]);
  assert.ok(setup.archive.released > released);
});

Deno.test("Archive: many that become safe at once are delivered in order, some a turn", () => {
  const setup = new Setup();
  for (const text of ["1", "2", "3"]) setup.keep(published(text));
  for (const done of setup.slow.waiting) done(null);
  assert.equal(setup.delivered.length, 1);
  setup.later.shift()?.();
  setup.later.shift()?.();
  assert.deepEqual(setup.delivered.map(({ payload }) => new TextDecoder().decode(payload)), ["1", "2", "3"]);
});

Deno.test("Archive: what comes again while the first still waits is answered behind it, and kept once", () => {
  const setup = new Setup();
  const message = published("1");
  assert.deepEqual([setup.keep(message), setup.keep(message), setup.keep(message, "bob")], [
    "kept",
    "duplicate",
    "kept",
  ]);
  for (const done of setup.slow.waiting) done(null);
  while (setup.later.length > 0) setup.later.shift()?.();
  assert.equal(setup.delivered.length, 2);
  const [first, second, third] = setup.answers.map(([id]) => id);
  assert.equal(first, second);
  assert.notEqual(first, third);
  assert.equal(setup.stats.duplicates, 1);
});

Deno.test("Archive: a message that cannot be made safe is answered as such, and goes on when it is sent again", () => {
  const setup = new Setup();
  const message = published("1");
  setup.keep(message);
  setup.slow.waiting.shift()?.("the disk is full");
  assert.deepEqual(setup.answers.at(-1)?.[1], { kind: "unsafe", reason: "the disk is full" });
  assert.equal(setup.stats.unsafe, 1);
  assert.equal(setup.keep(message), "duplicate");
  setup.slow.waiting.shift()?.(null);
  setup.later.shift()?.();
  assert.equal(setup.answers.at(-1)?.[1].kind, "safe");
  assert.equal(setup.delivered.length, 1);
});

Deno.test("Archive: what the store gives up at once is a new message when it comes again", () => {
  const setup = new Setup();
  setup.slow.givesUp = true;
  const message = published("1");
  assert.deepEqual([setup.keep(message), setup.keep(message)], ["kept", "kept"]);
  assert.equal(setup.answers.at(-1)?.[1].kind, "unsafe");
});

Deno.test("Archive: what too much waits before is a new message when it comes again, answered or not", () => {
  const setup = new Setup();
  Object.assign(setup.slow.store.tenant("t"), { keep: () => "lost" });
  const message = published("1");
  assert.deepEqual([setup.keep(message), setup.keep(message)], ["kept", "kept"]);
  for (const done of setup.slow.waiting) done("too much waits");
  while (setup.later.length > 0) setup.later.shift()?.();
  assert.deepEqual(setup.answers.map(([, { kind }]) => kind), ["unsafe", "unsafe"]);
  assert.equal(setup.stats.duplicates, 0);
});

Deno.test("Archive: a message for which there is no room as a value is in its history once, and answered the same again", () => {
  const setup = new Setup();
  Object.assign(setup.slow.store.tenant("t"), { keep: () => "full" });
  const message = published("1");
  assert.deepEqual([setup.keep(message), setup.keep(message)], ["kept", "duplicate"]);
  for (const done of setup.slow.waiting) done(null);
  while (setup.later.length > 0) setup.later.shift()?.();
  assert.equal(setup.delivered.length, 1);
  assert.deepEqual(setup.answers.map(([, { kind }]) => kind), ["full", "full"]);
  assert.equal(setup.answers[0]?.[0], setup.answers[1]?.[0]);
});

Deno.test("Archive: many that are told of a failure by the next message are delivered some a turn too", () => {
  const setup = new Setup();
  for (const text of ["1", "2", "3"]) setup.keep(published(text));
  const { waiting } = setup.slow;
  setup.slow.whenSafe = (done) => [...waiting.splice(0), done].forEach((each) => each("the disk is full"));
  setup.keep(published("4"));
  assert.equal(setup.delivered.length, 1);
  while (setup.later.length > 0) setup.later.shift()?.();
  assert.deepEqual(setup.delivered.map(({ payload }) => new TextDecoder().decode(payload)), [
    "1",
    "2",
    "3",
    "4",
  ]);
});

Deno.test("Archive: what waits for the disk is bounded", () => {
  const setup = new Setup();
  const message = published("x".repeat(1_000_000), null);
  let kept = 0;
  while (setup.keep(message) === "kept") kept++;
  assert.ok(kept * 1_000_000 < MAX_WAITING_BYTES + 2_000_000);
  for (const done of setup.slow.waiting) done(null);
  while (setup.later.length > 0) setup.later.shift()?.();
  assert.equal(setup.keep(message), "kept");
});

Deno.test("Archive: after a restart ids rise although the clock went back, and what comes again is known", () => {
  const store = memoryStore();
  const ids = new MessageIds(5000);
  const message = published("1");
  const before = new TenantArchive({
    store,
    tenant: store.tenant("t"),
    ids,
    cachedClock: new FakeClock(),
    wallClock: new FakeClock(),
    stats: new BrokerStats(),
    later: () => {},
  });
  before.keep({ message, isKnownText: true, publisher: { who: "ann", kept: () => {} } }, RULES);
  const last = store.tenant("t").lastId ?? "";
  const setup = new Setup(false, store);
  assert.equal(setup.keep(message), "duplicate");
  assert.deepEqual(setup.answers.map(([id]) => id), [last]);
  assert.equal(setup.keep(published("2")), "kept");
  assert.ok((setup.answers.at(-1)?.[0] ?? "") > last);
});
