import assert from "node:assert/strict";
import fc from "fast-check";
import { RouteCache } from "../../src/broker/route_cache.ts";

Deno.test("Route cache: gives what it was given", () => {
  const cache = new RouteCache<number>({ maxEntries: 10, maxWeight: 100 });
  cache.set("a", 1, 5);
  assert.equal(cache.get("a"), 1);
  assert.equal(cache.get("b"), undefined);
  cache.delete("a");
  cache.delete("b");
  assert.equal(cache.get("a"), undefined);
  assert.equal(cache.size, 0);
});

Deno.test("Route cache: holds at most two generations of entries, the newest of them", () => {
  const cache = new RouteCache<number>({ maxEntries: 100, maxWeight: 1e9 });
  for (let i = 0; i < 10_000; i++) {
    cache.set(`t${i}`, i, 1);
    assert.ok(cache.size <= 200, `${cache.size} entries`);
  }
  for (let i = 9_900; i < 10_000; i++) assert.equal(cache.get(`t${i}`), i);
  assert.equal(cache.get("t9700"), undefined);
});

Deno.test("Route cache: holds at most two generations of weight, and one value of any", () => {
  const cache = new RouteCache<number>({ maxEntries: 1e9, maxWeight: 100 });
  for (let i = 0; i < 1000; i++) {
    cache.set(`t${i}`, i, 10);
    assert.ok(cache.size <= 20, `${cache.size} entries`);
  }
  cache.set("heavy", -1, 1000);
  assert.equal(cache.get("heavy"), -1);
  cache.set("next", -2, 1);
  assert.deepEqual([cache.get("heavy"), cache.get("next")], [-1, -2]);
  assert.ok(cache.size <= 2);
});

Deno.test("Route cache: what is asked for stays, whatever else comes", () => {
  const cache = new RouteCache<string>({ maxEntries: 10, maxWeight: 1e9 });
  cache.set("hot", "kept", 1);
  for (let i = 0; i < 1000; i++) {
    cache.set(`t${i}`, "cold", 1);
    assert.equal(cache.get("hot"), "kept");
  }
});

Deno.test("Route cache: clearing empties both generations", () => {
  const cache = new RouteCache<number>({ maxEntries: 2, maxWeight: 1e9 });
  for (let i = 0; i < 4; i++) cache.set(`t${i}`, i, 1);
  assert.equal(cache.size, 4);
  cache.clear();
  assert.equal(cache.size, 0);
  for (let i = 0; i < 4; i++) assert.equal(cache.get(`t${i}`), undefined);
  for (let i = 0; i < 2; i++) cache.set(`t${i}`, i, 1);
  assert.equal(cache.get("t0"), 0, "and begins anew");
});

Deno.test("Route cache: never gives a value that was deleted or that is not the topic's", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("use", "use", "use", "delete", "clear"), fc.nat(12)), {
    maxLength: 200,
    size: "max",
  });
  fc.assert(fc.property(steps, fc.integer({ min: 1, max: 6 }), (steps, maxEntries) => {
    const cache = new RouteCache<number>({ maxEntries, maxWeight: 20 });
    const valid = new Map<string, number>();
    for (const [at, [step, topic]] of steps.entries()) {
      const key = `t${topic}`;
      if (step === "clear") {
        cache.clear();
        valid.clear();
      } else if (step === "delete") {
        cache.delete(key);
        valid.delete(key);
      } else {
        const known = cache.get(key);
        if (known === undefined) {
          cache.set(key, at, topic);
          valid.set(key, at);
        } else assert.equal(known, valid.get(key));
      }
      assert.ok(cache.size <= 2 * maxEntries);
    }
  }));
});
