/** `trunkline request` and `trunkline reply` against a real hub. */
import assert from "node:assert/strict";
import { TestCertificates } from "../helpers/certificates.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { run, startReply } from "./commands.ts";
import { bytes } from "./memory_io.ts";
import { answerTo, errorPayload, StubHub } from "./stub_hub.ts";
import { NOWHERE, overAll, urlOf, waysTo } from "./ways.ts";

const SUCCESS = { status: "success" };
const ID = "6f9619ff-8b86-4011-b42d-00c04fc964ff";

/** A test of commands that a POSIX shell runs. */
function shellTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os === "windows", fn });
}

/** Runs a test in a folder of its own. */
async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

shellTest("request and reply: hello comes back over ws, wss, tcp and tls", async () => {
  await overAll(async (scheme, to) => {
    const reply = await startReply(["greet", "--exec", "cat", "--count", "1", ...to]);
    const { code, io } = await run(["request", "Greet", "hello", ...to]);
    assert.deepEqual([code, io.errors, new TextDecoder().decode(io.bytes)], [0, "", "hello"], scheme);
    assert.equal(await reply.ended, 0);
    assert.match(reply.io.errors, /^Answered Greet [0-9a-f-]{36} in \d+ ms with 5 bytes$/m);
    assert.equal(reply.io.text, "");
  });
});

shellTest("request and reply: a payload is byte for byte the same over every transport", async () => {
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  await overAll(async (scheme, to) => {
    const reply = await startReply(["bytes", "--exec", "cat", "--count", "3", ...to]);
    for (const payload of [all, [], [0xff, 0x0a]]) {
      const { code, io } = await run(["request", "bytes", "-", ...to], { input: bytes(...payload) });
      assert.deepEqual([code, [...io.bytes]], [0, payload], scheme);
    }
    assert.equal(await reply.ended, 0);
  });
});

shellTest("request: on a terminal an answer is a line that cannot drive it", async () => {
  await using hub = await TestHub.start();
  const reply = await startReply(["a", "--exec", "cat", "--count", "1", ...urlOf(hub)]);
  const { code, io } = await run(["request", "a", "\x1b[2J\nx", ...urlOf(hub)], { isTerminal: true });
  assert.deepEqual([code, new TextDecoder().decode(io.bytes)], [0, "\\x1b[2J\\nx\n"]);
  assert.equal(await reply.ended, 0);
});

shellTest("request: JSON holds id, time and answer, text as a string and bytes as base64", async () => {
  await using hub = await TestHub.start();
  const reply = await startReply(["a", "--exec", "cat", "--count", "2", "--json", ...urlOf(hub)]);
  const text = await run(["request", "a", "hé", "--json", ...urlOf(hub)]);
  const { id, ms, ...rest } = JSON.parse(text.io.text);
  assert.deepEqual(rest, { topic: "a", status: "success", payload: "hé" });
  assert.ok(ms > 0);
  const binary = await run(["request", "a", "-", "--json", ...urlOf(hub)], { input: bytes(0, 0xff) });
  assert.deepEqual(JSON.parse(binary.io.text).payload, { base64: "AP8=" });
  assert.equal(await reply.ended, 0);
  const { ms: replyMs, ...told } = JSON.parse(reply.io.lines[0] ?? "");
  assert.deepEqual(told, { topic: "a", id, status: "success", bytes: 3 });
  assert.ok(replyMs >= 0);
  assert.doesNotMatch(reply.io.errors, /Answered/);
});

shellTest("reply: the command knows topic and id, also of a pattern", async () => {
  await using hub = await TestHub.start();
  const exec = 'printf "%s %s" "$TRUNKLINE_TOPIC" "$TRUNKLINE_REQUEST_ID"';
  const reply = await startReply(["tools.#", "--exec", exec, "--count", "1", ...urlOf(hub)]);
  const { io } = await run(["request", "tools.Text.upper", "", "--json", ...urlOf(hub)]);
  const { id, payload } = JSON.parse(io.text);
  assert.equal(payload, `tools.Text.upper ${id}`);
  assert.equal(await reply.ended, 0);
});

