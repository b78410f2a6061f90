import assert from "node:assert/strict";
import { MAX_GAPS } from "../../src/link/outbox.ts";
import { channel, CLOSE, encoded, setUp } from "./outbox_setup.ts";

Deno.test("Outbox: gaps of many channels are bounded, counted, and end who has too many of them", () => {
  const { outbox, overflows } = setUp({ laneBytes: { publish: 10 } });
  outbox.publish(encoded("0123456789"), CLOSE);
  const before = outbox.heldBytes;
  for (let i = 0; i < MAX_GAPS; i++) {
    assert.equal(outbox.publish(encoded("x"), channel("latest", `t${i}`)), "dropped");
  }
  assert.ok(outbox.heldBytes - before >= MAX_GAPS * 100, "each takes memory and is counted");
  assert.equal(overflows(), 0);
  outbox.publish(encoded("x"), channel("latest", "t0"));
  assert.equal(overflows(), 0, "more of the same channel is no more");
  outbox.publish(encoded("x"), channel("latest", "one more"));
  assert.equal(overflows(), 1);
  outbox.close();
  assert.equal(outbox.heldBytes, 0);
});

Deno.test("Outbox: gaps are told in pieces that the socket may hold, and all of them before what is newer", () => {
  const { outbox, sink, endTurn, drain, ledger } = setUp({ laneBytes: { publish: 10 }, socketBytes: 40 });
  outbox.publish(encoded("0123456789"), CLOSE);
  for (let i = 0; i < 10; i++) outbox.publish(encoded("x"), channel("latest", `t${i}`));
  endTurn();
  const [first] = sink.writes;
  assert.ok((first?.length ?? 0) < 80, `a first write of ${first?.length} bytes`);
  drain();
  const gaps = Array.from({ length: 10 }, (_, i) => `[gap t${i} 1]`).join("");
  assert.equal(sink.text(), `${gaps}0123456789`);
  assert.deepEqual([outbox.heldBytes, ledger.heldBytes], [0, 0]);
});
