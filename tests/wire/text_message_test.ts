import assert from "node:assert/strict";
import fc from "fast-check";
import { isTopic } from "../../src/core/topic.ts";
import { readTopicKey } from "../../src/wire/header_fields.ts";
import type { MalformedMessage } from "../../src/wire/malformed_message.ts";
import { encodeTextMessage, parseTextMessage, type TextMessage } from "../../src/wire/text_message.ts";

const ID = "00000000-0000-4000-8000-000000000001";
const PARENT = "00000000-0000-4000-8000-000000000002";
const MAX_TIMEOUT_MS = 60_000;
const LONG_TOPIC = `a${"b".repeat(254)}`;
const LEVELS = (count: number) => new Array(count).fill("x").join(".");

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function parse(message: Uint8Array | string): TextMessage | MalformedMessage {
  const bytes = typeof message === "string" ? bytesOf(message) : message;
  return parseTextMessage(bytes, { maxTimeoutMs: MAX_TIMEOUT_MS });
}

function parsed(message: Uint8Array | string): TextMessage {
  const result = parse(message);
  if (result.kind === "malformed") assert.fail(result.message);
  return result;
}

function refused(message: Uint8Array | string): MalformedMessage {
  const result = parse(message);
  if (result.kind === "message") assert.fail("it was read");
  return result;
}

const topics = fc.array(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,13}$/), { minLength: 1, maxLength: 16 })
  .map((levels) => levels.join("."));
const numbers = fc.nat(999_999);
const versions = fc.tuple(numbers, numbers, fc.nat(9999)).map((parts) => parts.join("."));
const ids = fc.option(fc.uuid());
const headers = fc.oneof(
  fc.record({
    action: fc.constantFrom("publish", "response" as const),
    topic: topics,
    version: versions,
    requestId: ids,
    parentRequestId: ids,
    timeoutMs: fc.constant(null),
  }),
  fc.record({
    action: fc.constant("request" as const),
    topic: topics,
    version: versions,
    requestId: ids,
    parentRequestId: ids,
    timeoutMs: fc.option(fc.integer({ min: 1, max: MAX_TIMEOUT_MS })),
  }),
);

Deno.test("Text message: any header and payload come back", () => {
  fc.assert(fc.property(headers, fc.uint8Array(), (header, payload) => {
    const message = parsed(encodeTextMessage(header, payload));
    const { action, topic, version, requestId, parentRequestId, timeoutMs } = message;
    assert.deepEqual({ action, topic, version, requestId, parentRequestId, timeoutMs }, { ...header });
    assert.equal(message.topicKey, header.topic.toLowerCase());
    assert.deepEqual([...message.payload], [...payload]);
  }));
});

Deno.test("Text message: a payload of text is written as UTF-8", () => {
  fc.assert(fc.property(headers, fc.string({ unit: "binary" }), (header, payload) => {
    assert.deepEqual(encodeTextMessage(header, payload), encodeTextMessage(header, bytesOf(payload)));
  }));
});

Deno.test("Text message: nothing that a peer sends throws", () => {
  const pieces = fc.constantFrom("publish", "request", ":", "\n", ".", "a", "1.0.0", ID, "", "5", "é");
  const likely = fc.array(pieces, { maxLength: 20 }).map((parts) => bytesOf(parts.join("")));
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), likely), (bytes) => {
    const result = parse(bytes);
    if (result.kind === "malformed") assert.match(result.message, /^Cannot read the /);
    else assert.equal(isTopic(result.topic), true);
  }));
});

Deno.test("Text message: the grammar of topics in bytes is the one of texts", () => {
  const letters = fc.array(fc.constantFrom("a", "Z", "z", "1", "_", "-", ".", " ", "@", "[", "`", "{", "ä"), {
    maxLength: 40,
  });
  const edges = fc.constantFrom(LONG_TOPIC, `${LONG_TOPIC}c`, LEVELS(16), LEVELS(17), "", ".", "a.", ".a");
  const texts = fc.oneof(topics, fc.string(), letters.map((all) => all.join("")), edges);
  fc.assert(
    fc.property(texts, (text) => {
      const bytes = bytesOf(`-${text}-`);
      const key = readTopicKey(bytes, 1, bytes.length - 1);
      assert.equal(key, isTopic(text) ? text.toLowerCase() : null, text);
    }),
    { numRuns: 500 },
  );
});

