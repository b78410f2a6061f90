/** `trunkline pub` and `trunkline sub` against a real hub. */
import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { run, startSub } from "./commands.ts";
import { bytes } from "./memory_io.ts";
import { answerTo, errorPayload, StubHub } from "./stub_hub.ts";
import { NOWHERE, overAll, urlOf, waysTo } from "./ways.ts";

const SUCCESS = { status: "success" };
const ID = "6f9619ff-8b86-4011-b42d-00c04fc964ff";

Deno.test("pub and sub: a message gets through over ws, wss, tcp and tls", async () => {
  await overAll(async (scheme, to) => {
    const sub = await startSub(["news.#", "--count", "1", "--json", ...to]);
    const pub = await run(["pub", "News.sport", "1 : 0", "--json", ...to]);
    assert.deepEqual([pub.code, pub.io.errors], [0, ""], scheme);
    assert.equal(await sub.ended, 0);
    const published = JSON.parse(pub.io.text);
    assert.deepEqual(published, { topic: "News.sport", id: published.id, status: "success" });
    const { id, time, ...received } = JSON.parse(sub.io.text);
    assert.deepEqual(received, { topic: "News.sport", requestId: published.id, payload: "1 : 0" });
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  });
});

Deno.test("pub and sub: both leave with 1000", async () => {
  await overAll(async (scheme, to, hub) => {
    const sub = await startSub(["a", "--count", "1", ...to]);
    assert.equal((await run(["pub", "a", "x", ...to])).code, 0, scheme);
    assert.equal(await sub.ended, 0);
    await hub.metricBecomes(
      'trunkline_connections_closed_total{code="1000"}',
      scheme.startsWith("w") ? 2 : 4,
    );
  });
});

Deno.test("sub: text is a line per message that cannot drive the terminal", async () => {
  await using hub = await TestHub.start();
  const sub = await startSub(["#", "--count", "4", ...urlOf(hub)]);
  for (const payload of ["héllo wörld", "\x1b[2J\r\nfake", ""]) {
    await run(["pub", "a.b", payload, ...urlOf(hub)]);
  }
  await run(["pub", "a.b", "-", ...urlOf(hub)], { input: bytes(0x41, 0xff, 0x0a) });
  assert.equal(await sub.ended, 0);
  assert.deepEqual(sub.io.text.split("\n"), [
    "a.b héllo wörld",
    "a.b \\x1b[2J\\r\\nfake",
    "a.b ",
    "a.b A\\xff\\n",
  ]);
});

Deno.test("sub: colours are for terminals only", async () => {
  await using hub = await TestHub.start();
  const plain = await startSub(["a", "--count", "1", ...urlOf(hub)]);
  const coloured = await startSub(["a", "--count", "1", ...urlOf(hub)], { hasColours: true });
  await run(["pub", "a", "x", ...urlOf(hub)]);
  assert.deepEqual([await plain.ended, await coloured.ended], [0, 0]);
  assert.equal(plain.io.text, "a x");
  assert.equal(coloured.io.text, "\x1b[36ma\x1b[0m x");
});

Deno.test("sub: JSON holds text as a string and bytes as base64", async () => {
  await using hub = await TestHub.start();
  const sub = await startSub(["a", "--count", "2", "--format", "json", ...urlOf(hub)]);
  await run(["pub", "a", 'say "hi"\n', ...urlOf(hub)]);
  await run(["pub", "a", "-", ...urlOf(hub)], { input: bytes(0, 0xff) });
  assert.equal(await sub.ended, 0);
  const payloads = sub.io.lines.map((line) => JSON.parse(line).payload);
  assert.deepEqual(payloads, ['say "hi"\n', { base64: "AP8=" }]);
});

Deno.test("sub: raw is the payloads byte for byte, over every transport", async () => {
  await overAll(async (_scheme, to) => {
    const sub = await startSub(["a", "--count", "3", "--format", "raw", ...to]);
    for (const payload of [[0xfe, 0x0a, 0x00], [], [0x68, 0x69]]) {
      await run(["pub", "a", "-", ...to], { input: bytes(...payload) });
    }
    assert.equal(await sub.ended, 0);
    assert.deepEqual([...sub.io.bytes], [0xfe, 0x0a, 0x00, 0x68, 0x69]);
  });
});

