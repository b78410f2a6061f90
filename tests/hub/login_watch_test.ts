import assert from "node:assert/strict";
import { ANONYMOUS } from "../../src/core/principal.ts";
import type { Login } from "../../src/hub/login.ts";
import { type LoginHolder, LoginWatch, NOTICE_MS } from "../../src/hub/login_watch.ts";
import { FakeTime } from "../helpers/fake_time.ts";

const START_MS = Date.UTC(2026, 0, 1);
const TIMEOUT_MS = 10_000;

class Holder implements LoginHolder {
  readonly seen: string[] = [];

  close(code: number, reason: string): void {
    this.seen.push(`${code} ${reason}`);
  }

  loginExpires(atMs: number): void {
    this.seen.push(`expires in ${atMs - START_MS}`);
  }
}

function loginUntil(ms: number | null): Login {
  return {
    principal: { ...ANONYMOUS, expiresAtMs: ms === null ? null : START_MS + ms },
    isValid: () => true,
  };
}

function setUp(time: FakeTime) {
  const clock = { now: () => time.now() };
  const wallClock = { now: () => START_MS + time.now() };
  return { holder: new Holder(), watch: new LoginWatch({ clock, wallClock, timeoutMs: TIMEOUT_MS }) };
}

Deno.test("Login watch: who does not log in in time is ended", () => {
  using time = new FakeTime();
  const { holder, watch } = setUp(time);
  watch.waits(holder);
  time.tick(TIMEOUT_MS - 1);
  assert.deepEqual(holder.seen, []);
  time.tick(100);
  assert.deepEqual(holder.seen, ["4401 Not logged in in time"]);
});

Deno.test("Login watch: who logs in in time stays, and a login without an end is never ended", () => {
  using time = new FakeTime();
  const { holder, watch } = setUp(time);
  watch.waits(holder);
  watch.loggedIn(holder, loginUntil(null));
  time.tick(10 * TIMEOUT_MS);
  assert.deepEqual(holder.seen, []);
  watch.left(holder);
});

Deno.test("Login watch: a login that runs out is told before and ended then", () => {
  using time = new FakeTime();
  const { holder, watch } = setUp(time);
  const endMs = 100_000;
  watch.loggedIn(holder, loginUntil(endMs));
  time.tick(endMs - NOTICE_MS - 1);
  assert.deepEqual(holder.seen, []);
  time.tick(2000);
  assert.deepEqual(holder.seen, [`expires in ${endMs}`]);
  time.tick(NOTICE_MS);
  assert.deepEqual(holder.seen, [`expires in ${endMs}`, "4401 The login has run out"]);
});

Deno.test("Login watch: a login that is about to run out is told of at once", () => {
  using time = new FakeTime();
  const { holder, watch } = setUp(time);
  watch.loggedIn(holder, loginUntil(5000));
  assert.deepEqual(holder.seen, ["expires in 5000"]);
  time.tick(7000);
  assert.deepEqual(holder.seen.slice(1), ["4401 The login has run out"]);
});

Deno.test("Login watch: a renewed login counts, the one before does not", () => {
  using time = new FakeTime();
  const { holder, watch } = setUp(time);
  watch.loggedIn(holder, loginUntil(60_000));
  time.tick(31_500);
  watch.loggedIn(holder, loginUntil(200_000));
  time.tick(100_000);
  assert.deepEqual(holder.seen, ["expires in 60000"]);
  watch.left(holder);
});

Deno.test("Login watch: those whose login was revoked are ended, the others stay", () => {
  using time = new FakeTime();
  const { watch } = setUp(time);
  const revoked = new Set<string>();
  const holders = ["a", "b"].map((subject) => {
    const holder = new Holder();
    const principal = { ...ANONYMOUS, subject };
    watch.loggedIn(holder, { principal, isValid: () => !revoked.has(subject) });
    return holder;
  });
  assert.equal(watch.checkAll(), 0);
  revoked.add("b");
  assert.equal(watch.checkAll(), 1);
  assert.deepEqual(holders.map(({ seen }) => seen), [[], ["4401 The login was revoked"]]);
  for (const holder of holders) watch.left(holder);
  assert.equal(watch.checkAll(), 0);
});

Deno.test("Login watch: who left is not ended", () => {
  using time = new FakeTime();
  const { holder, watch } = setUp(time);
  watch.waits(holder);
  watch.left(holder);
  watch.loggedIn(holder, loginUntil(1000));
  watch.left(holder);
  time.tick(100_000);
  assert.deepEqual(holder.seen, ["expires in 1000"]);
});
