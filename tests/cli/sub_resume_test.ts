/** `trunkline sub --replay` and `--resume`, and `trunkline topic`, against a real hub. */
import assert from "node:assert/strict";
import { parseReplayStart } from "../../src/cli/replay_start.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { run, startSub } from "./commands.ts";
import { overAll, urlOf } from "./ways.ts";

const KEPT = 'broker.topics=[{ pattern: "log.#", retain: true, history: { size: 5, ttl: 1h } }]';

async function publish(
  to: readonly string[] | TestHub,
  topic: string,
  payloads: readonly string[],
): Promise<void> {
  const way = to instanceof TestHub ? urlOf(to) : to;
  for (const payload of payloads) assert.equal((await run(["pub", topic, payload, ...way])).code, 0);
}

/** A path at which nothing is, in a folder that goes with it. */
async function freshPath(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await Deno.makeTempDir();
  return {
    path: `${folder}/position`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("sub: --replay prints what was published before", async () => {
  await using hub = await TestHub.start([KEPT]);
  await publish(hub, "log.a", ["1", "2", "3"]);
  const last = await run(["sub", "log.#", "--replay", "last=2", "--count", "2", ...urlOf(hub)]);
  assert.deepEqual([last.code, last.io.text], [0, "log.a 2\nlog.a 3"]);
  const json = await run(["sub", "log.a", "--replay", "last=3", "--count", "3", "--json", ...urlOf(hub)]);
  const [{ id }] = json.io.lines.map((line) => JSON.parse(line));
  const since = await run(["sub", "log.a", "--replay", `id=${id}`, "--count", "2", ...urlOf(hub)]);
  assert.equal(since.io.text, "log.a 2\nlog.a 3");
  await publish(hub, "log.a", ["4", "5", "6", "7"]);
  const gone = await run(["sub", "log.a", "--replay", `id=${id}`, "--count", "5", ...urlOf(hub)]);
  assert.match(gone.io.errors, /^Cannot replay all of log\.a: some messages are not kept any more/m);
  const early = await run(["sub", "log.a", "--replay", "since=5m", "--count", "5", "--json", ...urlOf(hub)]);
  const [{ time: _, ...missing }] = early.io.lines.map((line) => JSON.parse(line));
  assert.deepEqual(missing, { topic: "log.a", dropped: null });
});

Deno.test("sub: --resume goes on where it was, over every transport", async () => {
  await overAll(async (scheme, to) => {
    await using at = await freshPath();
    const first = await startSub(["log.#", "--resume", at.path, "--count", "2", ...to]);
    await publish(to, "log.a", ["1", "2", "3"]);
    assert.equal(await first.ended, 0, first.io.errors);
    assert.equal(first.io.text, "log.a 1\nlog.a 2", scheme);
    await publish(to, "log.b", ["4"]);
    const second = await run(["sub", "log.#", "--resume", at.path, "--count", "2", ...to]);
    assert.equal(second.io.text, "log.a 3\nlog.b 4");
    assert.match(await Deno.readTextFile(at.path), /^[0-9a-f-]{36}\n$/);
  }, [KEPT]);
});

Deno.test("sub: --resume does not take a message without history for its position", async () => {
  await using hub = await TestHub.start([KEPT]);
  await using at = await freshPath();
  const sub = await startSub(["#", "--resume", at.path, "--count", "2", "--json", ...urlOf(hub)]);
  await publish(hub, "log.a", ["1"]);
  await publish(hub, "other.x", ["2"]);
  assert.equal(await sub.ended, 0, sub.io.errors);
  const [kept, other] = sub.io.lines.map((line) => JSON.parse(line));
  assert.deepEqual([kept.topic, other.topic], ["log.a", "other.x"]);
  assert.equal(await Deno.readTextFile(at.path), `${kept.id}\n`);
});

Deno.test("sub: --resume comes back by itself when the hub restarts, and loses nothing of what is on the disk", async () => {
  await using at = await freshPath();
  const storage = await Deno.makeTempDir();
  const settings = [KEPT, `storage.path=${storage}`];
  const hub = await TestHub.start(settings);
  const { port } = hub;
  const sub = await startSub(["log.#", "--resume", at.path, "--count", "4", ...urlOf(hub)]);
  await publish(hub, "log.a", ["1", "2"]);
  await hub.server.stop();
  await sub.io.says(/trying again/);
  await using again = await TestHub.start([...settings, `hub.listen=127.0.0.1:${port}`]);
  await publish(again, "log.a", ["3", "4"]);
  assert.equal(await sub.ended, 0);
  assert.equal(sub.io.text, "log.a 1\nlog.a 2\nlog.a 3\nlog.a 4");
  assert.doesNotMatch(sub.io.errors, /Cannot replay all/);
  await again.server.stop();
  await Deno.remove(storage, { recursive: true });
});

Deno.test("sub: --resume tells once of what is gone, also when nothing comes after it", async () => {
  await using at = await freshPath();
  const resume = (hub: TestHub) =>
    run(["sub", "log.#", "--resume", at.path, "--timeout", "100ms", ...urlOf(hub)]);
  {
    await using hub = await TestHub.start([KEPT]);
    await resume(hub);
  }
  await using another = await TestHub.start([KEPT]);
  assert.match((await resume(another)).io.errors, /Cannot replay all of log/);
  assert.doesNotMatch((await resume(another)).io.errors, /Cannot replay/);
});

Deno.test("sub: what cannot go together, or is no position, is told before anything is dialled", async () => {
  await using at = await freshPath();
  await Deno.writeTextFile(at.path, "something else\n");
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["log.#", "--resume", at.path], /Cannot go on from .*: it holds no position; remove it/],
    [["log.#", "--resume", "x", "--group", "g"], /Cannot use --resume with --group/],
    [["log.#", "--replay", "last=1", "--group", "g"], /Cannot use --replay with --group/],
    [["a", "b", "--resume", "x"], /Cannot use --resume with several patterns/],
    [["a", "--replay", "yesterday"], /Expected "last=10"/],
  ];
  for (const [args, said] of wrong) {
    const { code, io } = await run(["sub", ...args]);
    assert.equal(code, 2, io.errors);
    assert.match(io.errors, said);
  }
});

