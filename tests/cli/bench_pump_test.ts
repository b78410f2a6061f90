import assert from "node:assert/strict";
import { Pace } from "../../src/cli/bench_pace.ts";
import { LoadPump, type Sender } from "../../src/cli/bench_pump.ts";
import { until } from "../helpers/event_loop.ts";
import { FakeTime } from "../helpers/fake_time.ts";

/** Keeps the times of what it sends. */
class MemorySender implements Sender {
  readonly sentMs: number[] = [];
  room: number;

  constructor(room: number) {
    this.room = room;
  }

  send(count: number, pace: Pace): void {
    this.room -= count;
    for (let i = 0; i < count; i++) this.sentMs.push(pace.take(-1));
  }
}

Deno.test("LoadPump: at a rate, each message goes at its time", async () => {
  using time = new FakeTime();
  const sender = new MemorySender(1000);
  const pace = new Pace({ ratePerSecond: 100, startMs: 0 });
  const pump = new LoadPump({ senders: [sender], pace, messages: 4, clock: time });
  pump.pump();
  assert.deepEqual(sender.sentMs, [0]);
  for (const atMs of [10, 20, 30]) {
    // The timer comes a bit too early on purpose; the rest is waited for turn by turn.
    time.tick(8);
    assert.equal(sender.sentMs.length, atMs / 10, `nothing before ${atMs} ms`);
    time.tick(2);
    await until(() => sender.sentMs.length > atMs / 10);
    assert.equal(sender.sentMs.at(-1), atMs);
  }
  assert.ok(pump.isOver);
  assert.equal(time.timers, 0);
});

Deno.test("LoadPump: what has to wait for room keeps the time at which it was meant to be sent", () => {
  using time = new FakeTime();
  const sender = new MemorySender(2);
  const pump = new LoadPump({
    senders: [sender],
    pace: new Pace({ ratePerSecond: 1000, startMs: 0 }),
    messages: null,
    clock: time,
  });
  time.tick(500);
  pump.pump();
  assert.equal(time.timers, 0, "whoever gives room wakes it");
  sender.room = 3;
  pump.pump();
  assert.deepEqual(sender.sentMs, [0, 1, 2, 3, 4]);
  pump.stop();
});

Deno.test("LoadPump: senders take turns, and all of them send no more than there is", () => {
  using time = new FakeTime();
  const senders = [new MemorySender(2), new MemorySender(0), new MemorySender(2)];
  const pump = new LoadPump({
    senders,
    pace: new Pace({ ratePerSecond: 0, startMs: 0 }),
    messages: 5,
    clock: time,
  });
  pump.pump();
  assert.deepEqual(senders.map(({ sentMs }) => sentMs.length), [2, 0, 2]);
  for (const sender of senders) sender.room = 9;
  const [, second] = senders;
  assert.ok(second);
  pump.pumpOne(second);
  assert.deepEqual(senders.map(({ sentMs }) => sentMs.length), [2, 1, 2]);
  assert.deepEqual([pump.sent, pump.isOver], [5, true]);
  pump.pumpOne(second);
  assert.equal(pump.sent, 5);
});

Deno.test("LoadPump: sends nothing once it is stopped", () => {
  using time = new FakeTime();
  const sender = new MemorySender(9);
  const pace = new Pace({ ratePerSecond: 10, startMs: 0 });
  const pump = new LoadPump({ senders: [sender], pace, messages: null, clock: time });
  pump.pump();
  pump.stop();
  assert.equal(time.timers, 0);
  time.tick(1000);
  pump.pump();
  assert.deepEqual([sender.sentMs, pump.isOver], [[0], true]);
});
