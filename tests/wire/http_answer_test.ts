import assert from "node:assert/strict";
import fc from "fast-check";
import {
  HttpAnswerDecoder,
  type HttpAnswerLimits,
  type HttpAnswerResult,
} from "../../src/wire/http_answer.ts";

const encoder = new TextEncoder();

/** Feeds a text in pieces, until there is a result. */
function decode(text: string | Uint8Array, cuts: readonly number[] = [], limits?: HttpAnswerLimits) {
  const decoder = new HttpAnswerDecoder(limits);
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  let result: HttpAnswerResult = { kind: "incomplete" };
  let from = 0;
  for (const to of ends) {
    if (result.kind !== "incomplete") break;
    result = decoder.feed(bytes.subarray(from, to));
    from = to;
  }
  // What was not fed is what the owner of the socket would read next.
  if (result.kind !== "answer") return result;
  return { ...result, fields: [...result.fields], rest: [...result.rest, ...bytes.subarray(from)] };
}

function reason(text: string | Uint8Array, limits?: HttpAnswerLimits): string {
  const result = decode(text, [], limits);
  return result.kind === "malformed" ? result.reason : result.kind;
}

const cuts = fc.array(fc.nat(1000), { maxLength: 12 });

Deno.test("HTTP answer: comes out the same however it is cut, and leaves what follows alone", () => {
  const statuses = fc.integer({ min: 100, max: 599 });
  const names = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,20}$/);
  const values = fc.stringMatching(/^([!-~]([ -~]{0,20}[!-~])?)?$/);
  const fields = fc.uniqueArray(fc.tuple(names, values), {
    maxLength: 10,
    selector: ([name]) => name.toLowerCase(),
  });
  fc.assert(
    fc.property(statuses, fields, fc.uint8Array({ maxLength: 50 }), cuts, (status, fields, rest, cuts) => {
      const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
      const head = encoder.encode(`HTTP/1.1 ${status} Whatever it is\r\n${lines}\r\n`);
      const expected = fields.map(([name, value]) => [name.toLowerCase(), value]);
      assert.deepEqual(decode(Uint8Array.of(...head, ...rest), cuts), {
        kind: "answer",
        status,
        fields: expected,
        rest: [...rest],
      });
    }),
  );
});

Deno.test("HTTP answer: arbitrary bytes give the same result however they are cut, and never throw", () => {
  const texts = fc.array(fc.constantFrom("HTTP/1.1 200 OK", "\r\n", "\r", "\n", ":", "a", " ", "\0", "é"), {
    maxLength: 12,
  });
  fc.assert(fc.property(texts, cuts, (parts, cuts) => {
    const text = parts.join("");
    assert.deepEqual(decode(text, cuts), decode(text));
  }));
});

Deno.test("HTTP answer: values of one field that comes twice are joined", () => {
  const answer = decode("HTTP/1.0 407 No\r\nA: b\r\na:c\r\n\r\n");
  assert.deepEqual(answer, { kind: "answer", status: 407, fields: [["a", "b, c"]], rest: [] });
});

Deno.test("HTTP answer: what is none is told at its first wrong byte", () => {
  for (const text of ["S", "SSH-2.0", "HTTP/2", "\0", "\x01\0\0\0", "http/1.1 200", "HTTX"]) {
    assert.equal(reason(text), "it does not speak HTTP/1.1", text);
  }
  assert.equal(reason("HTTP/1."), "incomplete");
});

Deno.test("HTTP answer: a malformed head is refused", () => {
  for (
    const line of [
      "HTTP/1.1 20 OK",
      "HTTP/1.1 2000",
      "HTTP/1.1 600 x",
      "HTTP/1.1",
      "HTTP/1.2 200 x",
      "HTTP/1.1  200",
    ]
  ) {
    assert.equal(reason(`${line}\r\n\r\n`), "the first line of its answer has no status", line);
  }
  for (const field of ["no colon", ": x", "a b: c", " folded: x", "a: b\nc: d", "a: b\rc", "a: b\0"]) {
    assert.equal(reason(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`), "a field of its answer is malformed", field);
  }
});

Deno.test("HTTP answer: a head beyond the limits is refused, whether it ends or not", () => {
  const tooLong = "the head of its answer is longer than 64 bytes";
  const head = (length: number) => `HTTP/1.1 200 OK\r\nA: ${"x".repeat(length - 24)}\r\n\r\n`;
  assert.equal(reason(head(64), { maxBytes: 64 }), "answer");
  assert.equal(reason(`${head(64)}and more`, { maxBytes: 64 }), "answer");
  assert.equal(reason(head(65), { maxBytes: 64 }), tooLong);
  assert.equal(reason(`HTTP/1.1 200 ${"x".repeat(64)}`, { maxBytes: 64 }), tooLong);
  assert.match(reason(`HTTP/1.1 200 ${"x".repeat(20_000)}`), /longer than 16384 bytes/);
  const many = `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(4)}\r\n`;
  assert.equal(reason(many, { maxFields: 4 }), "answer");
  assert.equal(reason(many, { maxFields: 3 }), "the head of its answer has more than 3 fields");
});
