import assert from "node:assert/strict";
import { CLOSE, encoded, setUp } from "./outbox_setup.ts";

Deno.test("Outbox: who waits for spare room is told once, when the socket took enough", () => {
  const { outbox, sink, endTurn } = setUp({ socketBytes: 10 });
  assert.ok(outbox.hasSpareRoom);
  for (let at = 0; at < 6; at++) outbox.publish(encoded("0123456789"), CLOSE);
  assert.ok(!outbox.hasSpareRoom, "more than a quarter of the lane is taken");
  let told = 0;
  outbox.whenSpare(() => told++);
  endTurn();
  sink.take();
  assert.equal(told, 0);
  while (sink.take()) if (told > 0) assert.ok(outbox.hasSpareRoom);
  assert.equal(told, 1);
});

Deno.test("Outbox: a closed one has no spare room and tells nobody", () => {
  const { outbox, sink, endTurn } = setUp({ socketBytes: 10 });
  for (let at = 0; at < 6; at++) outbox.publish(encoded("0123456789"), CLOSE);
  outbox.whenSpare(() => assert.fail("it is closed"));
  endTurn();
  outbox.close();
  sink.take();
  assert.ok(!outbox.hasSpareRoom);
});
