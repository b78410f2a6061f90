import assert from "node:assert/strict";
import type { JournalBatch } from "../../src/store/journal_batch.ts";
import { JournalQueue } from "../../src/store/journal_queue.ts";
import { KnownIds } from "../../src/store/known_ids.ts";
import { StoreTally } from "../../src/store/store_tally.ts";
import { TenantMemory } from "../../src/store/tenant_memory.ts";
import type { KeptMessage } from "../../src/store/message_store.ts";

const LIMITS = { retained: { maxCount: 10, maxBytes: 1e6 }, history: { maxBytes: 1e6 } };
const RETAIN = { retain: true, history: null };

/** A queue, and a tenant who keeps retained values in it. */
class Setup {
  readonly queue = new JournalQueue({ maxBytes: 1e6, onWork: () => {} });
  readonly #tenant: TenantMemory;
  #number = 0;

  constructor() {
    const journal = this.queue.notes(1, "t");
    const known = new KnownIds({ id: null, atMs: 0 });
    this.#tenant = new TenantMemory({ limits: LIMITS, known, tally: new StoreTally(), journal });
    journal.follow(this.#tenant);
  }

  set(topicKey: string, payload = "x"): void {
    const id = `018bcfe5-6800-4abc-8000-${String(++this.#number).padStart(12, "0")}`;
    const bytes = new TextEncoder().encode(payload);
    const message: KeptMessage = {
      id,
      topic: topicKey,
      topicKey,
      version: "1.0.0",
      requestId: null,
      payload: bytes,
      atMs: 1,
    };
    assert.equal(this.#tenant.keep(message, RETAIN), "kept");
  }

  clear(topicKey: string): void {
    this.set(topicKey, "");
  }
}

/** How much of each kind a batch holds, tenants not counted. */
function sizesOf({ topics, removedTopics, messages, drops, demotes, values }: JournalBatch) {
  return {
    topics: topics.length,
    removed: removedTopics.length,
    messages: messages.texts.length / 4,
    gone: drops.length + demotes.length,
    values: values.length,
  };
}

const NOTHING = { topics: 0, removed: 0, messages: 0, gone: 0, values: 0 };

Deno.test("Journal queue: of topics that came and went while nothing was written nothing is left", () => {
  const setup = new Setup();
  const { queue } = setup;
  for (let at = 0; at < 1000; at++) {
    setup.set(`t${at}`);
    setup.clear(`t${at}`);
  }
  assert.deepEqual(sizesOf(queue.take(false)), NOTHING);
});

Deno.test("Journal queue: nor of those that were in a batch which could not be written", () => {
  const setup = new Setup();
  const { queue } = setup;
  for (let at = 0; at < 1000; at++) {
    setup.set(`t${at}`);
    queue.take(false);
    setup.clear(`t${at}`);
    queue.takeBack();
  }
  assert.deepEqual(sizesOf(queue.take(false)), NOTHING);
});

Deno.test("Journal queue: a topic that was written is removed, with its value and its message", () => {
  const setup = new Setup();
  const { queue } = setup;
  setup.set("t");
  assert.deepEqual(sizesOf(queue.take(false)), { ...NOTHING, topics: 1, messages: 1, values: 1 });
  queue.done();
  setup.clear("t");
  // One run of one number: its first and its last.
  assert.deepEqual(sizesOf(queue.take(false)), { ...NOTHING, removed: 1, gone: 2, values: 1 });
});

Deno.test("Journal queue: a topic that came while a batch failed is still new to the file", () => {
  const setup = new Setup();
  const { queue } = setup;
  setup.set("first");
  queue.take(false);
  setup.set("second");
  queue.takeBack();
  setup.clear("second");
  assert.deepEqual(sizesOf(queue.take(false)), { ...NOTHING, topics: 1, messages: 1, values: 1 });
});
