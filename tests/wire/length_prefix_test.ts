import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeLengthPrefixed,
  LengthPrefixDecoder,
  MAX_PREFIXED_BYTES,
} from "../../src/wire/length_prefix.ts";
import { concat, prefixed, prefixOf } from "../helpers/prefixed.ts";

const COPY_LIMIT_BYTES = 4096;
const NOTHING = new Uint8Array(0);

/** A decoder and the messages that it gave, each as it was when it came. */
function decoder(maxBytes = MAX_PREFIXED_BYTES) {
  const messages: Uint8Array[] = [];
  const copies: Uint8Array[] = [];
  const decoder = new LengthPrefixDecoder(maxBytes, (message) => {
    messages.push(message);
    copies.push(message.slice());
  });
  return { decoder, messages, copies };
}

const size = fc.oneof(
  fc.constantFrom(0, 1, 1023, 1024, 1025, COPY_LIMIT_BYTES, COPY_LIMIT_BYTES + 1),
  fc.nat(3000),
);
const message = fc.tuple(size, fc.nat(255)).map(([length, seed]) =>
  new Uint8Array(length).map((_, i) => seed + i * 31 + (i >> 8))
);

Deno.test("Length prefix: four bytes big-endian, then head and rest", () => {
  fc.assert(fc.property(message, message, (head, rest) => {
    const encoded = encodeLengthPrefixed(head, rest);
    const bytes = concat(encoded.parts);
    assert.equal(encoded.bytes, bytes.length);
    assert.deepEqual(bytes, concat([prefixOf(head.length + rest.length), head, rest]));
  }));
});

Deno.test("Length prefix: a large rest is passed on, not copied", () => {
  const rest = new Uint8Array(COPY_LIMIT_BYTES);
  assert.equal(encodeLengthPrefixed(NOTHING, rest).parts.length, 1);
  assert.equal(encodeLengthPrefixed(Uint8Array.of(1), rest).parts[1], rest);
});

Deno.test("Length prefix: a message of any legal length starts with a zero byte", () => {
  const longest = encodeLengthPrefixed(NOTHING, new Uint8Array(MAX_PREFIXED_BYTES));
  assert.deepEqual([...longest.parts[0] ?? []], [0x00, 0xff, 0xff, 0xff]);
});

Deno.test("Length prefix decoder: any messages in any pieces come out whole and in order", () => {
  const messages = fc.array(message, { maxLength: 12 });
  const pieces = fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(messages, pieces, (sent, lengths) => {
    const { decoder: reader, messages: got, copies } = decoder();
    const all = concat(sent.map(prefixed));
    for (let at = 0, i = 0; at < all.length; i++) {
      const length = lengths[i % lengths.length] ?? 1;
      assert.equal(reader.feed(all.subarray(at, at + length)), null);
      at += length;
    }
    assert.deepEqual(copies, sent);
    assert.deepEqual(got, sent, "what was given stays as it was");
    assert.equal(reader.isInside, false);
  }));
});

Deno.test("Length prefix decoder: bytes that trickle in one by one make messages", () => {
  const sent = [NOTHING, Uint8Array.of(7), new Uint8Array(3000).map((_, i) => i), NOTHING, NOTHING];
  const { decoder: reader, copies } = decoder();
  for (const byte of concat(sent.map(prefixed))) assert.equal(reader.feed(Uint8Array.of(byte)), null);
  assert.deepEqual(copies, sent);
});

Deno.test("Length prefix decoder: many messages in one piece come in one call, empty ones too", () => {
  const { decoder: reader, messages } = decoder();
  const sent = Array.from({ length: 500 }, (_, i) => new Uint8Array(i % 3).fill(i));
  reader.feed(concat(sent.map(prefixed)));
  assert.deepEqual(messages, sent);
});

Deno.test("Length prefix decoder: a message that lies in one piece is a view of it", () => {
  const { decoder: reader, messages } = decoder();
  const bytes = prefixed(Uint8Array.of(1, 2, 3));
  reader.feed(bytes);
  assert.equal(messages[0]?.buffer, bytes.buffer);
});

Deno.test("Length prefix decoder: says whether a message has begun", () => {
  const { decoder: reader } = decoder();
  const states = [];
  for (const byte of [...prefixed(Uint8Array.of(1, 2)), ...prefixed(NOTHING)]) {
    reader.feed(Uint8Array.of(byte));
    states.push(reader.isInside);
  }
  assert.deepEqual(states, [true, true, true, true, true, false, true, true, true, false]);
});

Deno.test("Length prefix decoder: a length over the limit is refused at its prefix", () => {
  for (const claimedBytes of [11, 0x100_0000, 2 ** 31, 2 ** 32 - 1]) {
    assert.deepEqual(decoder(10).decoder.feed(prefixOf(claimedBytes)), { claimedBytes });
  }
  const { decoder: reader, messages } = decoder(10);
  assert.equal(reader.feed(prefixed(new Uint8Array(10))), null);
  assert.deepEqual(reader.feed(prefixed(new Uint8Array(11))), { claimedBytes: 11 });
  assert.equal(messages.length, 1, "what came before it was given");
});

Deno.test("Length prefix decoder: a length over the limit is refused however its prefix is split", () => {
  const { decoder: reader } = decoder();
  const said = [...prefixOf(2 ** 31)].map((byte) => reader.feed(Uint8Array.of(byte)));
  assert.deepEqual(said, [null, null, null, { claimedBytes: 2 ** 31 }]);
});

/** The sizes of the byte arrays that are allocated while `run` runs. */
function allocatedBy(run: () => void): number[] {
  const sizes: number[] = [];
  const original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args) {
      if (typeof args[0] === "number") sizes.push(args[0]);
      return Reflect.construct(target, args);
    },
  });
  try {
    run();
  } finally {
    globalThis.Uint8Array = original;
  }
  return sizes;
}

Deno.test("Length prefix decoder: a claim takes no memory, only bytes that came do", () => {
  const refused = prefixOf(2 ** 31);
  assert.deepEqual(allocatedBy(() => void decoder().decoder.feed(refused)), []);
  const claim = prefixOf(MAX_PREFIXED_BYTES);
  assert.deepEqual(allocatedBy(() => void decoder().decoder.feed(claim)), []);
  const pieces = [claim, ...Array.from({ length: 100 }, () => new Uint8Array(100))];
  const sizes = allocatedBy(() => {
    const { decoder: reader } = decoder();
    for (const piece of pieces) reader.feed(piece);
  });
  assert.deepEqual(sizes, [1024, 2048, 4096, 8192, 16384]);
});
