import assert from "node:assert/strict";
import { Standstill } from "../../src/link/standstill.ts";

Deno.test("Standstill: tells for how long a number has been the same, from the first look at it", () => {
  const standstill = new Standstill();
  assert.deepEqual([standstill.look(10, 1), standstill.look(15, 1), standstill.look(30, 1)], [0, 5, 20]);
  assert.deepEqual([standstill.look(40, 2), standstill.look(41, 2)], [0, 1]);
});

Deno.test("Standstill: what rested begins anew, also where the number is the same", () => {
  const standstill = new Standstill();
  standstill.look(10, 1);
  assert.deepEqual([standstill.rest(), standstill.look(30, 1), standstill.look(31, 1)], [0, 0, 1]);
});
