/** What the fuzzing of HTTP is worth: that its tricks are tricks, and that enough of its cases are read at all. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { HTTP_RESPONSE_TRICKS, HTTP_TRICKS } from "../../fuzz/http_corpus.ts";
import { makeHttp } from "../../fuzz/http_messages.ts";
import { checkRequests, checkResponses } from "../../fuzz/http_target.ts";
import { Random } from "../../fuzz/random.ts";

Deno.test("HTTP tricks: none is passed on, whole or in pieces", () => {
  for (const { name, text } of HTTP_TRICKS) {
    assert.equal(checkRequests(Buffer.from(text, "latin1"), new Random(1)).passedOn, 0, name);
  }
  for (const { name, text } of HTTP_RESPONSE_TRICKS) {
    for (let seed = 0; seed < 4; seed++) {
      assert.equal(checkResponses(Buffer.from(text, "latin1"), new Random(seed)).passedOn, 0, name);
    }
  }
});

Deno.test("HTTP tricks: what is right beside them is passed on, and node:http takes it", () => {
  const right = [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 003\r\n\r\nabc",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\t CHUNKED \r\n\r\n003;a=b\r\nabc\r\n000\r\nX: y\r\n\r\n",
    "\r\nGET http://A:80?b HTTP/1.1\r\nHost: a:80\r\nX:\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\nConnection: X\r\nX: y\r\n\r\n",
  ];
  for (const text of right) {
    const outcome = checkRequests(Buffer.from(text, "latin1"), new Random(1));
    assert.deepEqual(outcome, { passedOn: 1, taken: 1 }, text);
  }
});

Deno.test("HTTP tricks: of what is made, a good part is passed on, and a good part refused", () => {
  const counts = { requests: 0, passedOn: 0, taken: 0 };
  for (let seed = 0; seed < 2000; seed++) {
    const random = new Random(seed);
    const input = makeHttp(random);
    const isResponse = input[0] === 0x48;
    const { passedOn, taken } = (isResponse ? checkResponses : checkRequests)(input, random);
    if (!isResponse) counts.requests++;
    counts.passedOn += passedOn;
    counts.taken += taken;
  }
  const shown = JSON.stringify(counts);
  assert.ok(counts.requests > 1000 && counts.requests < 1800, shown);
  assert.ok(counts.passedOn > 500 && counts.taken > 400 && counts.passedOn < 3000, shown);
});
