import assert from "node:assert/strict";
import { type VisitorProgress, VisitorTimes } from "../../src/tunnel/visitor_times.ts";

const SETTINGS = {
  protocol: "http",
  headerTimeoutMs: 100,
  idleTimeoutMs: 200,
  responseTimeoutMs: 1000,
  sendTimeoutMs: 500,
  bodyBytesPerSecond: 16,
  exchangeIdleMs: 0,
  maxBodyBytes: 0,
  isTrusted: () => false,
} as const;
const NOTHING: VisitorProgress = { heldBytes: 0, taken: 0, exchanged: null };

function setUp(
  settings: Partial<typeof SETTINGS | { exchangeIdleMs: number; bodyBytesPerSecond: number }> = {},
) {
  const clock = { ms: 0, now: () => clock.ms };
  const times = new VisitorTimes({ ...SETTINGS, ...settings }, clock);
  const at = (ms: number, progress: Partial<VisitorProgress> = {}) => {
    clock.ms = ms;
    return times.overdue(ms, { ...NOTHING, ...progress });
  };
  return { times, at };
}

Deno.test("VisitorTimes: a head, the next request and a response are due after their times", () => {
  const { times, at } = setUp();
  assert.deepEqual([at(99), at(100)], [null, "due"]);
  times.rests();
  assert.deepEqual([at(299), at(300)], [null, "due"]);
  times.headBegan();
  assert.deepEqual([at(399), at(400)], [null, "due"]);
  times.waits();
  assert.deepEqual([at(1399), at(1400)], [null, "due"]);
  times.goesOn();
  assert.equal(at(1e9), null);
});

Deno.test("VisitorTimes: a body puts its time off by enough bytes, not by a byte now and then", () => {
  const { times, at } = setUp();
  times.waits();
  for (let ms = 100; ms <= 900; ms += 100) {
    at(ms);
    times.bodyCame(1);
  }
  assert.equal(at(1000), "due");
  times.bodyCame(7);
  assert.deepEqual([at(1999), at(2000)], [null, "due"]);
});

Deno.test("VisitorTimes: without a least rate a byte is enough", () => {
  const { times, at } = setUp({ bodyBytesPerSecond: 0 });
  times.waits();
  at(900);
  times.bodyCame(1);
  assert.deepEqual([at(1899), at(1900)], [null, "due"]);
});

Deno.test("VisitorTimes: who takes nothing of what waits is over, who takes something is not", () => {
  const { times, at } = setUp();
  times.goesOn();
  at(0, { heldBytes: 10, taken: 1 });
  assert.equal(at(499, { heldBytes: 10, taken: 1 }), null);
  assert.equal(at(500, { heldBytes: 10, taken: 2 }), null);
  assert.equal(at(999, { heldBytes: 10, taken: 2 }), null);
  assert.equal(at(1000, { heldBytes: 10, taken: 2 }), "send_timeout");
  assert.equal(at(2000), null, "nothing waits any more");
});

Deno.test("VisitorTimes: an exchange through which nothing flows is over where there is a limit", () => {
  for (const [exchangeIdleMs, wanted] of [[300, "exchange_idle"], [0, null]] as const) {
    const { times, at } = setUp({ exchangeIdleMs });
    times.goesOn();
    at(0, { exchanged: 5 });
    assert.equal(at(299, { exchanged: 5 }), null);
    assert.equal(at(300, { exchanged: 5 }), wanted);
    assert.equal(at(301, { exchanged: 6 }), null);
  }
});
