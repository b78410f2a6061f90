import assert from "node:assert/strict";
import fc from "fast-check";
import { BytePace, MAX_HOLD_MS } from "../../src/limits/byte_pace.ts";
import { TokenBucket } from "../../src/limits/token_bucket.ts";

function setUp(...rates: readonly number[]) {
  const clock = { ms: 0, now: () => clock.ms };
  const pace = new BytePace(clock);
  pace.follow([null, ...rates.map((rate) => ({ bytes: new TokenBucket(rate, 0, 1) }))]);
  return { clock, pace };
}

Deno.test("Byte pace: without a bandwidth nothing waits", () => {
  const { pace } = setUp();
  pace.spend(1e9);
  assert.equal(pace.waitMs(), 0);
  assert.equal(pace.isActive, false);
  assert.ok(pace.pieceBytes > 1e9);
});

Deno.test("Byte pace: what went is waited for, at the pace of the slowest", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1000, max: 100_000 }), { minLength: 1, maxLength: 3 }),
      (rates) => {
        const { clock, pace } = setUp(...rates);
        const slowest = Math.min(...rates);
        let sent = 0;
        while (clock.ms < 10_000) {
          const waitMs = pace.waitMs();
          clock.ms += waitMs;
          assert.equal(pace.waitMs(), 0);
          pace.spend(pace.pieceBytes);
          sent += pace.pieceBytes;
        }
        const perSecond = sent / (clock.ms / 1000);
        assert.ok(Math.abs(perSecond - slowest) < slowest * 0.15 + 200, `${perSecond} of ${slowest}`);
      },
    ),
  );
});

Deno.test("Byte pace: it is held while something is owed, and goes on as soon as that is paid or remitted", () => {
  const { clock, pace } = setUp();
  let paidMs = 250;
  pace.hold((nowMs) => paidMs - nowMs);
  assert.equal(pace.waitMs(), 250);
  clock.ms = 249;
  assert.equal(pace.waitMs(), 1);
  clock.ms = 250;
  assert.equal(pace.waitMs(), 0);
  assert.equal(pace.isActive, false);
  paidMs = 5000;
  pace.hold((nowMs) => paidMs - nowMs);
  assert.equal(pace.waitMs(), 4750);
  paidMs = 0;
  assert.equal(pace.waitMs(), 0);
});

Deno.test("Byte pace: nobody is held for longer than so long at a time, whatever is owed", () => {
  const { clock, pace } = setUp();
  pace.hold(() => 1e9);
  clock.ms = MAX_HOLD_MS / 2;
  pace.hold(() => 1e9);
  assert.equal(pace.waitMs(), MAX_HOLD_MS / 2);
  clock.ms = MAX_HOLD_MS;
  assert.equal(pace.waitMs(), 0);
  pace.hold(() => 1e9);
  assert.equal(pace.waitMs(), MAX_HOLD_MS);
});

Deno.test("Byte pace: two who always have something to send share one bandwidth", () => {
  const rate = 10_000;
  const clock = { ms: 0, now: () => clock.ms };
  const shared = { bytes: new TokenBucket(rate, 0, 1) };
  let seed = 1;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const senders = [0, 1].map(() => ({ pace: new BytePace(clock, random), sent: 0, dueMs: 0 }));
  for (const { pace } of senders) pace.follow([shared]);
  while (clock.ms < 60_000) {
    const [next] = senders.toSorted((one, other) => one.dueMs - other.dueMs);
    assert.ok(next !== undefined);
    clock.ms = next.dueMs;
    const { pace } = next;
    if (pace.waitMs() === 0) {
      pace.spend(pace.pieceBytes);
      next.sent += pace.pieceBytes;
    }
    next.dueMs = clock.ms + pace.lookAgainMs(pace.waitMs());
  }
  const total = senders.reduce((sum, { sent }) => sum + sent, 0);
  assert.ok(Math.abs(total / 60 - rate) < rate * 0.05, `${total / 60} a second`);
  for (const { sent } of senders) assert.ok(sent > 0.4 * total, `${sent} of ${total}`);
});

Deno.test("Byte pace: asked again it says the same, until something went or the time is another", () => {
  const { clock, pace } = setUp(1000);
  assert.equal(pace.waitMs(), 0);
  assert.equal(pace.waitMs(), 0);
  pace.spend(2000);
  const waitMs = pace.waitMs();
  assert.ok(waitMs > 1000, `${waitMs}`);
  assert.equal(pace.waitMs(), waitMs);
  clock.ms = 500;
  assert.equal(pace.waitMs(), waitMs - 500);
  pace.follow([]);
  assert.equal(pace.waitMs(), 0);
  pace.follow([{ bytes: new TokenBucket(1000, clock.ms, 1) }]);
  assert.equal(pace.waitMs(), 0);
});
