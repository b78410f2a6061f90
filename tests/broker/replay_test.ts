import assert from "node:assert/strict";
import { TestHub } from "../helpers/test_hub.ts";
import { concat } from "../../src/core/concat.ts";
import { REPLAYED_AT_ONCE } from "../../src/broker/replay_turns.ts";
import { ALL_TRANSPORTS, BrokerClient, codeOf, newId } from "./broker_client.ts";
import {
  connect,
  HISTORY,
  idOf,
  numbers,
  payloadsOf,
  publishAll,
  replay,
  topicOf,
} from "./history_client.ts";
import { prefixed, TextLink } from "./text_link.ts";

for (const transport of ALL_TRANSPORTS) {
  Deno.test(`Replay: what was missed since an id comes behind the answer, then what is live (${transport})`, async () => {
    await using hub = await TestHub.start([HISTORY]);
    await using publisher = await connect(hub);
    const ids = await publishAll(publisher, "log.a", numbers(1, 10));
    await using client = await connect(hub, transport);
    const answer = await replay(client, "log.a", { since: ids[3] });
    assert.deepEqual([answer.recovered, answer.position], [true, ids[3]]);
    assert.deepEqual(payloadsOf(await client.take(6)), numbers(5, 10));
    await publishAll(publisher, "log.a", ["11"]);
    assert.deepEqual(payloadsOf(await client.take(1)), ["11"]);
    assert.deepEqual(await client.settle(), []);
  });
}

Deno.test("Replay: so many of the last, from a time on, and of patterns in the order of publishing", async () => {
  await using hub = await TestHub.start([HISTORY]);
  await using publisher = await connect(hub);
  for (const at of numbers(1, 6)) await publishAll(publisher, `log.t${Number(at) % 2}`, [at]);
  await using client = await connect(hub);
  assert.equal((await replay(client, "log.+", { last: 3 })).recovered, true);
  assert.deepEqual(payloadsOf(await client.take(3)), ["4", "5", "6"]);
  await using other = await connect(hub);
  const since = new Date(Date.now() - 60_000).toISOString();
  assert.equal((await replay(other, "log.#", { since })).recovered, false, "the hub runs since less");
  assert.deepEqual(payloadsOf(await other.take(6)), numbers(1, 6));
  await using nothing = await connect(hub);
  const { position } = await replay(nothing, "log.#", { last: 0 });
  await publishAll(publisher, "log.a", ["7"]);
  assert.deepEqual(payloadsOf(await nothing.take(1)), ["7"]);
  await nothing.close();
  await publishAll(publisher, "log.a", ["8"]);
  await using again = await connect(hub);
  await replay(again, "log.#", { since: position });
  assert.deepEqual(payloadsOf(await again.take(2)), ["7", "8"]);
});

Deno.test("Replay: a subscriber is told when something of what it asked for is gone", async () => {
  await using hub = await TestHub.start([HISTORY]);
  await using publisher = await connect(hub);
  const ids = await publishAll(publisher, "log.a", numbers(1, 103));
  await using client = await connect(hub);
  assert.equal((await replay(client, "log.a", { since: ids[1] })).recovered, false);
  assert.deepEqual(payloadsOf(await client.take(100)), numbers(4, 103));
  await using complete = await connect(hub);
  assert.equal((await replay(complete, "log.a", { since: ids[2] })).recovered, true);
  await using stranger = await connect(hub);
  const unknown = "ffffffff-ffff-4fff-8fff-ffffffffffff";
  assert.equal((await replay(stranger, "log.a", { since: unknown })).recovered, false, "of no hub");
  assert.deepEqual(payloadsOf(await stranger.take(100)), numbers(4, 103));
  assert.equal((await replay(stranger, "other", { last: 1 })).recovered, false, "nothing is kept there");
});

Deno.test("Replay: a connection with several subscriptions gets each message once", async () => {
  await using hub = await TestHub.start([HISTORY]);
  await using publisher = await connect(hub);
  const ids = await publishAll(publisher, "log.a", numbers(1, 4));
  await using client = await connect(hub);
  await client.subscribe("log.+");
  await publishAll(publisher, "log.a", ["5"]);
  await replay(client, "log.#", { since: ids[1] });
  await replay(client, "log.a", { since: ids[0] });
  await publishAll(publisher, "log.a", ["6"]);
  assert.deepEqual(payloadsOf(await client.settle()), ["5", "3", "4", "2", "6"]);
});

