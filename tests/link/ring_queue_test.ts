import assert from "node:assert/strict";
import fc from "fast-check";
import { RingQueue } from "../../src/link/ring_queue.ts";

Deno.test("RingQueue: behaves as an array that is pushed and shifted", () => {
  const operations = fc.array(fc.oneof(fc.nat(1000), fc.constant("shift"), fc.constant("clear")), {
    maxLength: 300,
  });
  fc.assert(fc.property(operations, (steps) => {
    const queue = new RingQueue<number>();
    const model: number[] = [];
    for (const step of steps) {
      if (step === "shift") assert.equal(queue.shift(), model.shift());
      else if (typeof step === "number") {
        queue.push(step);
        model.push(step);
      } else {
        queue.clear();
        model.length = 0;
      }
      assert.equal(queue.length, model.length);
      assert.equal(queue.peek(), model[0]);
    }
  }));
});
