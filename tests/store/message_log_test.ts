import assert from "node:assert/strict";
import fc from "fast-check";
import { MessageLog } from "../../src/store/message_log.ts";
import { TopicHistory } from "../../src/store/topic_history.ts";
import { idOf, message, numbers } from "../contract/message_store_parts.ts";

const RULES = { size: 1_000_000, ttlMs: 1_000_000 };

/** Adds a message to a history, and to the log. */
function add(log: MessageLog, history: TopicHistory, number: number): void {
  log.add(idOf(number), history, history.nextNumber);
  history.push({ message: message(number), atMs: number, seq: number });
}

function walk(log: MessageLog, afterId: string | null, max = 1_000_000): number[] {
  const found: number[] = [];
  log.walk({ afterId, maxPlaces: 1_000_000 }, (one) => found.push(...numbers([one])) < max);
  return found;
}

Deno.test("Message log: shows what is in the histories, in order, whatever is added and trimmed", () => {
  const step = fc.record({
    history: fc.nat(4),
    does: fc.constantFrom("add" as const, "add" as const, "add" as const, "trim" as const, "sweep" as const),
  });
  const steps = fc.array(step, { maxLength: 300, size: "max" });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 9 }), (steps, partSize) => {
      const log = new MessageLog(partSize);
      const histories = Array.from({ length: 5 }, (_, at) => new TopicHistory(`t${at}`, RULES));
      let number = 0;
      for (const { history: at, does } of steps) {
        const history = histories[at] ?? assert.fail();
        if (does === "add") add(log, history, ++number);
        else if (does === "trim") history.shift();
        else log.sweep();
        const there = histories.flatMap((one) => Array.from({ length: one.length }, (_, at) => one.at(at)));
        const wanted = numbers(there.filter((one) => one !== undefined)).sort((a, b) => a - b);
        const after = Math.floor(number / 2);
        assert.deepEqual(walk(log, null), wanted);
        assert.deepEqual(walk(log, idOf(after)), wanted.filter((one) => one > after));
        const back: number[] = [];
        assert.equal(log.walkBack(1_000_000, (one) => back.push(...numbers([one])) < 1_000_000), true);
        assert.deepEqual(back, wanted.toReversed());
        assert.equal(log.oldest()?.at(0)?.id, wanted[0] === undefined ? undefined : idOf(wanted[0]));
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("Message log: what is trimmed takes no more places than what is there, about, however old the oldest is", () => {
  const log = new MessageLog(8);
  const [old, busy] = [new TopicHistory("old", RULES), new TopicHistory("busy", RULES)];
  add(log, old, 1);
  for (let number = 2; number < 10_000; number++) {
    add(log, busy, number);
    if (busy.length > 100) busy.shift();
  }
  assert.ok(log.length < 200, `${log.length} places for 101 messages`);
  assert.equal(log.oldest(), old);
});

Deno.test("Message log: a walk ends after so many places, and says where", () => {
  const log = new MessageLog(4);
  const history = new TopicHistory("t", RULES);
  for (let number = 1; number <= 20; number++) add(log, history, number);
  const end = log.walk({ afterId: idOf(4), maxPlaces: 10 }, () => true);
  assert.equal(end.isAtEnd, false);
  assert.ok(end.lastId !== null && end.lastId > idOf(4) && end.lastId < idOf(20));
  assert.deepEqual(log.walk({ afterId: idOf(4), maxPlaces: 100 }, () => true), {
    lastId: idOf(20),
    isAtEnd: true,
  });
});
