import assert from "node:assert/strict";
import fc from "fast-check";
import { Backoff, type BackoffCause, MAX_ASKED_MS } from "../../src/limits/backoff.ts";

const causes = fc.constantFrom<BackoffCause>("transient", "refused");
/** What `Math.random` gives. */
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const attempts = fc.array(fc.tuple(causes, randoms), { minLength: 1, maxLength: 60 });

/** A backoff whose next random number a test sets. */
function backoff(): { backoff: Backoff; draw: (random: number) => void } {
  let next = 0;
  return { backoff: new Backoff({ random: () => next }), draw: (random) => next = random };
}

Deno.test("Backoff: delays lie between nothing and a ceiling that doubles from 500 ms to 30 s", () => {
  fc.assert(fc.property(fc.array(randoms, { minLength: 1, maxLength: 40 }), (drawn) => {
    const { backoff: row, draw } = backoff();
    for (const [attempt, random] of drawn.entries()) {
      draw(random);
      const ceiling = Math.min(30_000, 500 * 2 ** attempt);
      const delay = row.next("transient");
      assert.ok(Number.isInteger(delay) && delay >= 0 && delay <= ceiling, `${delay} of ${ceiling}`);
      assert.equal(delay, Math.ceil(random * ceiling), "the whole range is used evenly");
    }
  }));
});

Deno.test("Backoff: after a refusal never shorter than a minute, and at most eleven", () => {
  fc.assert(fc.property(attempts, (attempts) => {
    const { backoff: row, draw } = backoff();
    for (const [cause, random] of attempts) {
      draw(random);
      const delay = row.next(cause);
      if (cause === "refused") assert.ok(delay >= 60_000 && delay <= 660_000, String(delay));
      else assert.ok(delay <= 30_000, String(delay));
    }
  }));
});

Deno.test("Backoff: faults and refusals do not lengthen each other's delays", () => {
  const row = new Backoff({ random: () => 0.5 });
  for (let attempt = 0; attempt < 10; attempt++) row.next("refused");
  assert.equal(row.next("transient"), 250);
  assert.equal(row.next("transient"), 500);
});

Deno.test("Backoff: what the peer asks for is the least delay, with the jitter on top, up to an hour", () => {
  const asked = fc.oneof(fc.integer({ min: 1, max: 2 ** 53 - 1 }), fc.constant(Infinity));
  fc.assert(fc.property(attempts, asked, (attempts, askedMs) => {
    const { backoff: row, draw } = backoff();
    for (const [cause, random] of attempts) {
      draw(random);
      const delay = row.next(cause, askedMs);
      assert.ok(delay >= Math.min(askedMs, MAX_ASKED_MS));
      assert.ok(delay <= MAX_ASKED_MS + 600_000, "a timer of the runtime can hold it");
    }
  }));
});

Deno.test("Backoff: a wish that is no delay is none", () => {
  for (const asked of [NaN, -1, -Infinity, 0]) {
    assert.equal(new Backoff({ random: () => 0.5 }).next("transient", asked), 250);
  }
});

Deno.test("Backoff: delays begin anew after a connection that lived long enough, and only then", () => {
  fc.assert(fc.property(attempts, fc.nat(200_000), (attempts, livedMs) => {
    const row = new Backoff({ random: () => 0.5 });
    for (const [cause] of attempts) row.next(cause);
    const isGood = row.lived(livedMs);
    assert.equal(isGood, livedMs >= 60_000);
    const again = new Backoff({ random: () => 0.5 });
    if (!isGood) { for (const [cause] of attempts) again.next(cause); }
    assert.equal(row.next("transient"), again.next("transient"));
    assert.equal(row.next("refused"), again.next("refused"));
  }));
});

Deno.test("Backoff: a fresh one has the same bounds and begins anew", () => {
  const used = new Backoff({
    random: () => 0.5,
    transient: { initialMs: 100, maxMs: 400 },
    refused: { initialMs: 1000, maxMs: 1000 },
    goodAfterMs: 10,
  });
  for (let attempt = 0; attempt < 5; attempt++) used.next("transient");
  const fresh = used.fresh();
  assert.deepEqual([1, 2, 3, 4].map(() => fresh.next("transient")), [50, 100, 200, 200]);
  assert.equal(fresh.next("refused"), 1500);
  assert.deepEqual([fresh.lived(9), fresh.lived(10)], [false, true]);
  assert.equal(used.next("transient"), 200);
});
