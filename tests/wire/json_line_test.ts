import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeJsonLine,
  JsonLineDecoder,
  MAX_JSON_LINE_BYTES,
  parseJsonLine,
} from "../../src/wire/json_line.ts";
import { concat } from "../helpers/prefixed.ts";

const encoder = new TextEncoder();
const bytesOf = (text: string) => encoder.encode(text);
const NEWLINE = Uint8Array.of(0x0a);

/** A decoder and the lines that it gave, each as it was when it came. */
function decoder(maxBytes = MAX_JSON_LINE_BYTES) {
  const lines: Uint8Array[] = [];
  const copies: Uint8Array[] = [];
  const decoder = new JsonLineDecoder(maxBytes, (line) => {
    lines.push(line);
    copies.push(line.slice());
  });
  /** Feeds all lines, as long as they can be read. */
  const feed = (bytes: Uint8Array) => {
    let rest = bytes;
    while (rest.length > 0) {
      const taken = decoder.feed(rest);
      if (typeof taken !== "number") return taken;
      rest = rest.subarray(taken);
    }
    return null;
  };
  return { decoder: { feed, isInside: () => decoder.isInside }, lines, copies };
}

function ended(line: Uint8Array): Uint8Array {
  return concat([line, NEWLINE]);
}

/** A line of so many bytes without a newline in it. */
function lineOf(length: number, seed = 0): Uint8Array {
  return new Uint8Array(length).map((_, i) => 0x20 + (seed + i * 31 + (i >> 8)) % 0xd0);
}

const size = fc.oneof(fc.constantFrom(0, 1, 255, 256, 257, 512, 513, MAX_JSON_LINE_BYTES), fc.nat(2000));
const line = fc.tuple(size, fc.nat(255)).map(([length, seed]) => lineOf(length, seed));
/** Any object of JSON: whatever comes back from its text is the same. */
const object = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()).map((value) =>
  JSON.parse(JSON.stringify(value))
);

Deno.test("JSON line: an object comes back as it went, on one line", () => {
  fc.assert(fc.property(object, (sent) => {
    const bytes = encodeJsonLine(sent);
    assert.equal(bytes.indexOf(0x0a), bytes.length - 1, "the newline is the last byte and the only one");
    assert.deepEqual(parseJsonLine(bytes.subarray(0, -1)), { kind: "object", object: sent });
  }));
});

Deno.test("JSON line: text with newlines and halves of characters stays on its line", () => {
  const sent = { "a\nb": "\r\n\u2028\ud800 grüße 🚀" };
  const { decoder: reader, copies } = decoder();
  assert.equal(reader.feed(encodeJsonLine(sent)), null);
  assert.deepEqual(copies.map(parseJsonLine), [{ kind: "object", object: sent }]);
});

Deno.test("JSON line: a field without a value is left out", () => {
  assert.deepEqual(encodeJsonLine({ type: "a", b: undefined }), bytesOf('{"type":"a"}\n'));
});

Deno.test("JSON line: white space around an object is nothing, so CR LF ends a line too", () => {
  for (const text of ['{"a":1}\r', ' \t{"a":1} ']) {
    assert.deepEqual(parseJsonLine(bytesOf(text)), { kind: "object", object: { a: 1 } });
  }
});

Deno.test("JSON line: what is no object says why", () => {
  const invalid = (line: Uint8Array) => {
    const read = parseJsonLine(line);
    return read.kind === "invalid" ? read.problem : read.object;
  };
  for (const text of ["", "\r", "{", '{"a":1}{"b":2}', "{a:1}", "\ufeff{}", '{"a":"\u0001"}', "nonsense"]) {
    assert.equal(invalid(bytesOf(text)), "syntax", JSON.stringify(text));
  }
  for (const text of ["[]", "null", "1", '"{}"', "true"]) {
    assert.equal(invalid(bytesOf(text)), "not_object", text);
  }
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]]) {
    assert.equal(invalid(concat([bytesOf('{"a":"'), Uint8Array.from(bytes), bytesOf('"}')])), "encoding");
  }
});

Deno.test("JSON line: any bytes are read as an object or as invalid, never thrown", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert.ok(["object", "invalid"].includes(parseJsonLine(bytes).kind));
  }));
});

Deno.test("JSON line: a line as deep as it is long is read or invalid, never thrown", () => {
  for (const [open, close] of [["[", "]"], ['{"a":', "}"]] as const) {
    const depth = Math.floor((MAX_JSON_LINE_BYTES - 8) / (open.length + close.length));
    const nested = `{"x":${open.repeat(depth)}1${close.repeat(depth)}}`;
    assert.ok(nested.length <= MAX_JSON_LINE_BYTES);
    assert.equal(parseJsonLine(bytesOf(nested)).kind, "object");
    const unclosed = parseJsonLine(bytesOf(open.repeat(MAX_JSON_LINE_BYTES / open.length)));
    assert.deepEqual(unclosed, { kind: "invalid", problem: "syntax" });
  }
});

