import assert from "node:assert/strict";
import fc from "fast-check";
import { Deadlines, Expiring, SLOT_MS } from "../../src/limits/deadlines.ts";
import { FakeTime } from "../helpers/fake_time.ts";

/** What a callback does besides. */
type Then =
  | { readonly do: "nothing" }
  | { readonly do: "add"; readonly inMs: number }
  | { readonly do: "delete"; readonly which: number };

/** Something that is given up, and what became of it. */
class Item extends Expiring<Item> {
  readonly addedMs: number;
  readonly then: Then;
  isWatched = true;
  told = 0;

  constructor(deadlineMs: number, addedMs: number, then: Then) {
    super(deadlineMs);
    this.addedMs = addedMs;
    this.then = then;
  }
}

/** Something of which nothing but the time matters. */
class Plain extends Expiring<Plain> {}

/** Deadlines whose every word is checked. */
class Checked {
  readonly items: Item[] = [];
  readonly deadlines: Deadlines<Item>;
  /** When the process stood still the last time. */
  jumpedMs = -Infinity;
  readonly #time: FakeTime;

  constructor(time: FakeTime) {
    this.#time = time;
    this.deadlines = new Deadlines(time, (item) => this.#told(item));
  }

  get watched(): Item[] {
    return this.items.filter(({ isWatched }) => isWatched);
  }

  add(inMs: number, then: Then = { do: "nothing" }): Item {
    const addedMs = this.#time.now();
    const item = new Item(addedMs + inMs, addedMs, then);
    this.items.push(item);
    this.deadlines.add(item);
    return item;
  }

  delete(item: Item | undefined): void {
    if (item === undefined) return;
    assert.equal(this.deadlines.delete(item), item.isWatched);
    item.isWatched = false;
  }

  /** What is watched, and that nobody was forgotten. */
  check(): void {
    const nowMs = this.#time.now();
    assert.equal(this.deadlines.size, this.watched.length);
    assert.equal(this.#time.timers, this.watched.length === 0 ? 0 : 1);
    for (const item of this.watched) assert.ok(nowMs <= this.#latestMs(item), "forgotten");
  }

  #told(item: Item): void {
    const nowMs = this.#time.now();
    assert.ok(item.isWatched, "told twice, or after it was deleted");
    assert.ok(nowMs >= item.deadlineMs, `told ${item.deadlineMs - nowMs} ms early`);
    assert.ok(nowMs <= this.#latestMs(item), `told ${nowMs - item.deadlineMs} ms late`);
    item.isWatched = false;
    item.told++;
    if (item.then.do === "add") this.add(item.then.inMs);
    if (item.then.do === "delete") this.delete(this.items[item.then.which % this.items.length]);
  }

  #latestMs({ addedMs, deadlineMs }: Item): number {
    return Math.max(addedMs, deadlineMs, this.jumpedMs) + SLOT_MS;
  }
}

const delays = fc.oneof(
  fc.integer({ min: -50, max: 60 }),
  fc.integer({ min: 0, max: 2000 }),
  fc.double({ min: 0, max: 100, noNaN: true }),
  fc.constantFrom(3_600_000, 86_400_000),
);
const thens: fc.Arbitrary<Then> = fc.oneof(
  fc.constant({ do: "nothing" as const }),
  fc.record({ do: fc.constant("add" as const), inMs: delays }),
  fc.record({ do: fc.constant("delete" as const), which: fc.nat(100) }),
);
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("add" as const), inMs: delays, then: thens }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), which: fc.nat(100) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("tick" as const), ms: fc.nat(60) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("jump" as const),
        ms: fc.oneof(fc.nat(100), fc.nat(5000), fc.constant(7_200_000)),
      }),
    },
  ),
  { maxLength: 80, size: "max" },
);