Deno.test("Text message: the action is read in any case", () => {
  for (
    const [written, action] of [["PUBLISH", "publish"], ["rEqUeSt", "request"], ["Response", "response"]]
  ) {
    assert.equal(parsed(`${written}:a:1.0.0\n`).action, action);
  }
});

Deno.test("Text message: the topic is matched in lower case and delivered as it was written", () => {
  const message = parsed(`publish:Orders.NEW-1.x_Y:01.2.3:${ID}\n{}`);
  assert.equal(message.topicKey, "orders.new-1.x_y");
  assert.equal(message.topic, "Orders.NEW-1.x_Y");
  assert.equal(message.version, "01.2.3");
  assert.equal(textOf(message.destination.bytes), "Orders.NEW-1.x_Y:01.2.3");
});

Deno.test("Text message: the payload is a view of what came, newlines and all", () => {
  const bytes = bytesOf("publish:a:1.0.0\none\ntwo\n");
  const { payload } = parsed(bytes);
  assert.equal(payload.buffer, bytes.buffer);
  assert.equal(textOf(payload), "one\ntwo\n");
  assert.equal(parsed("publish:a:1.0.0\n").payload.length, 0);
});

Deno.test("Text message: the bytes may lie anywhere in their buffer", () => {
  const bytes = bytesOf(`??request:A.b:1.2.3:${ID}:${PARENT}:5000\nx??`);
  const message = parsed(bytes.subarray(2, -2));
  assert.deepEqual([message.topic, message.version, message.topicKey], ["A.b", "1.2.3", "a.b"]);
  assert.deepEqual([message.requestId, message.parentRequestId, message.timeoutMs], [ID, PARENT, 5000]);
  assert.equal(textOf(message.payload), "x");
});

Deno.test("Text message: an id is left out by the header's end or by nothing between its colons", () => {
  const cases: readonly (readonly [string, string | null, string | null, number | null])[] = [
    ["request:a:1.0.0", null, null, null],
    [`request:a:1.0.0:${ID}`, ID, null, null],
    [`request:a:1.0.0::${PARENT}`, null, PARENT, null],
    [`request:a:1.0.0:::1`, null, null, 1],
    [`request:a:1.0.0:${ID}::${MAX_TIMEOUT_MS}`, ID, null, MAX_TIMEOUT_MS],
    [`response:a:1.0.0:${ID.toUpperCase()}:${PARENT}`, ID.toUpperCase(), PARENT, null],
    [
      "request:a:1.0.0:AbCdEf01-aBcD-9fff-ffff-FFFFFFFFFFFF",
      "AbCdEf01-aBcD-9fff-ffff-FFFFFFFFFFFF",
      null,
      null,
    ],
  ];
  for (const [header, requestId, parentRequestId, timeoutMs] of cases) {
    const message = parsed(`${header}\n`);
    assert.deepEqual(
      [message.requestId, message.parentRequestId, message.timeoutMs],
      [requestId, parentRequestId, timeoutMs],
      header,
    );
  }
});

Deno.test("Text message: a header may have 512 bytes", () => {
  const header = `request:${LONG_TOPIC}:1.0.0:${ID}:${PARENT}:`;
  assert.equal(parsed(`${header}${"1".padStart(15, "0")}\n`).timeoutMs, 1);
  const noise = (length: number) => `publish:a:1.0.0:${"x".repeat(length - 16)}\n`;
  assert.equal(refused(noise(512)).field, "requestId");
  assert.equal(refused(noise(513)).field, "header");
});

/** What comes before the newline, the field that is wrong, and what is said. */
type Case = readonly [
  header: string | Uint8Array,
  field: MalformedMessage["field"],
  said: string,
  requestId?: string,
];