Deno.test("JSON line: a field by the name of the prototype is a field", () => {
  const read = parseJsonLine(bytesOf('{"__proto__":{"type":"hello"},"constructor":1}'));
  assert.ok(read.kind === "object");
  assert.equal(read.object["type"], undefined);
  assert.deepEqual(Object.keys(read.object), ["__proto__", "constructor"]);
});

Deno.test("JSON line decoder: any lines in any pieces come out whole and in order", () => {
  const lines = fc.array(line, { maxLength: 10 });
  const pieces = fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(lines, pieces, line, (sent, lengths, begun) => {
    const { decoder: reader, lines: got, copies } = decoder();
    const all = concat([...sent.map(ended), begun]);
    for (let at = 0, i = 0; at < all.length; i++) {
      const length = lengths[i % lengths.length] ?? 1;
      assert.equal(reader.feed(all.subarray(at, at + length)), null);
      at += length;
    }
    assert.deepEqual(copies, sent);
    assert.deepEqual(got, sent, "what was given stays as it was");
    assert.equal(reader.isInside(), begun.length > 0);
  }));
});

Deno.test("JSON line decoder: bytes that trickle in one by one make lines", () => {
  const sent = [lineOf(0), lineOf(1), lineOf(3000), lineOf(0), lineOf(MAX_JSON_LINE_BYTES)];
  const { decoder: reader, copies } = decoder();
  for (const byte of concat(sent.map(ended))) assert.equal(reader.feed(Uint8Array.of(byte)), null);
  assert.deepEqual(copies, sent);
});

Deno.test("JSON line decoder: a line that lies in one piece is a view of it", () => {
  const { decoder: reader, lines } = decoder();
  const bytes = bytesOf("{}\n{}\n");
  reader.feed(bytes);
  assert.deepEqual(lines.map(({ buffer }) => buffer === bytes.buffer), [true, true]);
});

Deno.test("JSON line decoder: a line of the limit is given, one byte more is refused however it is split", () => {
  for (const pieceBytes of [1, 7, 100, 1024, MAX_JSON_LINE_BYTES + 2]) {
    const { decoder: reader, copies } = decoder();
    const longest = lineOf(MAX_JSON_LINE_BYTES);
    const all = concat([longest, NEWLINE, longest, bytesOf("x")]);
    let refused = null;
    let at = 0;
    for (; at < all.length && refused === null; at += pieceBytes) {
      refused = reader.feed(all.subarray(at, at + pieceBytes));
    }
    assert.deepEqual(refused, { seenBytes: MAX_JSON_LINE_BYTES + 1 });
    assert.deepEqual(copies, [longest], "what came before it was given");
  }
});

Deno.test("JSON line decoder: a line that is too long is refused, its newline in the same piece or not", () => {
  for (const text of ["x".repeat(11), `${"x".repeat(11)}\n`]) {
    assert.deepEqual(decoder(10).decoder.feed(bytesOf(text)), { seenBytes: 11 });
  }
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

Deno.test("JSON line decoder: a line without an end takes no more than a line may have", () => {
  const piece = lineOf(100);
  const { decoder: reader, lines } = decoder();
  let fed = 0;
  const sizes = allocatedBy(() => {
    while (reader.feed(piece) === null) fed += piece.length;
  });
  assert.ok(fed > MAX_JSON_LINE_BYTES - piece.length && fed <= MAX_JSON_LINE_BYTES, `${fed} bytes taken`);
  assert.deepEqual(sizes, [256, 512, 1024, 2048, 4096, 8192, MAX_JSON_LINE_BYTES]);
  assert.deepEqual(lines, []);
});

Deno.test("JSON line decoder: a piece over the limit takes nothing at all", () => {
  const piece = lineOf(1 << 20);
  const sizes = allocatedBy(() => assert.ok(decoder().decoder.feed(piece)));
  assert.deepEqual(sizes, []);
});

Deno.test("JSON line decoder: of several lines one is taken at a time", () => {
  const lines: string[] = [];
  const decoder = new JsonLineDecoder(100, (line) => lines.push(new TextDecoder().decode(line)));
  const bytes = bytesOf("a\nbc\nd");
  assert.equal(decoder.feed(bytes), 2);
  assert.deepEqual([lines, decoder.isInside], [["a"], false]);
  assert.equal(decoder.feed(bytes.subarray(2)), 3);
  assert.equal(decoder.feed(bytes.subarray(5)), 1);
  assert.deepEqual([lines, decoder.isInside], [["a", "bc"], true]);
});