Deno.test("Deadlines: each is told once, never early, at most a slot late, and never after it was deleted", () => {
  fc.assert(
    fc.property(steps, (steps) => {
      using time = new FakeTime();
      const checked = new Checked(time);
      for (const step of steps) {
        if (step.do === "add") checked.add(step.inMs, step.then);
        else if (step.do === "delete") checked.delete(checked.items[step.which % checked.items.length]);
        else if (step.do === "tick") time.tick(step.ms);
        else {
          checked.jumpedMs = time.now() + step.ms;
          time.jump(step.ms);
        }
        checked.check();
      }
      for (let hour = 0; hour < 60; hour++) {
        checked.jumpedMs = time.now() + 3_600_000;
        time.jump(3_600_000);
        time.tick(2 * SLOT_MS);
      }
      assert.deepEqual([checked.watched.length, checked.deadlines.size, time.timers], [0, 0, 0]);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Deadlines: many thousands have one timer, which rests when the last is gone", () => {
  using time = new FakeTime();
  const checked = new Checked(time);
  const items = Array.from({ length: 50_000 }, (_, i) => checked.add((i * 7919) % 30_000));
  assert.equal(time.timers, 1);
  for (let i = 0; i < items.length; i += 2) checked.delete(items[i]);
  time.tick(30_000 + SLOT_MS);
  for (const [i, { told }] of items.entries()) assert.equal(told, i % 2);
  assert.deepEqual([checked.deadlines.size, time.timers], [0, 0]);
});

Deno.test("Deadlines: the real timer is gone with the last one that is deleted", () => {
  const deadlines = new Deadlines<Plain>({ now: () => 0 }, () => assert.fail("told"));
  const items = Array.from({ length: 100 }, (_, i) => new Plain(i));
  for (const item of items) deadlines.add(item);
  for (const item of items) assert.equal(deadlines.delete(item), true);
  for (const item of items) assert.equal(deadlines.delete(item), false);
});

Deno.test("Deadlines: of those that end together, one that another's end takes away is not told", () => {
  using time = new FakeTime();
  const checked = new Checked(time);
  checked.add(5, { do: "delete", which: 1 });
  const other = checked.add(5);
  time.tick(100);
  assert.deepEqual([other.told, checked.deadlines.size, time.timers], [0, 0, 0]);
});

for (const inMs of [-1000, -1, 0, 1, SLOT_MS, 1000]) {
  Deno.test(`Deadlines: one that is added in ${inMs} ms when the last was told is told too`, () => {
    using time = new FakeTime();
    const checked = new Checked(time);
    time.tick(12_345);
    checked.add(100, { do: "add", inMs });
    time.tick(100 + 2 * SLOT_MS + Math.max(0, inMs));
    assert.deepEqual(checked.items.map(({ told }) => told), [1, 1]);
    assert.equal(time.timers, 0);
  });
}

Deno.test("Deadlines: one that adds another that is due already does not hold up everything else", () => {
  using time = new FakeTime();
  let told = 0;
  const deadlines: Deadlines<Plain> = new Deadlines(time, () => {
    told++;
    deadlines.add(new Plain(-1));
  });
  deadlines.add(new Plain(0));
  time.tick(10 * SLOT_MS);
  assert.equal(told, 10);
});

Deno.test("Deadlines: one whose time was over when it came can be deleted", () => {
  using time = new FakeTime();
  const checked = new Checked(time);
  time.tick(1000);
  const item = checked.add(-500);
  checked.delete(item);
  time.tick(1000);
  assert.deepEqual([item.told, time.timers], [0, 0]);
});

Deno.test("Deadlines: one that is added twice is told once", () => {
  using time = new FakeTime();
  const checked = new Checked(time);
  const item = checked.add(20);
  checked.deadlines.add(item);
  assert.equal(checked.deadlines.size, 1);
  time.tick(100);
  assert.equal(item.told, 1);
});

Deno.test("Deadlines: after a sleep of days those that are over are told at once, in their order", () => {
  using time = new FakeTime();
  const told: number[] = [];
  const deadlines = new Deadlines<Plain>(time, ({ deadlineMs }) => told.push(deadlineMs));
  const days = [3, 1, 9, 2].map((day) => day * 86_400_000);
  for (const deadlineMs of days) deadlines.add(new Plain(deadlineMs));
  time.jump(5 * 86_400_000);
  assert.deepEqual(told, [1, 2, 3].map((day) => day * 86_400_000));
  assert.deepEqual([deadlines.size, time.timers], [1, 1]);
  time.jump(5 * 86_400_000);
  assert.deepEqual([deadlines.size, time.timers], [0, 0]);
});
