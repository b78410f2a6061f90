import assert from "node:assert/strict";
import type { Encoded } from "../../src/core/transport.ts";
import type { Channel } from "../../src/core/delivery.ts";
import { PublishLane } from "../../src/link/publish_lane.ts";

const message = (bytes: number): Encoded => ({ parts: [], bytes });

Deno.test("Publish lane: a stuck head and a channel that drops for ever take no memory", () => {
  const lane = new PublishLane({ maxBytes: 1000, messageOverheadBytes: 0 });
  const stuck: Channel = { name: "stuck", slowConsumer: "close", gapNotice: null };
  const busy: Channel = { name: "busy", slowConsumer: "drop_oldest", gapNotice: null };
  lane.offer(message(500), stuck);
  let dropped = 0;
  for (let i = 0; i < 100_000; i++) {
    const result = lane.offer(message(100), busy);
    if (result.kind === "queued") dropped += result.dropped;
  }
  assert.equal(dropped, 100_000 - 5);
  assert.equal(lane.length, 6);
  assert.equal(lane.bytes, 1000);
  assert.equal(lane.take()?.bytes, 500);
  for (let i = 0; i < 5; i++) assert.equal(lane.take()?.bytes, 100);
  assert.equal(lane.take(), undefined);
  assert.equal(lane.bytes, 0);
});

Deno.test("Publish lane: a message larger than the lane goes into an empty one only", () => {
  const lane = new PublishLane({ maxBytes: 100, messageOverheadBytes: 0 });
  for (const slowConsumer of ["close", "drop_oldest", "latest"] as const) {
    const channel: Channel = { name: slowConsumer, slowConsumer, gapNotice: null };
    assert.equal(lane.offer(message(5000), channel).kind, "queued");
    const again = lane.offer(message(5000), channel);
    assert.deepEqual(again, slowConsumer === "close" ? { kind: "full" } : { kind: "queued", dropped: 1 });
    lane.clear();
  }
});

Deno.test("Publish lane: nothing is dropped in vain", () => {
  const lane = new PublishLane({ maxBytes: 100, messageOverheadBytes: 0 });
  const other: Channel = { name: "other", slowConsumer: "close", gapNotice: null };
  const latest: Channel = { name: "latest", slowConsumer: "latest", gapNotice: null };
  lane.offer(message(60), other);
  lane.offer(message(30), latest);
  assert.deepEqual(lane.offer(message(50), latest), { kind: "dropped", dropped: 1 });
  assert.equal(lane.bytes, 90, "the value that was there stays");
});
