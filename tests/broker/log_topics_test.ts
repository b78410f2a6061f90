import assert from "node:assert/strict";
import { createLogging } from "../../src/server/logging.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { BrokerClient, codeOf, type Received, TRANSPORTS } from "./broker_client.ts";

const SUCCESS = { status: "success" };

/** A hub whose log is real; `lines` is what was written. */
async function startHub(set: readonly string[] = []) {
  const lines: string[] = [];
  const output = { write: (line: string) => lines.push(line) > 0, close: () => {} };
  const logging = createLogging({ level: "info", format: "json", output });
  const hub = await TestHub.start(set, { logger: logging.logger, log: logging });
  return { hub, lines, logger: logging.logger };
}

function linesOf(messages: readonly Received[]) {
  return messages.filter(({ header }) => header.startsWith("publish:system.log:1.0.0:"))
    .map(({ payload }) => JSON.parse(payload));
}

for (const transport of TRANSPORTS) {
  Deno.test(`Log topics: lines arrive from subscribe to unsubscribe, secrets masked (${transport})`, async () => {
    const { hub: started, logger } = await startHub();
    await using hub = started;
    await using client = await BrokerClient.connect(hub, transport);
    await client.request("system.log.subscribe", { levels: ["WARNING", "error"] });
    logger.info("Not wanted");
    logger.child("part").warning("Wanted", { token: "abc", n: 1 });
    const [line, ...more] = linesOf(await client.settle());
    assert.match(line.time, /^\d{4}-\d\d-\d\dT/);
    const { time: _, ...rest } = line;
    assert.deepEqual(rest, {
      level: "warning",
      logger: "part",
      message: "Wanted",
      fields: { token: "***", n: 1 },
    });
    assert.deepEqual(more, []);
    assert.equal(await hub.metric("trunkline_broker_log_listeners"), 1);
    assert.equal(await hub.metric('trunkline_broker_log_lines_total{result="delivered"}'), 1);
    for (let i = 0; i < 2; i++) assert.deepEqual(await client.request("system.log.unsubscribe"), SUCCESS);
    logger.error("After the end");
    assert.deepEqual(linesOf(await client.settle()), []);
    assert.equal(await hub.metric("trunkline_broker_log_listeners"), 0);
  });
}

Deno.test("Log topics: subscribing again replaces the filter; the expression looks at message and fields", async () => {
  const { hub: started, logger } = await startHub();
  await using hub = started;
  await using client = await BrokerClient.connect(hub);
  const shown = async (filter: unknown) => {
    assert.deepEqual(await client.request("system.log.subscribe", filter), SUCCESS);
    await client.settle();
    for (const n of [1, 22]) logger.info(`Line ${n}`, { n: n + 100 });
    return linesOf(await client.settle()).map(({ message }) => message);
  };
  assert.deepEqual(await shown({}), ["Line 1", "Line 22"]);
  assert.deepEqual(await shown({ regex: "^Line \\d\\d " }), ["Line 22"]);
  assert.deepEqual(await shown({ regex: '"n":101' }), ["Line 1"]);
  assert.deepEqual(await shown({ levels: ["debug"] }), []);
  assert.deepEqual(await shown({}), ["Line 1", "Line 22"]);
});

Deno.test("Log topics: what is no filter is refused and says what would be one", async () => {
  const { hub: started } = await startHub();
  await using hub = started;
  await using client = await BrokerClient.connect(hub);
  const wrong: readonly (readonly [unknown, string])[] = [
    [{ levels: "info" }, "levels"],
    [{ levels: [] }, "levels"],
    [{ levels: new Array(5).fill("info") }, "levels"],
    [{ levels: ["loud"] }, "levels.0"],
    [{ regex: 1 }, "regex"],
    [{ regex: "(a" }, "regex"],
    [{ regex: "(?=a)" }, "regex"],
    [{ regex: "(a)\\1" }, "regex"],
    [{ regex: "x".repeat(201) }, "regex"],
    [{ regex: "((a{100}){100}){100}" }, "regex"],
  ];
  for (const [filter, field] of wrong) {
    const { error } = await client.request("system.log.subscribe", filter);
    assert.deepEqual([error.code, error.details], ["INVALID_REQUEST", { field }]);
  }
  const { error } = await client.request("system.log.subscribe", { regex: "(?=a)" });
  assert.match(error.message, /looking around and names are not supported\. Supported are literals/);
  assert.equal(await hub.metric("trunkline_broker_log_listeners"), 0);
});

Deno.test("Log topics: expressions made to hang others do not hold up the hub", async () => {
  const { hub: started, logger } = await startHub();
  await using hub = started;
  await using client = await BrokerClient.connect(hub);
  const bombs = ["^(a+)+$", "^(a|a)*$", "(.*a){20}$", "((a*)*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"];
  for (const regex of bombs) {
    assert.deepEqual(await client.request("system.log.subscribe", { regex }), SUCCESS);
    for (let i = 0; i < 20; i++) logger.info(`${"a".repeat(8000)}!`);
    await client.settle();
  }
});

Deno.test("Log topics: ten thousand subscribes are one listener, who goes with its connection", async () => {
  const { hub: started, lines } = await startHub();
  await using hub = started;
  const client = await BrokerClient.connect(hub, "text");
  for (let i = 0; i < 10_000; i++) client.send("request:system.log.subscribe:1.0.0", `{"regex":"a${i}"}`);
  await client.settle();
  assert.equal(await hub.metric("trunkline_broker_log_listeners"), 1);
  const told = lines.filter((line) => line.includes("An administrator follows the log"));
  assert.equal(told.length, 1);
  await client.close();
  await hub.metricBecomes("trunkline_broker_log_listeners", 0);
});

Deno.test("Log topics: without a log that can be followed this is said", async () => {
  await using hub = await TestHub.start();
  await using client = await BrokerClient.connect(hub);
  assert.equal(codeOf(await client.request("system.log.subscribe")), "SERVICE_UNAVAILABLE");
  assert.deepEqual(await client.request("system.log.unsubscribe"), SUCCESS);
});
