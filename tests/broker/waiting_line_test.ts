import assert from "node:assert/strict";
import fc from "fast-check";
import { WaitingLine } from "../../src/broker/waiting_line.ts";

Deno.test("Waiting line: first in, first out, however it grows and shrinks", () => {
  const counts = fc.array(fc.tuple(fc.nat(3000), fc.nat(3000)), { maxLength: 20 });
  fc.assert(fc.property(counts, (steps) => {
    const line = new WaitingLine<number>();
    let [pushed, shifted] = [0, 0];
    for (const [push, shift] of steps) {
      for (let at = 0; at < push; at++) line.push(pushed++);
      for (let at = 0; at < shift; at++) assert.equal(line.shift(), shifted < pushed ? shifted++ : undefined);
      assert.equal(line.length, pushed - shifted);
    }
  }));
});
