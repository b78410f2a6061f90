import assert from "node:assert/strict";
import fc from "fast-check";
// @ts-types="../../src/link/ws_types.d.ts"
import { Receiver } from "ws";
import {
  encodeFrame,
  FrameBatch,
  FrameShape,
  type Framing,
  prefixedFraming,
  webSocketFraming,
} from "../../src/cli/bench_framing.ts";
import { LengthPrefixDecoder, MAX_PREFIXED_BYTES } from "../../src/wire/length_prefix.ts";

/** The messages in bytes that a client wrote, as the hub reads them. */
function readAsHub(framing: Framing, bytes: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  if (framing === prefixedFraming) {
    assert.equal(
      new LengthPrefixDecoder(MAX_PREFIXED_BYTES, (message) => messages.push(message)).feed(bytes),
      null,
    );
    return messages;
  }
  const receiver = new Receiver({
    isServer: true,
    maxPayload: MAX_PREFIXED_BYTES,
    maxFragments: 1,
    maxBufferedChunks: 1000,
    skipUTF8Validation: false,
    allowSynchronousEvents: true,
  });
  receiver.on("error", (error) => assert.fail(error));
  receiver.on("message", (message) => messages.push(new Uint8Array(message)));
  receiver.write(bytes);
  return messages;
}

const framing = fc.oneof(
  fc.constant(prefixedFraming),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((mask) => webSocketFraming(mask)),
);
const message = fc.oneof(fc.nat(300), fc.constantFrom(125, 126, 65_535, 65_536)).map((length) =>
  new Uint8Array(length).map((_, i) => 0x20 + i % 90)
);

Deno.test("Load frames: the hub reads what was written, masked or behind its length", () => {
  fc.assert(
    fc.property(framing, message, (used, sent) => {
      assert.deepEqual(readAsHub(used, encodeFrame(used, sent)), [sent]);
    }),
    { numRuns: 50 },
  );
});

Deno.test("Load frames: those of one shape differ in one part only", () => {
  const patches = fc.array(fc.uint8Array({ minLength: 5, maxLength: 5, max: 0x7f }), { maxLength: 20 });
  fc.assert(fc.property(framing, patches, fc.nat(20), (used, parts, patchAt) => {
    const whole = new Uint8Array(30).fill(0x61);
    const batch = new FrameBatch(new FrameShape(used, whole, { patchAt }), parts.length);
    for (const part of parts) batch.add(part);
    const expected = parts.map((part) => {
      const copy = whole.slice();
      copy.set(part, patchAt);
      return copy;
    });
    assert.deepEqual(readAsHub(used, batch.bytes), expected);
  }));
});

Deno.test("Load frames: a batch is of one message at least, and not endless", () => {
  const shape = (bytes: number) => new FrameShape(prefixedFraming, new Uint8Array(bytes), { patchAt: 0 });
  assert.deepEqual([shape(1_000_000).maxBatch, shape(124).maxBatch], [1, 512]);
});