shellTest("reply: a command that fails is an error with its last line, exit 1", async () => {
  await using hub = await TestHub.start();
  const exec = "echo answer; echo no such customer >&2; exit 1";
  const reply = await startReply(["a", "--exec", exec, "--count", "2", ...urlOf(hub)]);
  const { code, io } = await run(["request", "a", "x", ...urlOf(hub)]);
  assert.deepEqual([code, io.text], [1, ""]);
  const message = "The command ended with exit code 1: no such customer";
  assert.equal(io.errors, `Cannot get an answer from a: INTERNAL_ERROR (${message})`);
  const json = await run(["request", "a", "x", "--json", ...urlOf(hub)]);
  assert.deepEqual([json.code, json.io.errors], [1, ""]);
  assert.deepEqual(JSON.parse(json.io.text).error, { code: "INTERNAL_ERROR", message });
  assert.equal(await reply.ended, 0);
  assert.match(reply.io.errors, /^Failed a [0-9a-f-]{36} after \d+ ms: INTERNAL_ERROR: .*no such customer$/m);
});

shellTest("reply: more output than the hub takes is an error", async () => {
  await using hub = await TestHub.start(["broker.max_payload=2KiB"]);
  const reply = await startReply(["a", "--exec", "cat; printf %01024d 1", "--count", "2", ...urlOf(hub)]);
  const fits = await run(["request", "a", "x".repeat(1024), ...urlOf(hub)]);
  assert.deepEqual([fits.code, fits.io.bytes.length], [0, 2048]);
  const over = await run(["request", "a", "x".repeat(1025), ...urlOf(hub)]);
  assert.equal(over.code, 1);
  assert.match(over.io.errors, /INTERNAL_ERROR \(The command wrote more than the 2048 bytes/);
  assert.equal(await reply.ended, 0);
});

shellTest("request: the time-out reaches hub and command, and is exit 1", async () => {
  await using hub = await TestHub.start();
  const reply = await startReply(["a", "--exec", "sleep 1000; true", "--count", "1", ...urlOf(hub)]);
  const { code, io } = await run(["request", "a", "x", "--timeout", "100ms", ...urlOf(hub)]);
  assert.equal(code, 1);
  assert.match(io.errors, /^Cannot get an answer from a: TIMEOUT \(/);
  assert.equal(await reply.ended, 0);
  assert.match(reply.io.errors, /^Failed .*: TIMEOUT: The command gave no answer within 100ms$/m);
});

shellTest("reply: --timeout is the longest a command may run, whatever the request says", async () => {
  await using hub = await TestHub.start();
  const args = ["a", "--exec", "sleep 1000; true", "--count", "1", "--timeout", "50ms", "--quiet"];
  const reply = run(["reply", ...args, ...urlOf(hub)]);
  const request = ["request", "a", "x", "--timeout", "9s", ...urlOf(hub)];
  let answer = await run(request);
  while (/NO_ROUTE_FOUND/.test(answer.io.errors)) answer = await run(request);
  assert.equal(answer.code, 1);
  assert.match(answer.io.errors, /TIMEOUT \(The command gave no answer within 50ms\)/);
  const { code, io } = await reply;
  assert.deepEqual([code, io.errors, io.text], [0, "", ""]);
});

shellTest("reply: as many commands as --concurrency says run at a time, and no more", async () => {
  await withFolder(async (folder) => {
    await using hub = await TestHub.start();
    // Each waits until there are two, and none finds a third.
    const exec = `mkdir ${folder}/1 2>&- && own=1 || { mkdir ${folder}/2 && own=2; } || exit 1
      touch ${folder}/came-$TRUNKLINE_REQUEST_ID
      while [ $(ls ${folder} | grep -c came) -lt 2 ]; do sleep 0.01; done
      cat; rmdir ${folder}/$own`;
    const reply = await startReply([
      "a",
      "--exec",
      exec,
      "--concurrency",
      "2",
      "--count",
      "6",
      ...urlOf(hub),
    ]);
    const args = ["a", "x", "--count", "6", "--concurrency", "6", "--timeout", "60s", "--json"];
    const { code, io } = await run(["request", ...args, ...urlOf(hub)]);
    assert.deepEqual([code, io.errors, io.lines.length], [0, "", 6]);
    assert.equal(new Set(io.lines.map((line) => JSON.parse(line).id)).size, 6);
    assert.equal(await reply.ended, 0);
  });
});

shellTest("reply: requests go to the highest --priority", async () => {
  await using hub = await TestHub.start();
  const high = await startReply([
    "a",
    "--exec",
    "echo high",
    "--priority",
    "7",
    "--count",
    "3",
    ...urlOf(hub),
  ]);
  const low = await startReply(["a", "--exec", "echo low", "--priority=-7", "--count", "1", ...urlOf(hub)]);
  const { code, io } = await run(["request", "a", "", "--count", "3", "--interval", "1ms", ...urlOf(hub)]);
  assert.deepEqual([code, io.lines], [0, ["high", "high", "high"]]);
  assert.equal(await high.ended, 0);
  assert.equal((await run(["request", "a", "", ...urlOf(hub)])).io.text, "low");
  assert.equal(await low.ended, 0);
});

shellTest("reply: a hub that stops is exit 3, and ends the commands", async () => {
  using certificates = await TestCertificates.create();
  for (const [index, used] of [null, null, certificates, certificates].entries()) {
    await using hub = await TestHub.start([...used?.settings ?? [], "shutdown.grace=100ms"]);
    const [scheme, to] = [...waysTo(hub, used)][index % 2] ?? assert.fail();
    await withFolder(async (folder) => {
      const exec = `touch ${folder}/began; sleep 1000; true`;
      const reply = await startReply(["a", "--exec", exec, ...to]);
      const request = run(["request", "a", "", "--timeout", "60s", ...to]);
      while (!await Deno.stat(`${folder}/began`).catch(() => null));
      await hub.server.stop();
      assert.equal(await reply.ended, 3, scheme);
      assert.match(reply.io.errors, /^Cannot go on: the connection to .* ended \(code 4503/m);
      assert.notEqual((await request).code, 0);
    });
  }
});

Deno.test("request: a time-out over the hub's limit is told by the hub, exit 1", async () => {
  await using hub = await TestHub.start();
  const { code, io } = await run(["request", "a", "x", "--timeout", "2h", ...urlOf(hub)]);
  assert.equal(code, 1);
  assert.match(io.errors, /MALFORMED_MESSAGE \(.*timeoutMs.*from 1 to 3600000/);
});

Deno.test("reply: answers with version and id of the request, and not at all where there is no id", async () => {
  const request = { action: "request", topic: "a.B" } as const;
  await using hub = new StubHub((message) =>
    message.topicKey === "system.topic.subscribe"
      ? [
        answerTo(message, SUCCESS),
        [request, "first"],
        [{ ...request, version: "2.1.0", requestId: ID }, "second"],
      ]
      : message.action === "response"
      ? [answerTo(message, errorPayload("INVALID_REQUEST_ID", "gone"))]
      : [answerTo(message, SUCCESS)]
  );
  const args = ["reply", "a.b", "--exec", "echo", "--count", "2", "--priority", "3", "--url", hub.url];
  const { code, io } = await run(args);
  assert.equal(code, 0);
  const subscribe = hub.received.find(({ topicKey }) => topicKey === "system.topic.subscribe");
  assert.deepEqual(JSON.parse(new TextDecoder().decode(subscribe?.payload)), {
    action: "request",
    topic: "a.b",
    priority: 3,
  });
  const answers = hub.received.filter(({ action }) => action === "response");
  assert.deepEqual(answers.map(({ topic, version, requestId }) => [topic, version, requestId]), [[
    "a.B",
    "2.1.0",
    ID,
  ]]);
  assert.match(io.errors, /^Answered a\.B in /m);
  assert.match(io.errors, /^Cannot answer a request: the hub answered INVALID_REQUEST_ID \(gone\)$/m);
});

Deno.test("request: nobody who answers is exit 1, told each time", async () => {
  await overAll(async (scheme, to) => {
    const { code, io } = await run(["request", "a", "x", "--count", "2", ...to]);
    assert.deepEqual([code, io.text], [1, ""], scheme);
    assert.match(
      io.errors,
      /^(Cannot get an answer from a: NO_ROUTE_FOUND \(Nobody answers requests to a\)\n?){2}$/,
    );
  });
});

Deno.test("request: the hub itself answers its own topics", async () => {
  await using hub = await TestHub.start();
  const { code, io } = await run(["request", "system.topic.list", "{}", ...urlOf(hub)]);
  assert.deepEqual([code, JSON.parse(io.text)], [0, { topics: [], status: "success" }]);
});

Deno.test("request: what only looks like an error is an answer", async () => {
  for (const payload of [{ error: "text" }, { error: {} }, [1], "error"]) {
    await using hub = new StubHub((message) => [answerTo(message, payload)]);
    const { code, io } = await run(["request", "a", "x", "--url", hub.url]);
    assert.deepEqual([code, JSON.parse(io.text)], [0, payload]);
  }
});

Deno.test("request: JSON holds the details of an error, and a person reads its problems one a line", async () => {
  const details = { problems: ["hub.listen: no port", "log\x1b[2J\nging: unknown", 7], retryAfterMs: 5 };
  const error = { code: "INVALID_REQUEST", message: "Cannot read the configuration", details };
  await using hub = new StubHub((message) => [answerTo(message, { error })]);
  const json = await run(["request", "a", "x", "--json", "--url", hub.url]);
  assert.deepEqual([json.code, JSON.parse(json.io.text).error], [1, error]);
  const { code, io } = await run(["request", "a", "x", "--url", hub.url]);
  assert.deepEqual([code, io.errors.split("\n")], [1, [
    "Cannot get an answer from a: INVALID_REQUEST (Cannot read the configuration)",
    "hub.listen: no port",
    "log\\x1b[2J\\nging: unknown",
  ]]);
});

Deno.test("request: what is not allowed is exit 4, and ends the rest", async () => {
  await using hub = new StubHub((message) => [answerTo(message, errorPayload("FORBIDDEN", "no"))]);
  const { code, io } = await run(["request", "a", "x", "--count", "9", "--url", hub.url]);
  assert.deepEqual([code, io.errors], [4, "Cannot get an answer from a: FORBIDDEN (no)"]);
  assert.deepEqual(hub.received.map(({ timeoutMs }) => timeoutMs), [5000]);
  const reply = await run(["reply", "a", "--exec", "cat", "--url", hub.url]);
  assert.deepEqual([reply.code, reply.io.errors], [
    4,
    "Cannot answer requests to a: the hub answered FORBIDDEN (no)",
  ]);
});

Deno.test("request: a hub that does not answer at all is given up a little after the time-out, exit 1", async () => {
  await using hub = new StubHub(() => []);
  const { code, io } = await run(["request", "a", "x", "--timeout", "1ms", "--url", hub.url]);
  assert.deepEqual([code, hub.received[0]?.timeoutMs], [1, 1]);
  assert.match(
    io.errors,
    /^Cannot wait any longer for the hub's answer on a: nothing came within 2001ms; see that the broker answers there/,
  );
});

Deno.test("request: a connection that is lost or cannot be had is exit 3", async () => {
  await using hub = new StubHub(() => ["close"]);
  assert.equal((await run(["request", "a", "x", "--url", hub.url])).code, 3);
  for (const args of [["request", "a", "x"], ["reply", "a", "--exec", "cat"], ["services"]]) {
    assert.equal((await run([...args, ...NOWHERE])).code, 3);
  }
});

Deno.test("request: no more are sent when nobody reads the answers", async () => {
  await using hub = new StubHub((message) => [answerTo(message, 1)]);
  const args = ["request", "a", "x", "--count", "9", "--url", hub.url];
  const { code, io } = await run(args, { readerStaysFor: 1 });
  assert.deepEqual([code, io.text, hub.received.length], [0, "1", 2]);
});

Deno.test("request, reply and services: wrong usage is exit 2 before anything is dialled", async () => {
  const wrong: [string[], RegExp][] = [
    [["request", "a.+", "x"], /^Cannot ask "a\.\+": a topic is /],
    [["request", "a"], /^Cannot ask a: there is no payload/],
    [["request", "a", "x", "--concurrency", "0"], /--concurrency/],
    [["request", "a", "x", "--timeout", "soon"], /Expected a duration/],
    [["request"], /TOPIC/],
    [["reply", "a..b", "--exec", "cat"], /^Cannot answer requests to "a\.\.b": a pattern is /],
    [["reply", "a", "--exec", " "], /^Cannot run an empty command/],
    [["reply", "a"], /--exec/],
    [["reply", "a", "--exec", "cat", "--priority", "high"], /--priority/],
    [["services", "extra"], /./],
  ];
  for (const [args, message] of wrong) {
    const { code, io } = await run([...args, ...NOWHERE]);
    assert.equal(code, 2, args.join(" "));
    assert.match(io.errors.replace(/^(Usage|Error).*?: /, ""), message);
  }
});
