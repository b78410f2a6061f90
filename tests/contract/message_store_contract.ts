/** What every store of messages does. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { keptBytes, TOPIC_OVERHEAD_BYTES } from "../../src/store/kept_bytes.ts";
import type { KeptMessage, ReplayFrom, TenantStore } from "../../src/store/message_store.ts";
import type { StoreLimits } from "../../src/store/tenant_memory.ts";
import { idOf, message, NOW, numbers, type OpenedStore, type OpenStore } from "./message_store_parts.ts";
import { runScenario, scenarios } from "./message_store_scenario.ts";

const MIB = 1_048_576;
/** Limits that nothing in a test comes near to. */
export const WIDE: StoreLimits = {
  retained: { maxCount: 1000, maxBytes: MIB },
  history: { maxBytes: 10 * MIB },
};
/** Rules that keep all that a test keeps. */
export const KEEP_ALL = { size: 1_000_000, ttlMs: 1_000_000_000 };
/** What a replay gives, read in parts. */
export function replay(
  tenant: TenantStore,
  pattern: string,
  { from, nowMs = NOW + 1000, max = 3 }: { from: ReplayFrom; nowMs?: number; max?: number },
): { numbers: number[]; isComplete: boolean } {
  const { afterId: start, isComplete } = tenant.start(pattern, from, nowMs);
  const found: KeptMessage[] = [];
  let afterId = start;
  for (;;) {
    const page = tenant.page(pattern, { afterId, max, nowMs });
    assert.ok(page.length <= max);
    found.push(...page);
    afterId = page.at(-1)?.id ?? null;
    if (afterId === null) return { numbers: numbers(found), isComplete };
  }
}

const inHistory = { retain: false, history: KEEP_ALL };
const retain = { retain: true, history: null };

/** Registers the tests for one kind of store; `lives` are so many that are compared with the model. */
export function messageStoreContract(name: string, open: OpenStore, { lives }: { lives: number }): void {
  const test = (behaviour: string, run: (opened: OpenedStore) => void | Promise<void>, limits = WIDE) =>
    Deno.test(`${name}: ${behaviour}`, async () => {
      await using opened = await open({ limits, nowMs: NOW });
      await run(opened);
    });
  retainedTests(test);
  historyTests(test);
  replayTests(test);
  lifeTests(test);
  Deno.test(`${name}: does what a naive model does`, async () => {
    await fc.assert(
      fc.asyncProperty(scenarios(), (scenario) => runScenario(scenario, open)),
      { numRuns: lives },
    );
  });
}

type Test = (
  behaviour: string,
  run: (opened: OpenedStore) => void | Promise<void>,
  limits?: StoreLimits,
) => void;

function retainedTests(test: Test): void {
  test("keeps the last value of each topic, and gives them oldest first", ({ store }) => {
    const tenant = store.tenant("t");
    tenant.keep(message(1, { topic: "A.b" }), retain);
    tenant.keep(message(2, { topic: "a.c" }), retain);
    tenant.keep(message(3, { topic: "a.B" }), retain);
    assert.deepEqual(numbers(tenant.retained("a.#")), [2, 3]);
    assert.deepEqual(numbers(tenant.retained("a.b")), [3]);
    assert.deepEqual(tenant.retained("a.b"), [message(3, { topic: "a.B" })]);
    assert.equal(store.figures.retained, 2);
  });

  test("an empty payload takes the value of its topic away, and nothing else", ({ store }) => {
    const tenant = store.tenant("t");
    tenant.keep(message(1), retain);
    tenant.keep(message(2, { topic: "a.c" }), retain);
    tenant.keep(message(3, { payload: "" }), retain);
    assert.deepEqual(numbers(tenant.retained("#")), [2]);
    assert.equal(tenant.lastId, idOf(3));
  });

  const one = keptBytes(message(1)) + TOPIC_OVERHEAD_BYTES + 3;
  test("a value that there is no room for is refused, and the one before it stays", ({ store }) => {
    const tenant = store.tenant("t");
    assert.equal(tenant.keep(message(1), retain), "kept");
    assert.equal(tenant.keep(message(2, { topic: "a.c" }), retain), "full");
    assert.equal(tenant.keep(message(3, { payload: "world" }), retain), "kept");
    assert.equal(tenant.keep(message(4, { payload: "x".repeat(100) }), retain), "full");
    assert.deepEqual(numbers(tenant.retained("#")), [3]);
    assert.equal(store.tenant("other").keep(message(1), retain), "kept");
  }, { ...WIDE, retained: { maxCount: 10, maxBytes: one + 20 } });

  test("no more values are kept than may be; replacing one adds none", ({ store }) => {
    const tenant = store.tenant("t");
    assert.equal(tenant.keep(message(1), retain), "kept");
    assert.equal(tenant.keep(message(2, { topic: "b" }), retain), "full");
    assert.equal(tenant.keep(message(3), retain), "kept");
    assert.equal(tenant.keep(message(4, { payload: "" }), retain), "kept");
    assert.equal(tenant.keep(message(5, { topic: "b" }), retain), "kept");
  }, { ...WIDE, retained: { maxCount: 1, maxBytes: MIB } });
}

