import assert from "node:assert/strict";
import fc from "fast-check";
import { printable, printableBytes } from "../../src/core/printable.ts";

Deno.test("Printable: nothing of others drives a terminal, ends a line or turns its order around", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.doesNotMatch(printableBytes(bytes), /(?!\t)[\p{Cc}\u2028\u2029]/u);
  }));
  for (const code of [0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0x200e]) {
    assert.equal(printable(`a${String.fromCharCode(code)}b`), `a\\u${code.toString(16)}b`);
  }
  assert.equal(printable("\x00\x1b]0;x\x07\r\n\x7f\x9b"), "\\x00\\x1b]0;x\\x07\\r\\n\\x7f\\x9b");
});

Deno.test("Printable: what is safe stays as it is", () => {
  for (const text of ["", "a\tb", '{"a":"b\\n"}', "héllo 日本 👩‍👩‍👧 \ufeff"]) {
    assert.equal(printable(text), text);
    assert.equal(printableBytes(new TextEncoder().encode(text)), text);
  }
});

Deno.test("Printable: bytes that are no UTF-8 are escaped one by one", () => {
  assert.equal(printableBytes(new Uint8Array([0x41, 0xc3, 0x28, 0xff, 0x0a])), "A\\xc3(\\xff\\n");
});
