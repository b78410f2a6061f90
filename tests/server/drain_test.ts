import assert from "node:assert/strict";
import { TestHub } from "../helpers/test_hub.ts";
import { WsClient } from "../helpers/ws_client.ts";

interface TextMessage {
  readonly header: string;
  readonly payload: string;
}

async function connect(hub: TestHub): Promise<WsClient> {
  const client = await WsClient.connect(hub.url("/"));
  await next(client);
  return client;
}

async function next(client: WsClient): Promise<TextMessage> {
  const [header = "", payload = ""] = String(await client.next()).split("\n");
  return { header, payload };
}

/** A service that has a request, and who waits for it. */
async function withRunningRequest(hub: TestHub) {
  const service = await connect(hub);
  const caller = await connect(hub);
  service.send(
    `request:system.topic.subscribe:1.0.0:${crypto.randomUUID()}\n{"topic":"job","action":"request"}`,
  );
  await next(service);
  const id = crypto.randomUUID();
  caller.send(`request:job:1.0.0:${id}\nwork`);
  const { header } = await next(service);
  return { service, caller, id, targetId: header.split(":")[3] };
}

Deno.test("Drain: a running request gets its answer, then both are told to come back", async () => {
  await using hub = await TestHub.start();
  const { service, caller, id, targetId } = await withRunningRequest(hub);
  const idle = await connect(hub);
  const stopped = hub.server.stop();
  assert.equal((await idle.closed).code, 4503, "who waits for nothing goes at once");
  caller.send(`request:job:1.0.0:${crypto.randomUUID()}\nmore`);
  assert.match((await next(caller)).payload, /"code":"SERVICE_UNAVAILABLE"/);
  service.send(`response:job:1.0.0:${targetId}\ndone`);
  assert.deepEqual(await next(caller), { header: `response:job:1.0.0:${id}`, payload: "done" });
  for (const client of [caller, service]) {
    const { code, reason } = await client.closed;
    assert.equal(code, 4503);
    assert.match(reason, /^retry=\d+$/);
  }
  await stopped;
});

Deno.test("Drain: a request that is not answered within the time of grace is over", async () => {
  await using hub = await TestHub.start(["shutdown.grace=50ms"]);
  const { service, caller } = await withRunningRequest(hub);
  await hub.server.stop();
  assert.equal((await caller.closed).code, 4503);
  assert.equal((await service.closed).code, 4503);
});
