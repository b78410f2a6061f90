/** What an agent does that has more to send than its connection takes. */
import assert from "node:assert/strict";
import { until } from "../helpers/event_loop.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { RunningAgent } from "./running_agent.ts";

const BIG = 60_000;

Deno.test("Agent: publishes wait for room, and none is dropped or overtaken", async () => {
  await using hub = await TestHub.start();
  await using agent = await RunningAgent.up(`tcp://127.0.0.1:${hub.port}`);
  const { messages } = agent.link;
  const got: number[] = [];
  await messages.subscribe(
    "bulk.data",
    ({ payload }) => void got.push(new DataView(payload.buffer, payload.byteOffset).getUint32(0)),
  );
  let waits = 0;
  for (let number = 0; number < 400; number++) {
    const payload = new Uint8Array(BIG);
    new DataView(payload.buffer).setUint32(0, number);
    while (messages.publish("bulk.data", payload) === "full") {
      waits++;
      await messages.room();
    }
  }
  await until(() => got.length === 400);
  assert.deepEqual(got, Array.from({ length: 400 }, (_, number) => number));
  assert.ok(waits > 0, "there was room for everything at once");
  assert.equal(agent.count("up"), 1);
});

Deno.test("Agent: requests that do not fit are refused here, and the connection lives", async () => {
  await using hub = await TestHub.start();
  await using agent = await RunningAgent.up(`tcp://127.0.0.1:${hub.port}`);
  const { messages } = agent.link;
  await messages.serve("bulk.length", ({ payload }) => String(payload.length));
  const asked = Array.from({ length: 300 }, () => messages.request("bulk.length", new Uint8Array(BIG)));
  const results = await Promise.allSettled(asked);
  const codes = results.flatMap((result) => result.status === "rejected" ? result.reason.details.code : []);
  assert.ok(codes.length > 0 && codes.length < 300, `${codes.length} refused`);
  assert.deepEqual([...new Set(codes)], ["FULL"]);
  assert.equal(new TextDecoder().decode(await messages.request("bulk.length", "again")), "5");
  assert.equal(agent.count("up"), 1);
});
