import assert from "node:assert/strict";
import { StreamControl } from "../../src/link/stream_control.ts";
import { concat } from "../helpers/prefixed.ts";
import { decoderOf } from "../wire/frames.ts";

/** A stream of this id. */
function giver(id: number) {
  return { id, dueCredit: 0 };
}

Deno.test("Stream control: streams that are over do not wait, those that run lose no credit", () => {
  const control = new StreamControl();
  const running = Array.from({ length: 100 }, (_, i) => giver(1 + i));
  for (let round = 0; round < 100; round++) {
    for (const stream of running) control.addCredit(stream, 10);
    for (let i = 0; i < 100; i++) {
      const over = giver(1000 + i);
      control.addCredit(over, 5);
      over.dueCredit = 0;
    }
  }
  assert.ok(control.bytes <= 16 * 300, `${control.bytes} bytes`);
  const parts: Uint8Array[] = [];
  assert.equal(control.takeInto(parts), 16 * 100);
  const { decoder, sink } = decoderOf();
  decoder.feed(concat(parts));
  assert.deepEqual(
    sink.frames,
    running.map(({ id }) => ({ kind: "window_update", streamId: id, credit: 1000 })),
  );
  assert.equal(control.bytes, 0);
});
