import assert from "node:assert/strict";
import { REPLAYED_AT_ONCE, REPLAYED_PER_TURN, ReplayTurns } from "../../src/broker/replay_turns.ts";

/** Somebody with so many messages to send. */
class Job {
  left: number;
  readonly turns: number[] = [];

  constructor(left: number) {
    this.left = left;
  }

  takeTurn(max: number): { readonly sent: number; readonly goesOn: boolean } {
    const sent = Math.min(max, this.left);
    this.left -= sent;
    this.turns.push(sent);
    return { sent, goesOn: this.left > 0 };
  }
}

Deno.test("Replay turns: all together send no more than so many messages a turn, each in its turn", () => {
  const later: (() => void)[] = [];
  const turns = new ReplayTurns((run) => later.push(run));
  const jobs = Array.from({ length: 10 }, () => new Job(1000));
  for (const job of jobs) turns.add(job);
  assert.equal(later.length, 1);
  const leftAfter = () => jobs.reduce((sum, { left }) => sum + left, 0);
  for (let turn = 1; later.length > 0; turn++) {
    const before = leftAfter();
    later.shift()?.();
    assert.ok(before - leftAfter() <= REPLAYED_PER_TURN);
    if (turn === 6) assert.ok(jobs.every(({ turns }) => turns.length > 0), "nobody waits for another to end");
  }
  assert.equal(leftAfter(), 0);
  assert.ok(jobs.every(({ turns }) => turns.every((sent) => sent <= REPLAYED_AT_ONCE)));
});

Deno.test("Replay turns: those that send nothing do not hold up the loop", () => {
  const later: (() => void)[] = [];
  const turns = new ReplayTurns((run) => later.push(run));
  let asked = 0;
  const idle = { takeTurn: () => ({ sent: 0, goesOn: ++asked < 10_000 }) };
  turns.add(idle);
  later.shift()?.();
  assert.equal(asked, REPLAYED_PER_TURN);
});
