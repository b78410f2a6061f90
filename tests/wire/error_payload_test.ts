import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeErrorPayload, readErrorPayload, readJsonObject } from "../../src/wire/error_payload.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("Error payload: what is written is read again", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (code, message) => {
    assert.deepEqual(readErrorPayload(bytes(encodeErrorPayload({ code, message, details: { a: 1 } }))), {
      code,
      message,
      details: { a: 1 },
    });
  }));
});

Deno.test("Error payload: anything else is none, and nothing throws", () => {
  for (
    const text of [
      "",
      "{",
      "[]",
      "null",
      "{}",
      '{"error":1}',
      '{"error":null}',
      '{"error":{}}',
      '{"error":{"code":1}}',
    ]
  ) {
    assert.equal(readErrorPayload(bytes(text)), null, text);
  }
  fc.assert(fc.property(fc.uint8Array(), (any) => assert.equal(readErrorPayload(any), null)));
  assert.deepEqual(readErrorPayload(bytes('{"error":{"code":"X"}}')), {
    code: "X",
    message: "No reason was given",
  });
  for (const details of ["[]", "null", '"text"', "1"]) {
    const read = readErrorPayload(bytes(`{"error":{"code":"X","message":"m","details":${details}}}`));
    assert.deepEqual(read, { code: "X", message: "m" });
  }
});

Deno.test("JSON object: only an object in UTF-8 is one", () => {
  assert.deepEqual(readJsonObject(bytes('{"a":1}')), { a: 1 });
  for (const other of [bytes("[1]"), bytes("1"), bytes(""), new Uint8Array([0x7b, 0xff, 0x7d])]) {
    assert.equal(readJsonObject(other), null);
  }
});