const NEEDED = "action, topic and version are needed";
const KNOWN = "there are action, topic, version, requestId, parentRequestId and timeoutMs";
const ACTIONS = "it has to be publish, request or response";
const TOPIC_RULE =
  "it has to be levels with dots between them, each a letter and then letters, digits, _ and -";
const VERSION_RULE = "it has to be MAJOR.MINOR.PATCH in digits, at most 20 bytes";
const ID_RULE = "it has to be a UUID, or empty where a later field follows";
const TIMEOUT_RULE = `it has to be a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`;
const NO_TIMEOUT = "it has to be left out, as only requests have one";
const NO_TEXT = "it is not valid UTF-8";

/** A header with a byte that is in no UTF-8 where the `?` stands. */
function broken(header: string): Uint8Array {
  return bytesOf(header).map((byte) => byte === 0x3f ? 0xff : byte);
}

const CASES: readonly Case[] = [
  ["", "header", `header: it has 1 field; ${NEEDED}`],
  ["publish", "header", `header: it has 1 field; ${NEEDED}`],
  ["publish:a", "header", `header: it has 2 fields; ${NEEDED}`],
  [`request:a:1.0.0:${ID}:${PARENT}:5:`, "header", `header: it has 7 fields; ${KNOWN}`, ID],
  ["request:a:1.0.0:x:y:5:6:7", "header", `header: it has 8 fields; ${KNOWN}`],

  [`:a:1.0.0:${ID}`, "action", `action: it is empty; ${ACTIONS}`, ID],
  [`subscribe:a:1.0.0:${ID}`, "action", `action "subscribe": ${ACTIONS}`, ID],
  ["publishs:a:1.0.0", "action", `action "publishs": ${ACTIONS}`],
  ["publis:a:1.0.0", "action", `action "publis": ${ACTIONS}`],
  [" publish:a:1.0.0", "action", `action " publish": ${ACTIONS}`],
  [`${"p".repeat(65)}:a:1.0.0`, "action", `action "${"p".repeat(64)}...": ${ACTIONS}`],
  [broken(`publis?:a:1.0.0:${ID}`), "action", `action: ${NO_TEXT}`, ID],

  [`publish::1.0.0:${ID}`, "topic", `topic: it is empty; ${TOPIC_RULE}`, ID],
  [`publish:${LONG_TOPIC}c:1.0.0:${ID}`, "topic", "topic: it has 256 bytes, at most 255 are allowed", ID],
  [`publish:${LEVELS(17)}:1.0.0:${ID}`, "topic", "topic: it has 17 levels, at most 16 are allowed", ID],
  ["publish:1a:1.0.0", "topic", `topic "1a": ${TOPIC_RULE}`],
  ["publish:a..b:1.0.0", "topic", `topic "a..b": ${TOPIC_RULE}`],
  ["publish:a.:1.0.0", "topic", `topic "a.": ${TOPIC_RULE}`],
  ["publish:a.+:1.0.0", "topic", `topic "a.+": ${TOPIC_RULE}`],
  ["publish:ä:1.0.0", "topic", `topic "ä": ${TOPIC_RULE}`],
  ['publish:a"\t:1.0.0', "topic", `topic "a\\"\\t": ${TOPIC_RULE}`],
  [broken(`publish:a.?:1.0.0:${ID}`), "topic", `topic: ${NO_TEXT}`, ID],

  [`publish:a::${ID}`, "version", `version: it is empty; ${VERSION_RULE}`, ID],
  ...["1", "1.0", "1.0.0.0", "1..0", ".1.0.0", "1.0.", "1.0.x", "v1.0.0", "1.0.0-rc", "-1.0.0", "1.0.0\r"]
    .map(
      (
        version,
      ): Case => [`publish:a:${version}`, "version", `version ${JSON.stringify(version)}: ${VERSION_RULE}`],
    ),
  [`publish:a:1.0.${"0".repeat(17)}`, "version", `version "1.0.${"0".repeat(17)}": ${VERSION_RULE}`],
  [broken(`publish:a:1.0.?:${ID}`), "version", `version: ${NO_TEXT}`, ID],

  ["publish:a:1.0.0:", "requestId", `requestId: it is empty; ${ID_RULE}`],
  ["publish:a:1.0.0:7", "requestId", `requestId "7": ${ID_RULE}`],
  [`publish:a:1.0.0:7:${PARENT}`, "requestId", `requestId "7": ${ID_RULE}`],
  [`publish:a:1.0.0:${ID}0`, "requestId", `requestId "${ID}0": ${ID_RULE}`],
  [`publish:a:1.0.0:{${ID.slice(2)}}`, "requestId", `requestId "{${ID.slice(2)}}": ${ID_RULE}`],
  [
    `publish:a:1.0.0:${ID.replaceAll("-", "0")}`,
    "requestId",
    `requestId "${ID.replaceAll("-", "0")}": ${ID_RULE}`,
  ],
  [`publish:a:1.0.0:g${ID.slice(1)}`, "requestId", `requestId "g${ID.slice(1)}": ${ID_RULE}`],
  [broken(`publish:a:1.0.0:${ID.slice(1)}?`), "requestId", `requestId: ${NO_TEXT}`],

  [`request:a:1.0.0:${ID}:`, "parentRequestId", `parentRequestId: it is empty; ${ID_RULE}`, ID],
  [`request:a:1.0.0:${ID}:x:5`, "parentRequestId", `parentRequestId "x": ${ID_RULE}`, ID],
  ["request:a:1.0.0::x", "parentRequestId", `parentRequestId "x": ${ID_RULE}`],
  [broken(`request:a:1.0.0:${ID}:?`), "parentRequestId", `parentRequestId: ${NO_TEXT}`, ID],

  [`request:a:1.0.0:${ID}::`, "timeoutMs", `timeoutMs: it is empty; ${TIMEOUT_RULE}`, ID],
  ...["0", "-1", "1.5", "1e3", " 5", "five", `${MAX_TIMEOUT_MS + 1}`, "9".repeat(16), "0".repeat(16)].map(
    (timeout): Case => [
      `request:a:1.0.0:${ID}::${timeout}`,
      "timeoutMs",
      `timeoutMs "${timeout}": ${TIMEOUT_RULE}`,
      ID,
    ],
  ),
  [broken(`request:a:1.0.0:${ID}::?`), "timeoutMs", `timeoutMs: ${NO_TEXT}`, ID],
  [`publish:a:1.0.0:${ID}::5000`, "timeoutMs", `timeoutMs "5000": ${NO_TIMEOUT}`, ID],
  [`publish:a:1.0.0:${ID}::`, "timeoutMs", `timeoutMs: it is empty; ${NO_TIMEOUT}`, ID],
  ["response:a:1.0.0:::1", "timeoutMs", `timeoutMs "1": ${NO_TIMEOUT}`],
];

for (const [header, field, said, requestId = null] of CASES) {
  Deno.test(`Text message: a wrong ${field} is named: ${said}`, () => {
    const bytes = typeof header === "string" ? bytesOf(`${header}\n{}`) : Uint8Array.of(...header, 0x0a);
    const message = `Cannot read the ${said}`;
    assert.deepEqual(refused(bytes), { kind: "malformed", field, message, requestId });
  });
}

for (
  const [what, bytes, said] of [
    ["an empty message", new Uint8Array(0), "the message is empty"],
    ["a header without a newline", bytesOf(`publish:a:1.0.0:${ID}`), "no newline ends it"],
    ["512 bytes without a newline", new Uint8Array(512), "no newline ends it"],
    ["more without a newline", new Uint8Array(513), "it is longer than 512 bytes, or no newline ends it"],
    [
      "a newline that comes too late",
      bytesOf(`${"x".repeat(513)}\n`),
      "it is longer than 512 bytes, or no newline ends it",
    ],
  ] as const
) {
  Deno.test(`Text message: ${what} has no header`, () => {
    const message = `Cannot read the header: ${said}`;
    assert.deepEqual(refused(bytes), { kind: "malformed", field: "header", message, requestId: null });
  });
}