Deno.test("sub: several patterns, each said once it is subscribed; --quiet says nothing", async () => {
  await using hub = await TestHub.start();
  const loud = await run(["sub", "a.+", "b.#", "--timeout", "1ms", ...urlOf(hub)]);
  assert.deepEqual([loud.code, loud.io.errors], [0, "Subscribed to a.+\nSubscribed to b.#"]);
  const quiet = await run(["sub", "a.+", "--quiet", "--timeout", "1ms", ...urlOf(hub)]);
  assert.deepEqual([quiet.code, quiet.io.errors, quiet.io.text], [0, "", ""]);
});

Deno.test("sub: a count that is not reached in time is a failure", async () => {
  await using hub = await TestHub.start();
  const { code, io } = await run(["sub", "a", "--count", "2", "--timeout", "1ms", ...urlOf(hub)]);
  assert.equal(code, 1);
  assert.match(io.errors, /^Cannot wait for 2 messages any longer: 0 came within 1ms$/m);
});

Deno.test("sub: members of a queue group share the messages", async () => {
  await using hub = await TestHub.start();
  const members = [
    await startSub(["jobs", "--group", "workers", "--count", "1", ...urlOf(hub)]),
    await startSub(["jobs", "--group", "workers", "--count", "1", ...urlOf(hub)]),
  ];
  await run(["pub", "jobs", "1", ...urlOf(hub)]);
  await run(["pub", "jobs", "2", ...urlOf(hub)]);
  for (const member of members) assert.equal(await member.ended, 0);
  assert.deepEqual(members.map(({ io }) => io.text).sort(), ["jobs 1", "jobs 2"]);
});

Deno.test("sub: ends well when nobody reads its output any more", async () => {
  await using hub = await TestHub.start();
  const sub = await startSub(["a", ...urlOf(hub)], { readerStaysFor: 1 });
  await run(["pub", "a", "x", "--count", "3", ...urlOf(hub)]);
  assert.deepEqual([await sub.ended, sub.io.text], [0, "a x"]);
});

