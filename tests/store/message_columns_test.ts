import assert from "node:assert/strict";
import fc from "fast-check";
import type { MessageRow } from "../../src/store/journal_batch.ts";
import { MESSAGE_VALUES, packMessages, unpackMessages } from "../../src/store/message_columns.ts";

const row: fc.Arbitrary<MessageRow> = fc.record({
  seq: fc.nat(Number.MAX_SAFE_INTEGER),
  topic: fc.nat(),
  inHistory: fc.constantFrom(0, 1),
  id: fc.uuid(),
  name: fc.string({ unit: "grapheme" }),
  version: fc.string(),
  requestId: fc.option(fc.string()),
  atMs: fc.nat(),
  placedMs: fc.double({ noNaN: true }),
  payload: fc.uint8Array({ maxLength: 300 }),
});

/** The values of a row, in the order of the columns of the file. */
function valuesOf(
  { seq, topic, inHistory, id, name, version, requestId, atMs, placedMs, payload }: MessageRow,
) {
  return [seq, topic, inHistory, id, name, version, requestId, atMs, placedMs, payload];
}

Deno.test("Message columns: every message comes out as it went in, so many at a time", () => {
  fc.assert(fc.property(fc.array(row, { maxLength: 20 }), fc.integer({ min: 1, max: 8 }), (rows, most) => {
    const parts = [...unpackMessages(structuredClone(packMessages(rows)), most)];
    const sizes = parts.map(({ length }) => length / MESSAGE_VALUES);
    assert.ok(sizes.every((size, at) => size === (at < sizes.length - 1 ? most : rows.length - at * most)));
    assert.deepEqual(parts.flat(), rows.flatMap(valuesOf));
  }));
});
