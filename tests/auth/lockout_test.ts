import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { FailureTable } from "../../src/auth/failure_table.ts";
import { Lockout } from "../../src/auth/lockout.ts";

const LIMITS = { threshold: 3, durationMs: 60_000 };

function guess(lockout: Lockout, address: string, credential: string, nowMs = 0): boolean {
  return lockout.fail({ address, credential }, { isGuess: true, nowMs });
}

Deno.test("Lockout: different guesses lock an address, for the time that was set", () => {
  const lockout = new Lockout(LIMITS);
  equal(guess(lockout, "192.0.2.1", "a"), false);
  equal(guess(lockout, "192.0.2.1", "b"), false);
  equal(lockout.lockedForMs({ address: "192.0.2.1", credential: "good" }, 0), 0);
  equal(guess(lockout, "192.0.2.1", "c"), true);
  equal(lockout.lockedForMs({ address: "192.0.2.1", credential: "good" }, 0), 60_000);
  equal(lockout.lockedForMs({ address: "::ffff:192.0.2.1", credential: "good" }, 59_999), 1);
  equal(lockout.lockedForMs({ address: "192.0.2.1", credential: "good" }, 60_000), 0);
});

Deno.test("Lockout: nobody locks out anything that is shown from another address", () => {
  const lockout = new Lockout(LIMITS);
  for (let n = 0; n < 1000; n++) {
    guess(lockout, "192.0.2.1", "victim");
    guess(lockout, "192.0.2.1", `guess ${n}`);
  }
  equal(lockout.lockedForMs({ address: "192.0.2.2", credential: "victim" }, 0), 0);
});

Deno.test("Lockout: one thing shown for ever locks out itself, not the address that others share", () => {
  const lockout = new Lockout(LIMITS);
  for (let n = 0; n < 100; n++) guess(lockout, "192.0.2.1", "old", n * 20_000);
  ok(lockout.lockedForMs({ address: "192.0.2.1", credential: "old" }, 1_980_000) > 0);
  equal(lockout.lockedForMs({ address: "192.0.2.1", credential: "good" }, 1_980_000), 0);
});

Deno.test("Lockout: failures that are no guesses never count for the address", () => {
  const lockout = new Lockout(LIMITS);
  for (let n = 0; n < 100; n++) {
    lockout.fail({ address: "192.0.2.1", credential: `expired ${n}` }, { isGuess: false, nowMs: 0 });
  }
  equal(lockout.lockedForMs({ address: "192.0.2.1", credential: "good" }, 0), 0);
});

Deno.test("Lockout: keys that are not known yet count once each, and the first few not at all", () => {
  const lockout = new Lockout(LIMITS);
  const address = "192.0.2.1";
  const show = (key: string, nowMs = 0) => lockout.failKey({ address, credential: key }, nowMs);
  for (let peer = 0; peer < 1000; peer++) equal(show("changed a moment ago"), false);
  for (const key of ["two", "three", "four", "five", "five"]) equal(show(key), false);
  equal(lockout.lockedForMs({ address, credential: "good" }, 0), 0);
  equal(show("six"), true);
  equal(lockout.lockedForMs({ address, credential: "good" }, 0), 60_000);
  equal(lockout.lockedForMs({ address: "192.0.2.2", credential: "six" }, 0), 0);
});

Deno.test("Lockout: one key shown for hours by all behind an address never locks them out", () => {
  const lockout = new Lockout({ threshold: 1, durationMs: 60_000 });
  const address = "192.0.2.1";
  for (let nowMs = 0; nowMs < 7_200_000; nowMs += 7000) {
    lockout.failKey({ address, credential: "changed" }, nowMs);
    equal(lockout.lockedForMs({ address, credential: "good" }, nowMs), 0);
  }
});

Deno.test("Lockout: the addresses of one IPv6 network are one", () => {
  const lockout = new Lockout(LIMITS);
  for (let n = 0; n < 3; n++) guess(lockout, `2001:db8:1:2::${n}`, `guess ${n}`);
  ok(lockout.lockedForMs({ address: "2001:db8:1:2:ffff::1", credential: "x" }, 0) > 0);
  equal(lockout.lockedForMs({ address: "2001:db8:1:3::1", credential: "x" }, 0), 0);
});

Deno.test("Lockout: guesses that come slowly enough are forgotten", () => {
  const lockout = new Lockout(LIMITS);
  for (let n = 0; n < 50; n++) equal(guess(lockout, "192.0.2.1", `guess ${n}`, n * 60_000), false);
});

Deno.test("Lockout: millions of addresses take no more memory and push out no lock", () => {
  const lockout = new Lockout(LIMITS, 100);
  for (let n = 0; n < 3; n++) guess(lockout, "192.0.2.1", `guess ${n}`);
  for (let n = 0; n < 20_000; n++) {
    guess(lockout, `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, `guess ${n}`);
    lockout.failKey({ address: `10.9.${n >> 8}.${n & 255}`, credential: `key ${n}` }, 0);
    ok(lockout.size <= 600);
  }
  ok(lockout.lockedForMs({ address: "192.0.2.1", credential: "x" }, 0) > 0);
});

Deno.test("Lockout: pushing out a lock costs as many locks as there is room for", () => {
  const table = new FailureTable(10);
  const lock = (key: string) => {
    for (let n = 0; n < LIMITS.threshold; n++) table.fail(key, LIMITS, 0);
  };
  lock("first");
  for (let n = 0; n < 9; n++) lock(`other ${n}`);
  ok(table.lockedForMs("first", 0) > 0);
  lock("one more");
  equal(table.lockedForMs("first", 0), 0);
  ok(table.lockedForMs("one more", 0) > 0);
});

Deno.test("Lockout: new limits hold from then on, and a lock stays as long as it was", () => {
  const lockout = new Lockout(LIMITS);
  for (let n = 0; n < 3; n++) guess(lockout, "192.0.2.1", `guess ${n}`);
  lockout.setLimits({ threshold: 1, durationMs: 1000 });
  equal(lockout.lockedForMs({ address: "192.0.2.1", credential: "x" }, 50_000), 10_000);
  equal(guess(lockout, "192.0.2.2", "a"), true);
  equal(lockout.lockedForMs({ address: "192.0.2.2", credential: "x" }, 0), 1000);
});

Deno.test("Failure table: locks a key exactly when a model without a bound does", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(50)), { maxLength: 100 });
  fc.assert(fc.property(steps, fc.integer({ min: 1, max: 4 }), (steps, threshold) => {
    const limits = { threshold, durationMs: 60 };
    const table = new FailureTable(100);
    const model = new Map<string, { count: number; lastMs: number; untilMs: number }>();
    let nowMs = 0;
    for (const [key, pauseMs] of steps) {
      nowMs += pauseMs;
      const entry = model.get(key) ?? { count: 0, lastMs: -Infinity, untilMs: 0 };
      model.set(key, entry);
      equal(table.lockedForMs(key, nowMs), Math.max(0, entry.untilMs - nowMs));
      table.fail(key, limits, nowMs);
      if (nowMs < entry.untilMs) continue;
      entry.count = nowMs - entry.lastMs < limits.durationMs ? entry.count + 1 : 1;
      entry.lastMs = nowMs;
      if (entry.count < threshold) continue;
      Object.assign(entry, { count: 0, lastMs: -Infinity, untilMs: nowMs + limits.durationMs });
    }
  }));
});
