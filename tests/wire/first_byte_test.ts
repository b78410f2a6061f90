import assert from "node:assert/strict";
import { classifyFirstByte } from "../../src/wire/first_byte.ts";

Deno.test("First byte: each of the 256 leads to exactly the transport that it announces", () => {
  for (let byte = 0; byte < 256; byte++) {
    const letter = String.fromCharCode(byte);
    const expected = /[A-Z]/.test(letter)
      ? "http"
      : byte === 0
      ? "text"
      : byte === 1
      ? "frames"
      : letter === "{"
      ? "json"
      : "unknown";
    assert.equal(classifyFirstByte(byte), expected, `byte ${byte}`);
  }
});
