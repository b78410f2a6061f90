import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { MAX_FIELDS, MAX_HEAD_BYTES, RequestReader, ResponseReader } from "../../src/wire/http_head.ts";

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

/** What a reader makes of bytes, fed in pieces that end at these places. */
function read(reader: RequestReader | ResponseReader, bytes: Uint8Array, cuts: readonly number[] = []) {
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    const result = reader.feed(bytes.subarray(from, to));
    if (result.kind !== "incomplete") {
      return result.kind === "head"
        ? { ...result, rest: textOf(result.rest) + textOf(bytes.subarray(to)) }
        : result;
    }
    from = to;
  }
  return { kind: "incomplete" } as const;
}

function request(text: string) {
  return read(new RequestReader(), bytesOf(text));
}

Deno.test("HTTP head: a request with its fields, as they were written, and what follows", () => {
  const result = request("GET /a?b HTTP/1.1\r\nHost: a.example\r\nX-Odd: \t \xe4 b \t\r\nEmpty:\r\n\r\nbody");
  assert.ok(result.kind === "head" && result.head.kind === "request");
  const { method, target, minor, fields } = result.head;
  assert.deepEqual([method, target, minor, result.rest], ["GET", "/a?b", 1, "body"]);
  assert.deepEqual([...fields].map(({ name, value }) => [name, value]), [
    ["Host", "a.example"],
    ["X-Odd", "\xe4 b"],
    ["Empty", ""],
  ]);
  assert.equal(fields.get("x-odd"), "\xe4 b");
});

Deno.test("HTTP head: a response, also without a reason", () => {
  for (
    const [line, status, reason] of [["200 OK", 200, "OK"], ["404", 404, ""], [
      "599 \xe4 b",
      599,
      "\xe4 b",
    ]] as const
  ) {
    const result = read(new ResponseReader(), bytesOf(`HTTP/1.0 ${line}\r\nA: b\r\n\r\n`));
    assert.ok(result.kind === "head" && result.head.kind === "response");
    assert.deepEqual([result.head.status, result.head.reason, result.head.minor], [status, reason, 0]);
  }
  for (
    const line of ["HTTP/1.1 99 x", "HTTP/1.1 600 x", "HTTP/2 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 2000"]
  ) {
    assert.equal(read(new ResponseReader(), bytesOf(`${line}\r\n\r\n`)).kind, "refused", line);
  }
});

Deno.test("HTTP head: what could be read in two ways is refused", () => {
  const cases: [string, number][] = [
    ["GET / HTTP/1.1\nHost: a\n\n", 400],
    ["GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nX : a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nX\t: a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n: a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nX\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n X: a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nX(: a\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nX: a\x7fb\r\n\r\n", 400],
    ["GET  / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1 \r\n\r\n", 400],
    ["GET /a b HTTP/1.1\r\n\r\n", 400],
    ["GET\t/ HTTP/1.1\r\n\r\n", 400],
    ["G(T / HTTP/1.1\r\n\r\n", 400],
    ["GET /\xe4 HTTP/1.1\r\n\r\n", 400],
    ["GET / http/1.1\r\n\r\n", 400],
    ["GET /\r\n\r\n", 400],
    ["GET / HTTP/2.0\r\n\r\n", 505],
    ["GET / HTTP/1.2\r\n\r\n", 505],
    ["GET / HTTP/0.9\r\n\r\n", 505],
    ["\x16\x03\x01\x02\x00\x01\x00\x01", 400],
    ["\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400],
  ];
  for (const [text, status] of cases) {
    const result = request(text);
    assert.deepEqual(result.kind === "refused" && result.status, status, JSON.stringify(text));
  }
  assert.equal(request("\r\nGET / HTTP/1.1\r\n\r\n").kind, "head", "one empty line is passed over");
});

Deno.test("HTTP head: as long as it may be and no longer, with as many fields", () => {
  const line = "GET / HTTP/1.1\r\nX: ";
  const fit = `${line}${"a".repeat(MAX_HEAD_BYTES - line.length - 4)}\r\n\r\n`;
  assert.equal(request(fit).kind, "head");
  for (const cuts of [[], [1], [MAX_HEAD_BYTES - 1], [MAX_HEAD_BYTES]]) {
    const tooLong = read(new RequestReader(), bytesOf(`${line}${"a".repeat(MAX_HEAD_BYTES)}`), cuts);
    assert.deepEqual(tooLong.kind === "refused" && tooLong.status, 431);
    const byOne = read(new RequestReader(), bytesOf(fit.replace("a", "aa")), cuts);
    assert.deepEqual(byOne.kind === "refused" && byOne.status, 431);
  }
  const fields = (count: number) => `GET / HTTP/1.1\r\n${"X: a\r\n".repeat(count)}\r\n`;
  assert.equal(request(fields(MAX_FIELDS)).kind, "head");
  const many = request(fields(MAX_FIELDS + 1));
  assert.deepEqual(many.kind === "refused" && many.status, 431);
});

Deno.test("HTTP head: one empty line before it is passed over in whatever pieces it comes, a second is not", () => {
  const once = bytesOf("\r\nGET / HTTP/1.1\r\n\r\n");
  const twice = bytesOf("\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  for (const cuts of [[], [1], [2], [1, 2], [1, 2, 3], [1, 1, 2, 2], [4]]) {
    assert.equal(read(new RequestReader(), once, cuts).kind, "head", `cut at ${cuts}`);
    assert.equal(read(new RequestReader(), twice, cuts).kind, "refused", `cut at ${cuts}`);
  }
});

Deno.test("HTTP head: the same in whatever pieces it comes", () => {
  const piece = fc.constantFrom(
    "GET ",
    "/ ",
    "HTTP/1.1",
    "\r\n",
    "\n",
    "\r",
    "Host: a",
    ":",
    " ",
    "X",
    "\0",
    "\t",
    "a=b",
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 20 }).map((parts) => parts.join("")),
    fc.constantFrom("GET / HTTP/1.1\r\nHost: a\r\n\r\nmore", "\r\nPUT /x HTTP/1.0\r\nA:b\r\nC: d\r\n\r\n"),
  );
  fc.assert(fc.property(text, fc.array(fc.nat(60), { maxLength: 5 }), (whole, places) => {
    const bytes = bytesOf(whole);
    const cuts = places.map((place) => Math.min(place, bytes.length)).sort((one, other) => one - other);
    const inPieces = read(new RequestReader(), bytes, cuts);
    const atOnce = read(new RequestReader(), bytes);
    assert.equal(inPieces.kind, atOnce.kind);
    if (inPieces.kind === "head" && atOnce.kind === "head") assert.deepEqual(inPieces, atOnce);
  }));
});

Deno.test("HTTP heads: other limits are kept as exactly", () => {
  const limits = { maxBytes: 100, maxFields: 2 };
  const of = (fields: string, cuts: readonly number[] = []) =>
    read(new RequestReader(limits), bytesOf(`GET / HTTP/1.1\r\n${fields}\r\n`), cuts).kind;
  const fit = `X: ${"a".repeat(77)}\r\n`;
  for (const cuts of [[], [1], [50], [99]]) {
    assert.equal(of(fit, cuts), "head");
    assert.equal(of(`X${fit}`, cuts), "refused");
    assert.equal(of("A: 1\r\nB: 2\r\n", cuts.filter((at) => at < 20)), "head");
    assert.equal(of("A: 1\r\nB: 2\r\nC: 3\r\n", cuts.filter((at) => at < 20)), "refused");
  }
});