function historyTests(test: Test): void {
  test("keeps the last messages of a topic, and counts those that went", ({ store }) => {
    const tenant = store.tenant("t");
    for (let number = 1; number <= 10; number++) {
      tenant.keep(message(number), { retain: false, history: { size: 3, ttlMs: 1_000_000 } });
    }
    assert.deepEqual(numbers(tenant.history("a.b", NOW + 10)), [8, 9, 10]);
    assert.deepEqual([store.figures.messages, store.figures.trimmedBySize], [3, 7]);
  });

  test("shows nothing that is too old, and forgets it by and by", ({ store }) => {
    const tenant = store.tenant("t");
    for (let number = 1; number <= 10; number++) {
      tenant.keep(message(number), { retain: false, history: { size: 100, ttlMs: 5 } });
    }
    assert.deepEqual(numbers(tenant.history("a.b", NOW + 13)), [8, 9, 10]);
    store.trim(NOW + 13);
    assert.equal(store.figures.messages, 3);
    store.trim(NOW + 100);
    assert.deepEqual([store.figures.messages, store.figures.trimmedByAge], [0, 10]);
    assert.deepEqual(tenant.history("a.b", NOW), []);
    assert.equal(store.figures.bytes, 0);
  });

  test("a clock that goes back does not disturb the order", ({ store }) => {
    const tenant = store.tenant("t");
    [100, 50, 60, 110].forEach((atMs, at) => tenant.keep(message(at + 1, { atMs: NOW + atMs }), inHistory));
    assert.deepEqual(replay(tenant, "#", { from: { kind: "since", atMs: NOW + 90 } }).numbers, [1, 2, 3, 4]);
    assert.deepEqual(replay(tenant, "#", { from: { kind: "since", atMs: NOW + 105 } }).numbers, [4]);
  });

  test("the oldest messages of a tenant go when all together are too large", ({ store }) => {
    const [tenant, other] = [store.tenant("t"), store.tenant("other")];
    other.keep(message(1), inHistory);
    for (let number = 1; number <= 10; number++) {
      tenant.keep(message(number, { topic: number % 2 ? "a" : "b" }), inHistory);
    }
    assert.deepEqual(replay(tenant, "#", { from: { kind: "last", count: 100 } }).numbers, [8, 9, 10]);
    assert.equal(replay(tenant, "a", { from: { kind: "after", id: idOf(7) } }).isComplete, true);
    assert.equal(replay(tenant, "a", { from: { kind: "after", id: idOf(6) } }).isComplete, false);
    assert.deepEqual(numbers(other.history("a.b", NOW)), [1]);
    assert.equal(store.figures.trimmedBySize, 7);
  }, { ...WIDE, history: { maxBytes: 3 * keptBytes(message(1)) + 2 * TOPIC_OVERHEAD_BYTES + 50 } });

  test("a message that is larger than all may be is missing, and said to be", ({ store }) => {
    const tenant = store.tenant("t");
    tenant.keep(message(1), inHistory);
    tenant.keep(message(2, { payload: "x".repeat(10_000) }), inHistory);
    tenant.keep(message(3), inHistory);
    const from = { kind: "after", id: idOf(1) } as const;
    assert.deepEqual(replay(tenant, "a.b", { from }), { numbers: [3], isComplete: false });
    assert.deepEqual(numbers(tenant.history("a.b", NOW)), [1, 3]);
  }, { ...WIDE, history: { maxBytes: 5_000 } });

  test("a message may be in the history and be the value, each as long as it is", ({ store }) => {
    const tenant = store.tenant("t");
    const both = { retain: true, history: { size: 2, ttlMs: 1_000_000 } };
    tenant.keep(message(1), both);
    for (const number of [2, 3]) tenant.keep(message(number), { ...both, retain: false });
    assert.deepEqual(numbers(tenant.history("a.b", NOW)), [2, 3]);
    assert.deepEqual(numbers(tenant.retained("a.b")), [1]);
    tenant.keep(message(4), both);
    tenant.keep(message(5, { payload: "" }), both);
    assert.deepEqual(numbers(tenant.history("a.b", NOW)), [4, 5]);
    assert.deepEqual(tenant.retained("a.b"), []);
  });

  test("other rules hold from the next message on", ({ store }) => {
    const tenant = store.tenant("t");
    for (let number = 1; number <= 9; number++) tenant.keep(message(number), inHistory);
    tenant.keep(message(10), { retain: false, history: { size: 2, ttlMs: 1_000_000 } });
    assert.deepEqual(numbers(tenant.history("a.b", NOW)), [9, 10]);
  });
}