Deno.test("Replay start: what is none is refused", () => {
  const id = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
  assert.deepEqual(parseReplayStart("last=0"), { last: 0 });
  assert.deepEqual(parseReplayStart(`id=${id}`), { since: id });
  assert.deepEqual(parseReplayStart("since=5m"), { agoMs: 300_000 });
  assert.deepEqual(parseReplayStart("since=2026-01-31T12:00:00Z"), { since: "2026-01-31T12:00:00Z" });
  for (
    const wrong of [
      "",
      "last=",
      "last=-1",
      "last=x",
      "id=1",
      "since=",
      "since=5",
      "since=2026-99-31T12:00:00Z",
      "n=1",
    ]
  ) {
    assert.equal(parseReplayStart(wrong), null, wrong);
  }
});

Deno.test("topic: shows what is kept and who is subscribed", async () => {
  await using hub = await TestHub.start([KEPT]);
  await publish(hub, "log.a", ["one", "two"]);
  const { code, io } = await run(["topic", "log.a", ...urlOf(hub)]);
  assert.deepEqual([code, io.errors], [0, ""]);
  const lines = io.lines.map((line) => line.replaceAll(/ +/g, " "));
  assert.equal(lines[0], "subscribers 0");
  assert.match(lines[1] ?? "", /^retained two, 3 bytes, \d{4}-/);
  assert.equal(lines[2], "history 2 of 5 messages, 6 bytes, for 1h");
  assert.match(lines[3] ?? "", /^ oldest \d{4}-.*Z [0-9a-f-]{36}$/);
  const json = JSON.parse((await run(["topic", "log.a", "--json", ...urlOf(hub)])).io.text);
  assert.deepEqual([json.topic, json.retains, json.history.count, json.subscribers], ["log.a", true, 2, 0]);
  const none = await run(["topic", "other", ...urlOf(hub)]);
  assert.deepEqual(none.io.lines, ["subscribers  0", "retained     off", "history      off"]);
  assert.equal((await run(["topic", "log.#", ...urlOf(hub)])).code, 2);
});
