import assert from "node:assert/strict";
import fc from "fast-check";
import { KeyedBuckets, TokenBucket } from "../../src/limits/token_bucket.ts";

const rates = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1_000_000_000 }));
/** Times between two attempts, in milliseconds. */
const pauses = fc.array(
  fc.oneof(fc.constant(0), fc.nat(2000), fc.double({ min: 0, max: 50, noNaN: true })),
  { minLength: 1, maxLength: 300, size: "max" },
);

Deno.test("Token bucket: in no stretch of time more is taken than the burst and what the rate adds", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 200 }), pauses, (rate, pauses) => {
    const bucket = new TokenBucket(rate, 0);
    const taken: number[] = [];
    let now = 0;
    for (const pause of pauses) {
      now += pause;
      if (bucket.take(now) === 0) taken.push(now);
    }
    for (const [first, from] of taken.entries()) {
      for (let last = first; last < taken.length; last++) {
        const seconds = ((taken[last] ?? 0) - from) / 1000;
        const allowed = rate + rate * seconds + 1e-6;
        assert.ok(last - first + 1 <= allowed, `${last - first + 1} in ${seconds} s at ${rate} a second`);
      }
    }
  }));
});

Deno.test("Token bucket: who waits as long as it says gets a token", () => {
  fc.assert(fc.property(rates, pauses, (rate, pauses) => {
    const bucket = new TokenBucket(rate, 0);
    let now = 0;
    for (const pause of pauses) {
      now += pause;
      const waitMs = bucket.take(now);
      if (waitMs === 0) continue;
      assert.ok(Number.isInteger(waitMs) && waitMs > 0);
      now += waitMs;
      assert.equal(bucket.take(now), 0, `after ${waitMs} ms at ${rate} a second`);
    }
  }));
});

Deno.test("Token bucket: holds one second's worth and fills with time", () => {
  const bucket = new TokenBucket(10, 1000);
  for (let i = 0; i < 10; i++) assert.equal(bucket.take(1000), 0);
  assert.equal(bucket.take(1000), 100);
  assert.deepEqual([bucket.isEmpty(1000), bucket.isEmpty(1050)], [true, true]);
  assert.equal(bucket.take(1050), 50);
  assert.equal(bucket.isEmpty(1100), false);
  assert.equal(bucket.take(1100), 0);
  assert.equal(bucket.isFull(1500), false);
  assert.equal(bucket.isFull(5000), true);
  for (let i = 0; i < 10; i++) assert.equal(bucket.take(5000), 0);
  assert.notEqual(bucket.take(5000), 0, "silence saves up no more than a second");
});

Deno.test("Token bucket: time that stands still or goes back gives nothing", () => {
  const bucket = new TokenBucket(1, 1000);
  assert.equal(bucket.take(1000), 0);
  assert.equal(bucket.take(0), 1000);
  assert.equal(bucket.take(1000), 1000);
  assert.equal(bucket.take(2000), 0);
});

Deno.test("Keyed buckets: keys do not take from each other", () => {
  const buckets = new KeyedBuckets(10);
  const now = { ratePerSecond: 2, nowMs: 0 };
  assert.deepEqual([1, 2, 3].map(() => buckets.take("a", now) === 0), [true, true, false]);
  assert.equal(buckets.take("b", now), 0);
  assert.equal(buckets.size, 2);
});

Deno.test("Keyed buckets: an attack of random keys stays within the bound", () => {
  const buckets = new KeyedBuckets(1000);
  for (let i = 0; i < 100_000; i++) {
    buckets.take(`key ${i} ${Math.random()}`, { ratePerSecond: 1, nowMs: i / 100 });
    assert.ok(buckets.size <= 1000, `${buckets.size} keys`);
  }
});

Deno.test("Keyed buckets: those that nobody used lately make room first", () => {
  const buckets = new KeyedBuckets(1000);
  for (let i = 0; i < 500; i++) buckets.take(`idle ${i}`, { ratePerSecond: 1, nowMs: 0 });
  for (let i = 0; i < 500; i++) buckets.take(`busy ${i}`, { ratePerSecond: 1, nowMs: 5000 });
  buckets.take("one more", { ratePerSecond: 1, nowMs: 5000 });
  assert.equal(buckets.size, 501);
  for (let i = 0; i < 500; i++) {
    assert.notEqual(buckets.take(`busy ${i}`, { ratePerSecond: 1, nowMs: 5000 }), 0);
  }
});
