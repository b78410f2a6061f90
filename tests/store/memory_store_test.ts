import assert from "node:assert/strict";
import { MemoryStore } from "../../src/store/memory_store.ts";
import { MAX_EMPTY_HISTORIES } from "../../src/store/tenant_histories.ts";
import { KEEP_ALL, messageStoreContract, replay, WIDE } from "../contract/message_store_contract.ts";
import { idOf, message, NOW } from "../contract/message_store_parts.ts";

messageStoreContract("MemoryStore", ({ limits, nowMs }) => {
  const store = new MemoryStore({ limits, now: () => nowMs });
  return Promise.resolve({ store, reopen: null, [Symbol.asyncDispose]: () => store.close() });
}, { lives: 100 });

Deno.test("MemoryStore: reads more topics than are merged, from any start on", () => {
  const store = new MemoryStore({ limits: WIDE, now: () => NOW });
  const tenant = store.tenant("t");
  const all = Array.from({ length: 7_000 }, (_, at) => at + 1);
  for (const number of all) {
    const topic = number % 70 < 60 ? `a.t${number % 70}` : "other";
    tenant.keep(message(number, { topic, payload: "x" }), { retain: false, history: KEEP_ALL });
  }
  const wanted = all.filter((number) => number % 70 < 60);
  for (const count of [1, 50, 3_000, 5_500, 6_000, 6_001]) {
    const found = replay(tenant, "a.+", { from: { kind: "last", count }, nowMs: NOW, max: 97 }).numbers;
    assert.deepEqual(found, wanted.slice(-count));
  }
  const from = { kind: "since", atMs: NOW + 6_000 } as const;
  assert.deepEqual(
    replay(tenant, "a.#", { from, max: 97 }).numbers,
    wanted.filter((number) => number >= 6_000),
  );
});

Deno.test("MemoryStore: finds the few messages of a pattern among very many others", () => {
  const store = new MemoryStore({ limits: WIDE, now: () => NOW });
  const tenant = store.tenant("t");
  const wanted: number[] = [];
  for (let number = 1; number <= 9_000; number++) {
    const topic = number % 4_000 === 7 || number % 4_000 === 8 ? `rare.t${number % 2}` : "often";
    if (topic !== "often") wanted.push(number);
    tenant.keep(message(number, { topic, payload: "x" }), { retain: false, history: KEEP_ALL });
  }
  assert.deepEqual(
    replay(tenant, "rare.+", { from: { kind: "last", count: 1_000 }, max: 4 }).numbers,
    wanted,
  );
  const from = { kind: "after", id: idOf(7) } as const;
  assert.deepEqual(replay(tenant, "rare.#", { from, max: 2 }).numbers, wanted.slice(1));
  assert.deepEqual(replay(tenant, "rare.nothing", { from }).numbers, []);
});

Deno.test("MemoryStore: so many topics that a whole history is forgotten are incomplete, and no more", () => {
  const store = new MemoryStore({ limits: WIDE, now: () => NOW });
  const tenant = store.tenant("t");
  const rules = { retain: false, history: { size: 10, ttlMs: 1 } };
  const topics = MAX_EMPTY_HISTORIES + 10;
  for (let number = 1; number <= topics; number++) {
    tenant.keep(message(number, { topic: `t${number}`, atMs: NOW }), rules);
  }
  while (store.figures.messages > 0) store.trim(NOW + 100);
  tenant.keep(message(topics + 1, { topic: "now", atMs: NOW + 100 }), rules);
  const isComplete = (topic: string, after: number) =>
    tenant.start(topic, { kind: "after", id: idOf(after) }, NOW + 100).isComplete;
  assert.equal(isComplete("now", 9), false);
  assert.equal(isComplete("now", 10), true);
  assert.equal(isComplete("t5", 9), false);
  assert.equal(isComplete("t20", 19), false);
  assert.equal(isComplete("t20", 20), true);
});

Deno.test("MemoryStore: other limits hold from then on, for messages; values stay", () => {
  const store = new MemoryStore({ limits: WIDE, now: () => NOW });
  const tenant = store.tenant("t");
  for (let number = 1; number <= 10; number++) {
    tenant.keep(message(number, { topic: `t${number}` }), { retain: true, history: KEEP_ALL });
  }
  store.change({ retained: { maxCount: 3, maxBytes: 10_000 }, history: { maxBytes: 4_000 } });
  store.trim(NOW);
  assert.deepEqual([store.figures.messages, store.figures.retained], [3, 10]);
  assert.equal(tenant.keep(message(11, { topic: "t11" }), { retain: true, history: null }), "full");
  assert.equal(tenant.keep(message(13, { topic: "t1" }), { retain: true, history: null }), "kept");
  const other = store.tenant("other");
  for (let number = 1; number <= 4; number++) {
    assert.equal(
      other.keep(message(number, { topic: `t${number}` }), { retain: true, history: null }),
      number < 4 ? "kept" : "full",
    );
  }
});
