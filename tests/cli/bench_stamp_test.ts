import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { MAX_SENDERS, MAX_TAG, STAMP_BYTES, StampReader, StampWriter } from "../../src/cli/bench_stamp.ts";

Deno.test("Stamp: what is written comes back from any place, as text", () => {
  const tag = fc.nat(MAX_TAG - 1);
  const sender = fc.nat(MAX_SENDERS - 1);
  const sequence = fc.nat(1_000_000_000);
  const sentUs = fc.integer({ min: 0, max: 2 ** 52 });
  fc.assert(fc.property(tag, sender, sequence, sentUs, fc.nat(40), (...[own, from, number, us, at]) => {
    const stamp = new StampWriter(own, from).next(number, us);
    const bytes = new Uint8Array(at + STAMP_BYTES + 3);
    bytes.set(stamp, at);
    const reader = new StampReader(own);
    assert.ok(reader.read(bytes, at));
    assert.deepEqual([reader.sender, reader.sequence, reader.sentUs], [from, number, us]);
    assert.ok(isUtf8(stamp) && !stamp.includes(0x0a));
    assert.equal(new StampReader((own + 1) % MAX_TAG).read(bytes, at), false, "that of another load is none");
  }));
});

Deno.test("Stamp: other bytes, and too few, are none", () => {
  const reader = new StampReader(0);
  assert.equal(reader.read(new TextEncoder().encode('{"temperature":21,"unit":"C"}'), 0), false);
  assert.equal(reader.read(new Uint8Array(STAMP_BYTES).fill(0x2f), 0), false);
  assert.equal(reader.read(new StampWriter(0, 0).next(0, 0).subarray(1), 0), false);
});
