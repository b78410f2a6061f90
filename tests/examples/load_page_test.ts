import assert from "node:assert/strict";
import { readHead, writeHead } from "../../examples/demo/load/flood_message.js";
import { RateMeter } from "../../examples/demo/load/rate_meter.js";

Deno.test("RateMeter: gives the mean of the last second", () => {
  const meter = new RateMeter();
  assert.equal(meter.add(0, 100), 0);
  assert.equal(meter.add(500, 150), 100);
  assert.equal(meter.add(1000, 300), 200);
  assert.equal(meter.add(2000, 1300), 1000);
});

Deno.test("RateMeter: begins anew when the total falls", () => {
  const meter = new RateMeter();
  meter.add(0, 1000);
  assert.equal(meter.add(100, 5), 0);
  assert.equal(meter.add(200, 15), 100);
});

Deno.test("Flood message: the head comes back, and what has none is told apart", () => {
  const message = new DataView(new ArrayBuffer(16));
  assert.equal(readHead(message.buffer), null);
  writeHead(message, { sender: 7, sequence: 2 ** 32 - 1 });
  assert.deepEqual(readHead(message.buffer), { sender: 7, sequence: 2 ** 32 - 1 });
  assert.equal(readHead(new ArrayBuffer(11)), null);
  assert.equal(readHead("a text"), null);
});
