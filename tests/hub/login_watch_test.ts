import assert from "node:assert/strict";
import { ANONYMOUS } from "../../src/core/principal.ts";
import type { Login, Reevaluation } from "../../src/hub/login.ts";
import { type LoginEnd, type LoginHolder, LoginWatch, NOTICE_MS } from "../../src/hub/login_watch.ts";
import { FakeTime } from "../helpers/fake_time.ts";

const START_MS = Date.UTC(2026, 0, 1);
const TIMEOUT_MS = 10_000;

class Holder implements LoginHolder {
  readonly seen: string[] = [];

  close(code: number, reason: string): void {
    this.seen.push(`${code} ${reason}`);
  }

  /** What happens while it is told something. */
  onTold: () => void = () => {};

  renew({ principal }: Login): void {
    this.seen.push(`renewed for ${principal.account}`);
    this.onTold();
  }

  loginExpires(atMs: number): void {
    this.seen.push(`expires in ${atMs - START_MS}`);
    this.onTold();
  }
}

function loginUntil(ms: number | null): Login {
  const login: Login = {
    principal: { ...ANONYMOUS, expiresAtMs: ms === null ? null : START_MS + ms },
    reevaluate: () => ({ kind: "holds", login }),
  };
  return login;
}

const ENDED: Reevaluation = { kind: "ended", reason: "unknown" };

function setUp(time: FakeTime, later?: (run: () => void) => void) {
  const clock = { now: () => time.now() };
  const wallClock = { now: () => START_MS + time.now() };
  const ends: LoginEnd[] = [];
  const onEnded = (_: Holder, why: LoginEnd) => ends.push(why);
  const watch = new LoginWatch({
    clock,
    wallClock,
    timeoutMs: TIMEOUT_MS,
    onEnded,
    ...(later === undefined ? {} : { later }),
  });
  return { holder: new Holder(), watch, ends };
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
  const { holder, watch, ends } = setUp(time);
  const endMs = 100_000;
  watch.loggedIn(holder, loginUntil(endMs));
  time.tick(endMs - NOTICE_MS - 1);
  assert.deepEqual(holder.seen, []);
  time.tick(2000);
  assert.deepEqual(holder.seen, [`expires in ${endMs}`]);
  time.tick(NOTICE_MS);
  assert.deepEqual(holder.seen, [`expires in ${endMs}`, "4401 The login has run out"]);
  assert.deepEqual(ends, [{ kind: "expired" }]);
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

Deno.test("Login watch: under new rules some stay, some go on otherwise, some are ended", async () => {
  using time = new FakeTime();
  const { watch, ends } = setUp(time);
  const changed = { principal: { ...ANONYMOUS, account: "new" }, reevaluate: () => ENDED };
  const rules = new Map<string, Reevaluation>();
  const holders = ["a", "b", "c"].map((subject) => {
    const holder = new Holder();
    const login: Login = {
      principal: { ...ANONYMOUS, subject },
      reevaluate: () => rules.get(subject) ?? { kind: "holds", login },
    };
    watch.loggedIn(holder, login);
    return holder;
  });
  assert.equal(await watch.reevaluateAll(), 0);
  rules.set("b", ENDED).set("c", { kind: "holds", login: changed });
  assert.equal(await watch.reevaluateAll(), 1);
  assert.deepEqual(holders.map(({ seen }) => seen), [
    [],
    ["4401 The login was revoked"],
    ["renewed for new"],
  ]);
  assert.deepEqual(ends, [{ kind: "revoked", reason: "unknown" }]);
  for (const holder of holders) watch.left(holder);
  assert.equal(await watch.reevaluateAll(), 0);
});

Deno.test("Login watch: other rules take some of each turn, and who left or logged in anew meanwhile is left alone", async () => {
  using time = new FakeTime();
  const turns: (() => void)[] = [];
  const { watch, ends } = setUp(time, (run) => turns.push(run));
  const holders = Array.from({ length: 10 }, () => new Holder());
  const changing: Login = {
    principal: ANONYMOUS,
    reevaluate: () => ({
      kind: "holds",
      login: { ...changing, principal: { ...ANONYMOUS, account: "new" } },
    }),
  };
  for (const holder of holders) {
    holder.onTold = () => time.tick(2);
    watch.loggedIn(holder, changing);
  }
  const [last, beforeLast] = holders.toReversed();
  const run = watch.reevaluateAll();
  const renewed = () => holders.filter(({ seen }) => seen.length > 0).length;
  for (const expected of [2, 4, 6, 8]) {
    assert.equal(renewed(), expected);
    if (expected === 8 && last !== undefined && beforeLast !== undefined) {
      watch.left(last);
      watch.loggedIn(beforeLast, loginUntil(null));
    }
    turns.shift()?.();
    await Promise.resolve();
  }
  assert.equal(await run, 0);
  assert.equal(renewed(), 8);
  assert.deepEqual([turns, ends], [[], []]);
});

Deno.test("Login watch: nothing is left of who is ended by being told", () => {
  using time = new FakeTime();
  const { holder, watch, ends } = setUp(time);
  holder.onTold = () => watch.left(holder);
  for (const endMs of [5000, 100_000]) {
    watch.loggedIn(holder, loginUntil(time.now() + endMs));
    time.tick(2 * endMs);
  }
  assert.equal(holder.seen.length, 2);
  assert.deepEqual(ends, []);
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