Deno.test("sub: a hub that stops is exit 3 with its code and reason, over every transport", async () => {
  using certificates = await TestCertificates.create();
  for (const used of [null, certificates]) {
    await using hub = await TestHub.start(used?.settings);
    const subs = [];
    for (const [, to] of waysTo(hub, used)) subs.push(await startSub(["a", ...to]));
    await hub.server.stop();
    for (const { io, ended } of subs) {
      assert.equal(await ended, 3);
      assert.match(io.errors, /^Cannot go on: the connection to \w+:\/\/127\.0\.0\.1:\d+ ended \(code 4503/m);
    }
  }
});

Deno.test("sub: what was lost is told, in its place where it is JSON", async () => {
  await using hub = new StubHub((message) => [
    answerTo(message, SUCCESS),
    [{ action: "publish", topic: "system.initialize", requestId: ID }, {}],
    [{ action: "publish", topic: "system.topic.gap", requestId: ID }, { topic: "a\x1b", dropped: 3 }],
    [{ action: "publish", topic: "a", requestId: ID }, 1],
  ]);
  const text = await run(["sub", "a", "--count", "1", "--quiet", "--url", hub.url]);
  assert.deepEqual([text.code, text.io.errors, text.io.text], [0, "Lost 3 messages of a\\x1b", "a 1"]);
  const json = await run(["sub", "a", "--count", "1", "--json", "--url", hub.url]);
  assert.equal(json.code, 0);
  const [gap, message] = json.io.lines.map((line) => JSON.parse(line));
  assert.deepEqual([gap.topic, gap.dropped, message.payload], ["a\x1b", 3, "1"]);
});

Deno.test("sub: answers the hub when it asks for a sign of life", async () => {
  const heartbeat = { action: "request", topic: "system.heartbeat", requestId: ID } as const;
  await using hub = new StubHub((message) =>
    message.action === "response"
      ? [[{ action: "publish", topic: "a", requestId: ID }, 1]]
      : [answerTo(message, SUCCESS), [heartbeat, {}]]
  );
  assert.equal((await run(["sub", "a", "--count", "1", "--url", hub.url])).code, 0);
  const answer = hub.received.at(-1);
  assert.deepEqual([answer?.topic, answer?.version, answer?.requestId], ["system.heartbeat", "1.0.0", ID]);
  assert.equal(new TextDecoder().decode(answer?.payload), '{"status":"success"}');
});

Deno.test("sub: a group name that the hub refuses is exit 1 with the hub's reason", async () => {
  await using hub = new StubHub((
    message,
  ) => [answerTo(message, errorPayload("INVALID_REQUEST", "no \x1b[2J"))]);
  const { code, io } = await run(["sub", "a", "--group", "?", "--url", hub.url]);
  assert.equal(code, 1);
  assert.equal(io.errors, "Cannot subscribe to a: the hub answered INVALID_REQUEST (no \\x1b[2J)");
});

Deno.test("pub: reads all of the input as one message, with - or without", async () => {
  await using hub = await TestHub.start();
  const sub = await startSub(["a", "--count", "2", "--format", "raw", ...urlOf(hub)]);
  for (const dash of [[], ["-"]]) {
    const { code } = await run(["pub", "a", ...dash, ...urlOf(hub)], { input: ["one\n", "two\n"] });
    assert.equal(code, 0);
  }
  assert.equal(await sub.ended, 0);
  assert.equal(sub.io.text, "one\ntwo\none\ntwo");
});

Deno.test("pub: --lines publishes each line in order, without its end", async () => {
  await using hub = await TestHub.start();
  const count = 500;
  const sub = await startSub(["a", "--count", String(count + 4), "--json", ...urlOf(hub)]);
  const many = Array.from({ length: count }, (_, i) => `${i}\n`).join("");
  const pieces = ["fir", "st\r\nsec", "ond\n\nthird\n", many, "no end"];
  const { code, io } = await run(["pub", "a", "--lines", "--json", ...urlOf(hub)], { input: pieces });
  assert.equal(code, 0);
  assert.equal(await sub.ended, 0);
  const payloads = sub.io.lines.map((line) => JSON.parse(line).payload);
  const expected = ["first", "second", "", "third", ...many.split("\n").slice(0, -1), "no end"];
  assert.deepEqual(payloads, expected.slice(0, count + 4));
  assert.equal(io.lines.length, expected.length);
});

Deno.test("pub: --lines publishes a line while the input goes on", async () => {
  await using hub = await TestHub.start();
  const sub = await startSub(["a", "--count", "1", ...urlOf(hub)]);
  const rest = Promise.withResolvers<void>();
  const input = async function* () {
    yield new TextEncoder().encode("now\n");
    await rest.promise;
  };
  const pub = run(["pub", "a", "--lines", ...urlOf(hub)], { input: input() });
  assert.equal(await sub.ended, 0);
  rest.resolve();
  assert.equal((await pub).code, 0);
});

Deno.test("pub: --lines ends when the hub goes, even if the input does not", async () => {
  await using hub = await TestHub.start();
  const gone = Promise.withResolvers<void>();
  const input = async function* () {
    yield new TextEncoder().encode("first\n");
    await gone.promise;
  };
  const sub = await startSub(["a", "--count", "1", ...urlOf(hub)]);
  const pub = run(["pub", "a", "--lines", ...urlOf(hub)], { input: input() });
  assert.equal(await sub.ended, 0);
  await hub.server.stop();
  const { code, io } = await pub;
  assert.equal(code, 3);
  assert.match(io.errors, /code 4503/);
  gone.resolve();
});

Deno.test("pub: --count publishes it so many times, --interval apart", async () => {
  await using hub = await TestHub.start();
  const sub = await startSub(["a", "--count", "3", ...urlOf(hub)]);
  const { code } = await run(["pub", "a", "x", "--count", "3", "--interval", "1ms", ...urlOf(hub)]);
  assert.deepEqual([code, await sub.ended, sub.io.text], [0, 0, "a x\na x\na x"]);
});

Deno.test("pub: nobody who is subscribed is a note, or a failure if somebody is required", async () => {
  await using hub = await TestHub.start();
  const note = await run(["pub", "a.b", "x", "--count", "3", ...urlOf(hub)]);
  assert.deepEqual([note.code, note.io.errors, note.io.text], [0, "Nobody is subscribed to a.b", ""]);
  const quiet = await run(["pub", "a.b", "x", "--quiet", ...urlOf(hub)]);
  assert.deepEqual([quiet.code, quiet.io.errors], [0, ""]);
  const json = await run(["pub", "a.b", "x", "--json", ...urlOf(hub)]);
  assert.deepEqual([json.code, json.io.errors], [0, ""]);
  assert.equal(JSON.parse(json.io.text).error.code, "NO_ROUTE_FOUND");
  const required = await run(["pub", "a.b", "x", "--require-subscriber", "--quiet", ...urlOf(hub)]);
  assert.deepEqual([required.code, required.io.errors], [1, "Nobody is subscribed to a.b"]);
});

Deno.test("pub: a payload over the hub's limit is exit 1 with the hub's error, over every transport", async () => {
  await overAll(async (scheme, to) => {
    const over = await run(["pub", "a", "-", ...to], { input: ["x".repeat(70_000)] });
    assert.equal(over.code, 1, scheme);
    assert.match(over.io.errors, /^Cannot publish to a: the hub answered PAYLOAD_TOO_LARGE \(.*70000/);
    for (const size of [300_000, 8_000_000]) {
      const far = await run(["pub", "a", "-", ...to], { input: ["x".repeat(size)] });
      assert.equal(far.code, 1, `${scheme} ${size}: ${far.io.errors}`);
      assert.match(far.io.errors, /longer than the hub reads/, `${scheme} ${size}`);
    }
  });
});

Deno.test("pub: an input longer than any message is refused before the hub is dialled", async () => {
  const piece = "x".repeat(1 << 20);
  const { code, io } = await run(["pub", "a", "-", ...NOWHERE], { input: Array(17).fill(piece) });
  assert.deepEqual([code, io.errors], [
    1,
    "Cannot send the input: it has 16MiB or more, no message is that long",
  ]);
});

Deno.test("pub: what the hub does not allow is exit 4, and ends the rest", async () => {
  await using hub = await TestHub.start();
  const { code, io } = await run(["pub", "system.metrics", "x", ...urlOf(hub)]);
  assert.equal(code, 4);
  assert.match(io.errors, /^Cannot publish to system\.metrics: the hub answered FORBIDDEN/);
  const lines = await run(["pub", "system.metrics", "--lines", ...urlOf(hub)], {
    input: Array(999).fill("x\n"),
  });
  assert.deepEqual([lines.code, lines.io.errors.split("\n").length], [4, 1]);
});

Deno.test("pub: other errors are told, the rest is published all the same, exit 1", async () => {
  await using hub = new StubHub((message) => [
    answerTo(message, message.payload[0] === 0x62 ? errorPayload("RATE_LIMITED", "slowly") : SUCCESS),
  ]);
  const args = ["pub", "a", "--lines", "--url", hub.url];
  const { code, io } = await run(args, { input: ["a\nb\nc\n"] });
  assert.deepEqual([code, io.errors], [1, "Cannot publish to a: the hub answered RATE_LIMITED (slowly)"]);
  assert.equal(hub.received.length, 3);
  const json = await run([...args, "--json"], { input: ["b\n"] });
  assert.deepEqual([json.code, json.io.errors], [1, ""]);
  assert.deepEqual(JSON.parse(json.io.text).error, { code: "RATE_LIMITED", message: "slowly" });
});

Deno.test("pub: an answer that does not come in time is exit 1", async () => {
  await using hub = new StubHub(() => []);
  const { code, io } = await run(["pub", "a", "x", "--timeout", "5ms", "--url", hub.url]);
  assert.equal(code, 1);
  assert.equal(
    io.errors,
    "Cannot wait any longer for the hub's answer on a: nothing came within 5ms; see that the broker answers there: its paths are / and /ws",
  );
});

Deno.test("pub: an error without an id is about what waits for an answer", async () => {
  await using hub = new StubHub(() => [
    [{ action: "response", topic: "system.error" }, errorPayload("MALFORMED_MESSAGE", "odd")],
  ]);
  const { code, io } = await run(["pub", "a", "x", "--url", hub.url]);
  assert.deepEqual([code, io.errors], [1, "Cannot publish to a: the hub answered MALFORMED_MESSAGE (odd)"]);
});

Deno.test("pub and sub: wrong usage is exit 2 before anything is dialled", async () => {
  const wrong: [string[], RegExp][] = [
    [["pub", "a..b", "x"], /^Cannot publish to "a\.\.b": a topic is /],
    [["pub", "a.+", "x"], /^Cannot publish to "a\.\+"/],
    [["pub", "1\x1b", "x"], /^Cannot publish to "1\\u001b"/],
    [["pub", "a"], /^Cannot publish: there is no payload/],
    [["pub", "a", "x", "--lines"], /^Cannot publish a payload with --lines/],
    [["pub", "a", "--lines", "--count", "2"], /^Cannot publish lines with --count/],
    [["pub", "a", "x", "--count", "0"], /--count/],
    [["pub", "a", "x", "--timeout", "soon"], /Expected a duration/],
    [["pub"], /TOPIC/],
    [["sub", "a", "b.#.c"], /^Cannot subscribe to "b\.#\.c": a pattern is /],
    [["sub", "a", "--json", "--format", "raw"], /^Cannot print as JSON and as raw/],
    [["sub", "a", "--format", "xml"], /--format/],
    [["sub"], /./],
  ];
  for (const [args, message] of wrong) {
    const { code, io } = await run([...args, ...NOWHERE]);
    assert.equal(code, 2, args.join(" "));
    assert.match(io.errors.replace(/^(Usage|Error).*?: /, ""), message);
  }
});