Deno.test("Replay: what is published between two turns of it comes, also behind what came live already", async () => {
  await using hub = await TestHub.start([HISTORY]);
  await using publisher = await connect(hub);
  const many = numbers(1, REPLAYED_AT_ONCE + 16);
  await using client = await TextLink.connect({ port: hub.port });
  client.send('request:system.topic.subscribe:1.0.0\n{"topic":"log.a","action":"publish"}');
  await hub.metricBecomes("trunkline_broker_subscriptions", 1);
  await publishAll(publisher, "log.b", many);
  await publishAll(publisher, "log.a", ["live"]);
  // In one piece: the hub publishes the second when a part of the replay is sent.
  const asked = { topic: "log.#", action: "publish", replay: { last: 100 } };
  await client.write(concat([
    prefixed(`request:system.topic.subscribe:1.0.0\n${JSON.stringify(asked)}`),
    prefixed("publish:log.b:1.0.0\nbetween"),
  ]));
  const got: string[] = [];
  while (got.at(-1) !== "behind") {
    const [header = "", payload = ""] = new TextDecoder().decode(await client.next() ?? assert.fail()).split(
      "\n",
    );
    if (/^publish:log/.test(header)) got.push(payload);
    if (payload === many.at(-1)) await publishAll(publisher, "log.b", ["behind"]);
  }
  assert.deepEqual(got, ["live", ...many, "between", "behind"]);
});

Deno.test("Replay: a position from before anything was published holds, also when everybody was gone meanwhile", async () => {
  await using hub = await TestHub.start([HISTORY]);
  const early = await connect(hub);
  const { position } = await replay(early, "log.#", { last: 0 });
  await early.close();
  await hub.metricBecomes("trunkline_broker_subscriptions", 0);
  await using publisher = await connect(hub);
  await publishAll(publisher, "log.a", ["1", "2"]);
  await using client = await connect(hub);
  assert.equal((await replay(client, "log.#", { since: position })).recovered, true);
  assert.deepEqual(payloadsOf(await client.take(2)), ["1", "2"]);
});

Deno.test("Replay: the same pattern again begins again, for who lost something", async () => {
  await using hub = await TestHub.start([HISTORY]);
  await using client = await connect(hub);
  await client.subscribe("log.a", { action: "publish" });
  const ids = await publishAll(client, "log.a", numbers(1, 3));
  assert.deepEqual(payloadsOf(await client.settle()), numbers(1, 3));
  await replay(client, "log.a", { since: ids[0] });
  assert.deepEqual(payloadsOf(await client.settle()), ["2", "3"]);
});

Deno.test("Publishing to history: the answer says where the message stands, whoever is subscribed", async () => {
  await using hub = await TestHub.start([HISTORY]);
  await using client = await connect(hub);
  const [first = "", second = ""] = await publishAll(client, "log.a", ["1", "2"]);
  assert.ok(first < second);
  assert.equal(codeOf(await client.publish("other", "1")), "NO_ROUTE_FOUND");
});

Deno.test("Replay: neither queue groups nor requests have one", async () => {
  await using hub = await TestHub.start([HISTORY]);
  await using client = await connect(hub);
  for (const wanted of [{ group: "g" }, { action: "request" }]) {
    const asked = { topic: "log.a", replay: { last: 1 }, ...wanted };
    const { error } = await client.request("system.topic.subscribe", asked);
    assert.deepEqual([error?.code, error?.details], ["INVALID_REQUEST", { field: "replay" }]);
  }
  assert.equal(await hub.metric("trunkline_broker_subscriptions"), 0);
});

for (const transport of ALL_TRANSPORTS) {
  Deno.test(`Publishing to history: what is sent again over another connection is delivered once and answered the same (${transport})`, async () => {
    await using hub = await TestHub.start([HISTORY]);
    await using subscriber = await connect(hub);
    await subscriber.subscribe("log.#");
    const header = `publish:log.a:1.0.0:${newId()}`;
    const publisher = await connect(hub, transport);
    const { payload: first } = await publisher.askAs(header, "once");
    await publisher.close();
    await using again = await connect(hub, transport);
    const { payload: second } = await again.askAs(header, "once");
    assert.deepEqual(second, first);
    const { payload: elsewhere } = await again.askAs(header.replace("log.a", "log.b"), "once");
    assert.notEqual(elsewhere.id, first.id, "another topic is another message");
    const got = await subscriber.settle();
    assert.deepEqual(got.map(topicOf), ["log.a", "log.b"]);
    assert.deepEqual(got.map(idOf), [first.id, elsewhere.id]);
  });
}

Deno.test("Publishing to history: somebody else may use the same request id", async () => {
  const tokens = ["ann", "bob"].map((name) =>
    `{ token: token-of-${name}-0001, subject: ${name}, ` +
    'permissions: { publish: ["#"], subscribe: ["#"], serve: ["#"] } }'
  );
  await using hub = await TestHub.start([
    HISTORY,
    "auth.mode=required",
    `auth.tokens=[${tokens.join(", ")}]`,
  ]);
  const ids = new Set<string>();
  const header = `publish:log.a:1.0.0:${newId()}`;
  for (const name of ["ann", "bob", "ann", "bob"]) {
    await using client = await connectAs(hub, name);
    ids.add((await client.askAs(header, "x")).payload.id);
  }
  assert.equal(ids.size, 2);
});

function connectAs(hub: TestHub, name: string): Promise<BrokerClient> {
  return BrokerClient.connect(hub, "websocket", { token: `token-of-${name}-0001` });
}