function replayTests(test: Test): void {
  test("reads several topics in the order of ids, part by part", ({ store }) => {
    const tenant = store.tenant("t");
    for (let number = 1; number <= 20; number++) {
      tenant.keep(message(number, { topic: `a.t${number % 4}` }), inHistory);
    }
    tenant.keep(message(21, { topic: "system.x" }), inHistory);
    const from = { kind: "after", id: idOf(3) } as const;
    assert.deepEqual(replay(tenant, "a.+", { from }).numbers, range(4, 20));
    assert.deepEqual(replay(tenant, "#", { from, max: 100 }).numbers, range(4, 20));
    assert.deepEqual(replay(tenant, "a.t1", { from }).numbers, [5, 9, 13, 17]);
    assert.deepEqual(replay(tenant, "system.#", { from }).numbers, [21]);
    const page = tenant.page("a.#", { afterId: null, max: 2, nowMs: NOW });
    assert.deepEqual(numbers(page), [1, 2]);
  });

  test("starts so many messages before the end", ({ store }) => {
    const tenant = store.tenant("t");
    for (let number = 1; number <= 50; number++) {
      tenant.keep(message(number, { topic: `a.t${number % 7 % 3}` }), inHistory);
    }
    for (const count of [0, 1, 2, 17, 49, 50, 51, 1_000_000]) {
      const { numbers, isComplete } = replay(tenant, "#", { from: { kind: "last", count }, max: 10 });
      assert.deepEqual(numbers, range(Math.max(51 - count, 1), 50));
      assert.equal(isComplete, true);
    }
  });

  test("is incomplete when something that was asked for went, of the topics that were asked for", ({ store }) => {
    const tenant = store.tenant("t");
    const rules = { retain: false, history: { size: 2, ttlMs: 100 } };
    for (let number = 1; number <= 4; number++) tenant.keep(message(number, { topic: "a" }), rules);
    for (let number = 5; number <= 6; number++) tenant.keep(message(number, { topic: "b" }), rules);
    const complete = (pattern: string, from: ReplayFrom, nowMs = NOW + 10) =>
      replay(tenant, pattern, { from, nowMs }).isComplete;
    assert.equal(complete("a", { kind: "after", id: idOf(1) }), false);
    assert.equal(complete("a", { kind: "after", id: idOf(2) }), true);
    assert.equal(complete("#", { kind: "after", id: idOf(1) }), false);
    assert.equal(complete("b", { kind: "after", id: idOf(1) }), true);
    assert.equal(complete("a", { kind: "since", atMs: NOW + 2 }), false);
    assert.equal(complete("a", { kind: "since", atMs: NOW + 3 }), true);
    assert.equal(complete("b", { kind: "since", atMs: NOW }), true);
    assert.equal(complete("b", { kind: "after", id: idOf(5) }, NOW + 105), true);
    assert.equal(complete("b", { kind: "after", id: idOf(5) }, NOW + 107), false);
    store.trim(NOW + 200);
    assert.equal(complete("b", { kind: "after", id: idOf(5) }), false);
    assert.equal(complete("b", { kind: "after", id: idOf(6) }), true);
    assert.equal(complete("b", { kind: "last", count: 5 }), true);
  });

  test("is incomplete for an id, or a time, of which the store cannot know", ({ store }) => {
    const tenant = store.tenant("t");
    assert.equal(tenant.start("#", { kind: "after", id: idOf(4) }, NOW).isComplete, false);
    tenant.keep(message(5), inHistory);
    assert.deepEqual(replay(tenant, "#", { from: { kind: "after", id: idOf(4) } }), {
      numbers: [5],
      isComplete: false,
    });
    assert.equal(tenant.start("#", { kind: "after", id: idOf(5) }, NOW).isComplete, true);
    assert.equal(tenant.start("#", { kind: "since", atMs: NOW - 1 }, NOW).isComplete, false);
    assert.equal(tenant.start("#", { kind: "since", atMs: NOW }, NOW).isComplete, true);
  });
}

function lifeTests(test: Test): void {
  test("tells when what was kept is safe, in order", async ({ store }) => {
    const tenant = store.tenant("t");
    const told: number[] = [];
    const all: Promise<void>[] = [];
    for (let number = 1; number <= 5; number++) {
      tenant.keep(message(number), inHistory);
      all.push(
        new Promise((resolve) =>
          store.whenSafe((failure) => {
            assert.equal(failure, null);
            told.push(number);
            resolve();
          })
        ),
      );
    }
    await Promise.all(all);
    assert.deepEqual(told, [1, 2, 3, 4, 5]);
    assert.equal(store.figures.unsafe, 0);
  });

  test("an id has to be above all before it", ({ store }) => {
    const tenant = store.tenant("t");
    assert.equal(tenant.lastId, null);
    tenant.keep(message(5), inHistory);
    assert.throws(() => tenant.keep(message(5), inHistory), RangeError);
    assert.throws(() => tenant.keep(message(4), retain), RangeError);
    assert.equal(tenant.lastId, idOf(5));
    assert.equal(store.tenant("other").lastId, null);
  });

  test("keeps nothing of what no rule keeps", ({ store }) => {
    const tenant = store.tenant("t");
    assert.equal(tenant.keep(message(1), { retain: false, history: null }), "kept");
    assert.deepEqual([tenant.lastId, store.figures.bytes], [null, 0]);
  });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(to - from + 1, 0) }, (_, at) => from + at);
}
