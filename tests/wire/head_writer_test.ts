import assert from "node:assert/strict";
import fc from "fast-check";
import { HeadWriter } from "../../src/wire/head_writer.ts";
import { Slab, SLAB_BYTES } from "../../src/wire/slab.ts";

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)) });

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

Deno.test("HeadWriter: gives what was written, however it was written, and no head changes another", () => {
  const piece = fc.record({ text: latin1, how: fc.constantFrom("text", "bytes", "part") });
  const heads: { head: Uint8Array; expected: Uint8Array }[] = [];
  fc.assert(fc.property(fc.array(piece), fc.nat(2000), (pieces, spare) => {
    const expected = bytesOf(pieces.map(({ text }) => text).join(""));
    const writer = new HeadWriter(expected.length + spare);
    for (const { text, how } of pieces) {
      if (how === "text") writer.text(text);
      else if (how === "bytes") writer.bytes(bytesOf(text));
      else writer.part(bytesOf(`<${text}>`), 1, 1 + text.length);
    }
    heads.push({ head: writer.take(), expected });
  }));
  for (const { head, expected } of heads) assert.deepEqual(new Uint8Array(head), expected);
});

Deno.test("HeadWriter: a long part is written whole", () => {
  const bytes = Uint8Array.from({ length: 700 }, (_, at) => at % 251);
  const writer = new HeadWriter(600);
  writer.part(bytes, 50, 650);
  assert.deepEqual(new Uint8Array(writer.take()), bytes.slice(50, 650));
});

Deno.test("HeadWriter: more than was promised is not given, and no other memory with it", () => {
  const writer = new HeadWriter(4);
  writer.text("12345");
  assert.throws(() => writer.take(), RangeError);
  const other = new HeadWriter(2);
  assert.throws(() => other.bytes(new Uint8Array(3)), RangeError);
});

Deno.test("Slab: what is given back is taken again", () => {
  const slab = new Slab();
  const first = slab.shorten(slab.take(1000), 10);
  const second = slab.take(10);
  assert.equal(second.byteOffset, first.byteOffset + 10);
  assert.equal(first.buffer, second.buffer);
});

Deno.test("Slab: only the end of what was taken last is given back", () => {
  const slab = new Slab();
  const [first, second] = [slab.take(100), slab.take(100)];
  assert.equal(slab.shorten(first, 10).length, 10);
  const third = slab.take(SLAB_BYTES / 8);
  assert.equal(third.byteOffset, second.byteOffset + 100);
});
