import assert from "node:assert/strict";
import fc from "fast-check";
import { RequestIds } from "../../src/broker/request_ids.ts";
import { ID_BYTES } from "../../src/wire/header_fields.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/;
const numbers = fc.oneof(fc.nat(), fc.nat(0xffffff), fc.integer({ min: 0, max: 2 ** 48 - 1 }));

function written(ids: RequestIds, number: number, at = 0): Uint8Array {
  const bytes = new Uint8Array(at + ID_BYTES);
  ids.write(number, bytes, at);
  return bytes;
}

Deno.test("Request ids: each number is written as a UUID of version 4 and comes back", () => {
  const ids = new RequestIds();
  fc.assert(fc.property(numbers, fc.nat(20), (number, at) => {
    const bytes = written(ids, number, at);
    assert.match(new TextDecoder().decode(bytes.subarray(at)), UUID);
    assert.equal(ids.read(bytes, at), number);
  }));
});

Deno.test("Request ids: numbers have different ids", () => {
  const ids = new RequestIds();
  const seen = new Set(
    Array.from({ length: 10_000 }, (_, i) => new TextDecoder().decode(written(ids, i * 37))),
  );
  assert.equal(seen.size, 10_000);
});

Deno.test("Request ids: what is not exactly one of them is none", () => {
  const ids = new RequestIds();
  fc.assert(
    fc.property(numbers, fc.nat(ID_BYTES - 1), fc.integer({ min: 0, max: 255 }), (number, at, byte) => {
      const bytes = written(ids, number);
      const was = bytes[at];
      bytes[at] = byte;
      const read = ids.read(bytes, 0);
      if (byte === was) assert.equal(read, number);
      // Another digit of the number is another number; everything else is foreign.
      else assert.deepEqual([...(read < 0 ? [] : written(ids, read))], read < 0 ? [] : [...bytes]);
      if (at < 24 && byte !== was) assert.equal(read, -1);
    }),
  );
  assert.equal(ids.read(written(new RequestIds(), 1), 0), -1, "those of another hub");
  assert.equal(ids.read(written(ids, 1).subarray(0, ID_BYTES - 1), 0), -1, "one that is cut");
  const upper = new TextEncoder().encode(new TextDecoder().decode(written(ids, 0xabcdef)).toUpperCase());
  assert.equal(ids.read(upper, 0), -1, "one in another case");
});
