/** The service that the examples bring in each language, and those who ask it. */
import assert from "node:assert/strict";
import { TestHub } from "../helpers/test_hub.ts";
import { TextClient } from "../helpers/text_client.ts";
import { Door } from "./door.ts";
import type { ExampleProgram } from "./example_program.ts";
import { deno, type Language, python, PYTHON_NEEDED, testBoth } from "./languages.ts";

async function serving(program: ExampleProgram): Promise<void> {
  assert.match(await program.err.find(/^(?!Lost the connection)/), /^Answering requests to tools\.sum at /);
}

/** What a caller prints, or is told. */
async function ask(language: Language, port: number, payload: string): Promise<string> {
  await using caller = language.run("request", port, "tools.sum", payload);
  const { code, out, err } = await caller.ended();
  assert.equal(out.length + err.length, 1, [...out, ...err].join("\n"));
  assert.equal(code, out.length === 1 ? 0 : 1);
  return [...out, ...err].join();
}

Deno.test({
  name: `Example services: each is asked from each language, by priority ${PYTHON_NEEDED}`,
  ignore: python.ignore,
  fn: async () => {
    await using hub = await TestHub.start();
    for (const [index, language] of [deno, python].entries()) {
      await using service = language.run("service", hub.port, "--priority", `${index}`);
      await serving(service);
      for (const caller of [deno, python]) {
        assert.equal(await ask(caller, hub.port, "[1,2,3.5]"), "6.5");
        assert.match(await service.out.next(), /^Answered [0-9a-f-]{36}$/);
        assert.equal(
          await ask(caller, hub.port, '{"1":2}'),
          "INVALID_REQUEST: a request is a list of numbers, as [1,2,3]",
        );
        for (const wrong of ["[1,", "[".repeat(50_000)]) {
          assert.match(await ask(caller, hub.port, wrong), /^INVALID_REQUEST: /);
        }
      }
    }
  },
});

testBoth("a request that nobody answers is told with its code", async (language) => {
  await using hub = await TestHub.start();
  assert.equal(
    await ask(language, hub.port, "[]"),
    "NO_ROUTE_FOUND: Nobody answers requests to tools.sum",
  );
});

testBoth("an answer may be any bytes, and a terminal is not driven by it", async (language) => {
  await using hub = await TestHub.start();
  await using service = await TextClient.connect({ port: hub.port });
  const id = crypto.randomUUID();
  await service.send(`request:system.topic.subscribe:1.0.0:${id}\n{"action":"request","topic":"tools.sum"}`);
  for (let i = 0; i < 2; i++) await service.next();
  const answered = ask(language, hub.port, "x");
  const [header = ""] = (await service.next() ?? "").split("\n");
  await service.send(`response:tools.sum:1.0.0:${header.split(":")[3]}\n\x1b[2Jnull`);
  assert.equal(await answered, "\u{fffd}[2Jnull");
});

testBoth("a service answers requests that nobody waits for with nothing", async ({ run }) => {
  await using hub = await TestHub.start();
  await using service = run("service", hub.port);
  await serving(service);
  await using caller = await TextClient.connect({ port: hub.port });
  await caller.send("request:tools.sum:1.0.0\n[1]");
  assert.equal(await service.out.next(), "Answered somebody");
  assert.equal(await hub.metric("trunkline_broker_responses_total"), 0);
  assert.equal(await hub.metric('trunkline_broker_errors_total{code="INVALID_REQUEST_ID"}'), 0);
});

testBoth("a service answers the hub's heartbeats, and is not late", async ({ run }) => {
  await using hub = await TestHub.start(["hub.heartbeat.interval=100ms", "hub.heartbeat.timeout=1m"]);
  await using service = run("service", hub.port);
  await serving(service);
  // Two to register and subscribe, the others are answers; the hub asks again only who answered.
  const transport = await hub.metric('trunkline_connections{transport="text"}') > 0 ? "text" : "websocket";
  while (await hub.metric(`trunkline_messages_received_total{transport="${transport}"}`) < 5);
});

testBoth("a service comes back when its hub is lost", async (language) => {
  await using first = await TestHub.start(["shutdown.spread=0s"]);
  await using second = await TestHub.start();
  await using door = await Door.open(first.port);
  await using service = language.run("service", door.port);
  await serving(service);
  door.leadTo(second.port);
  await first.server.stop();
  await serving(service);
  assert.equal(await ask(language, second.port, "[1]"), "1");
});

testBoth(
  "a service that is asked to stop leaves in order",
  async (language) => {
    await using hub = await TestHub.start();
    await using service = language.run("service", hub.port);
    await serving(service);
    assert.equal(await ask(language, hub.port, "[1]"), "1");
    service.signal("SIGINT");
    assert.deepEqual((await service.ended()).code, 0);
    assert.match(await ask(language, hub.port, "[1]"), /^NO_ROUTE_FOUND/);
  },
  Deno.build.os === "windows",
);
