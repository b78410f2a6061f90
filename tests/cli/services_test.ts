/** `trunkline services`. */
import assert from "node:assert/strict";
import { TestHub } from "../helpers/test_hub.ts";
import { run, startReply } from "./commands.ts";
import { answerTo, errorPayload, StubHub } from "./stub_hub.ts";
import { overAll, urlOf } from "./ways.ts";

Deno.test("services: a table of what is registered, over every transport", async () => {
  await overAll(async (scheme, to, hub) => {
    const before = await run(["services", ...to]);
    assert.deepEqual([before.code, before.io.text, before.io.errors], [0, "", "No service is registered"]);
    const exec = ["--exec", Deno.build.os === "windows" ? "exit 0" : "cat"];
    const reply = await startReply(["greet", ...exec, "--name", "greeter", "--count", "1", ...to]);
    const { code, io } = await run(["services", ...to]);
    assert.deepEqual([code, io.errors], [0, ""], scheme);
    const [head = "", row = ""] = io.lines;
    assert.match(head, /^id {36}name {5}state {3}since {17}description$/);
    assert.match(
      row,
      /^\S{36} {2}greeter {2}active {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}Answers requests to greet$/,
    );
    assert.equal((await run(["request", "greet", "", ...to])).code, 0);
    assert.equal(await reply.ended, 0);
    await hub.metricBecomes("trunkline_broker_services", 0);
  });
});

Deno.test("services: --json is what the hub says, --quiet says nothing of nothing", async () => {
  await using hub = await TestHub.start();
  const none = await run(["services", "--json", ...urlOf(hub)]);
  assert.deepEqual([none.code, JSON.parse(none.io.text)], [0, { services: [] }]);
  const quiet = await run(["services", "--quiet", ...urlOf(hub)]);
  assert.deepEqual([quiet.code, quiet.io.text, quiet.io.errors], [0, "", ""]);
});

Deno.test("services: what services say of themselves cannot drive the terminal, what is missing is empty", async () => {
  const services = [{ id: "1", name: "a\x1b[2J\nb", state: "late" }, {
    id: "22",
    name: 7,
    description: "ö\u202e",
  }, 3];
  await using hub = new StubHub((message) => [answerTo(message, { services, status: "success" })]);
  const { code, io } = await run(["services", "--url", hub.url]);
  assert.equal(code, 0);
  assert.deepEqual(io.lines, [
    "id  name         state  since  description",
    "1   a\\x1b[2J\\nb  late",
    "22                             ö\\u202e",
  ]);
});

Deno.test("services: an answer without a list, and an error, are failures", async () => {
  for (const payload of [{ status: "success" }, errorPayload("TOPIC_NOT_SUPPORTED")]) {
    await using hub = new StubHub((message) => [answerTo(message, payload)]);
    const { code, io } = await run(["services", "--url", hub.url]);
    assert.equal(code, 1);
    assert.match(io.errors, /^Cannot list the services: /);
  }
});
