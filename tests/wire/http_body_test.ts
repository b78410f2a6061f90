import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  type BodyFraming,
  createBodyDecoder,
  encodeChunk,
  encodeLastChunk,
  MAX_TRAILER_BYTES,
  requestFraming,
  responseFraming,
} from "../../src/wire/http_body.ts";
import { isRefusal, RequestReader, ResponseReader } from "../../src/wire/http_head.ts";

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));

function framingOf(fields: string, version = "1.1") {
  const result = new RequestReader().feed(bytesOf(`POST / HTTP/${version}\r\n${fields}\r\n`));
  assert.ok(result.kind === "head");
  return requestFraming(result.head);
}

/** What a decoder makes of bytes in pieces of this length: the body, what is left, or the refusal's status. */
function decode(framing: BodyFraming, text: string, pieceBytes = Infinity) {
  const decoder = createBodyDecoder(framing);
  const bytes = bytesOf(text);
  let body = "";
  for (let at = 0; at < bytes.length && !decoder.isOver;) {
    const piece = bytes.subarray(at, Math.min(bytes.length, at + pieceBytes));
    const result = decoder.feed(piece);
    if (isRefusal(result)) return result.status;
    for (const part of result.parts) body += Buffer.from(part).toString("latin1");
    assert.ok(result.usedBytes === piece.length || result.isOver);
    at += result.usedBytes;
    if (result.isOver) {
      return { body, isOver: true, left: bytes.length - at, trailers: [...decoder.trailers] };
    }
  }
  return { body, isOver: decoder.isOver };
}

Deno.test("HTTP body: how a request ends is certain, or it is refused", () => {
  assert.deepEqual(framingOf(""), { kind: "none" });
  assert.deepEqual(framingOf("Content-Length: 0\r\n"), { kind: "length", bytes: 0 });
  assert.deepEqual(framingOf("content-LENGTH: 12\r\n"), { kind: "length", bytes: 12 });
  assert.deepEqual(framingOf("Transfer-Encoding: Chunked\r\n"), { kind: "chunked" });
  const tricks = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: -5\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length: 5.0\r\n",
    "Content-Length: 5 5\r\n",
    "Content-Length:\r\n",
    "Content-Length: 9999999999999999\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: identity, chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    'Transfer-Encoding: "chunked"\r\n',
    "Transfer-Encoding: chunked,\r\n",
    "Transfer-Encoding:\r\n",
    "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n",
  ];
  for (const fields of tricks) assert.ok(isRefusal(framingOf(fields)), fields);
  assert.ok(isRefusal(framingOf("Transfer-Encoding: chunked\r\n", "1.0")));
});

Deno.test("HTTP body: how a response ends, by method and status", () => {
  const framing = (head: string, method = "GET") => {
    const result = new ResponseReader().feed(bytesOf(`HTTP/1.1 ${head}\r\n\r\n`));
    assert.ok(result.kind === "head");
    return responseFraming(result.head, method);
  };
  assert.deepEqual(framing("200 OK"), { kind: "until_close" });
  assert.deepEqual(framing("200 OK\r\nContent-Length: 3"), { kind: "length", bytes: 3 });
  assert.deepEqual(framing("200 OK\r\nTransfer-Encoding: chunked"), { kind: "chunked" });
  for (const head of ["204 No\r\nContent-Length: 3", "304 Not\r\nContent-Length: 3", "101 Go", "100 Go on"]) {
    assert.deepEqual(framing(head), { kind: "none" }, head);
  }
  assert.deepEqual(framing("200 OK\r\nContent-Length: 3", "HEAD"), { kind: "none" });
  assert.ok(isRefusal(framing("200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked")));
  assert.ok(isRefusal(framing("200 OK\r\nContent-Length: x", "HEAD")), "also where there is no body");
});

Deno.test("HTTP body: by length, to the end, none", () => {
  assert.deepEqual(decode({ kind: "length", bytes: 3 }, "abcdef"), {
    body: "abc",
    isOver: true,
    left: 3,
    trailers: [],
  });
  assert.deepEqual(decode({ kind: "length", bytes: 9 }, "abc"), { body: "abc", isOver: false });
  assert.deepEqual(decode({ kind: "until_close" }, "abc"), { body: "abc", isOver: false });
  assert.equal(createBodyDecoder({ kind: "none" }).isOver, true);
  assert.equal(createBodyDecoder({ kind: "length", bytes: 0 }).isOver, true);
});

Deno.test("HTTP body: chunks with extensions and trailers, in pieces of any length", () => {
  const text = '3\r\nabc\r\n0A;x="y"\r\n0123456789\r\n0\r\nX-Sum: 1\r\nY: \xe4\r\n\r\nGET';
  const trailers = [{ name: "X-Sum", key: "x-sum", value: "1" }, { name: "Y", key: "y", value: "\xe4" }];
  for (const pieceBytes of [1, 2, 3, 5, 7, 1000]) {
    const read = decode({ kind: "chunked" }, text, pieceBytes);
    assert.ok(typeof read === "object" && read.isOver);
    assert.deepEqual([read.body, read.trailers], ["abc0123456789", trailers]);
  }
});

Deno.test("HTTP body: chunks that are none are refused", () => {
  const tricks = [
    "3\nabc\r\n",
    "+3\r\nabc\r\n",
    "-1\r\n",
    "0x3\r\nabc\r\n",
    " 3\r\nabc\r\n",
    "3 \r\nabc\r\n",
    "3\t;a\r\nabc\r\n",
    "\r\nabc\r\n",
    "g\r\n",
    "3\r\nabcX\r\n",
    "3\r\nabc\n",
    "3\r\nabc\rX\r\n",
    "ffffffffffffffff\r\n",
    "1000000000000000000\r\n",
    `1;${"x".repeat(300)}\r\na\r\n`,
    "0\r\nX : a\r\n\r\n",
    "0\r\n folded\r\n\r\n",
    "0\r\nX: a\nY: b\r\n\r\n",
    `0\r\nX: ${"a".repeat(MAX_TRAILER_BYTES)}\r\n\r\n`,
    `0\r\n${"X: a\r\n".repeat(200)}\r\n`,
    "3\0\r\nabc\r\n",
  ];
  for (const text of tricks) {
    for (const pieceBytes of [1, 1000]) {
      const status = decode({ kind: "chunked" }, text, pieceBytes);
      assert.ok(
        status === 400 || status === 431,
        `${JSON.stringify(text)} by ${pieceBytes}: ${JSON.stringify(status)}`,
      );
    }
  }
});

Deno.test("HTTP body: what is written in chunks is read as it was", () => {
  const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 10 });
  fc.assert(fc.property(parts, fc.integer({ min: 1, max: 400 }), (all, pieceBytes) => {
    const last = encodeLastChunk(`X-Count: ${all.length}\r\n`);
    const encoded = Buffer.concat([...all.flatMap(encodeChunk), last]).toString("latin1");
    const read = decode({ kind: "chunked" }, encoded, pieceBytes);
    assert.ok(typeof read === "object" && read.isOver);
    assert.equal(read.body, Buffer.concat(all).toString("latin1"));
    assert.equal(read.trailers?.[0]?.value, String(all.length));
  }));
});
