import assert from "node:assert/strict";
import { WallClock } from "../../src/broker/wall_clock.ts";
import { FakeClock } from "./fakes.ts";

Deno.test("Wall clock: read once a turn, and goes back with the system's", () => {
  const turns = new FakeClock();
  let [now, reads] = [5000, 0];
  const clock = new WallClock(turns, () => (reads++, now));
  assert.deepEqual([clock.now(), clock.now(), reads], [5000, 5000, 1]);
  now = 4000;
  turns.ms++;
  assert.deepEqual([clock.now(), reads], [4000, 2]);
});
