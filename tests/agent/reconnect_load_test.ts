/** An agent whose link is cut again and again while everything is in use. */
import assert from "node:assert/strict";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { until } from "../helpers/event_loop.ts";
import { JoiningServices } from "../helpers/joining_services.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { RunningAgent } from "./running_agent.ts";

const ROUNDS = 10;
const AT_ONCE = 50;

Deno.test("Agent: under load no handler runs twice for a message, and what is cut off fails once", async () => {
  const services = new JoiningServices();
  await using hub = await TestHub.start([], { frameServices: services });
  await using proxy = await CutProxy.open(hub.port);
  await using agent = await RunningAgent.up(`tcp://127.0.0.1:${proxy.port}`);
  const { messages } = agent.link;
  const runs = new Map<string, number>();
  const count = (payload: Uint8Array) => {
    const key = new TextDecoder().decode(payload);
    runs.set(key, (runs.get(key) ?? 0) + 1);
    return payload;
  };
  await messages.subscribe("load.publish", ({ payload }) => void count(payload));
  await messages.serve("load.request", ({ payload }) => count(payload));
  let answered = 0;
  const lost: string[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const before = answered;
    const streams = [agent.openStream("echo"), agent.openStream("echo")];
    for (const { stream } of streams) stream?.write(new Uint8Array(500_000));
    const asked = Array.from({ length: AT_ONCE }, async (_, at) => {
      messages.publish("load.publish", `p${round}.${at}`);
      // All but the first few wait for a connection that has some way to go.
      if (at > 5) await until(() => answered > before);
      try {
        await messages.request("load.request", `r${round}.${at}`);
        answered++;
      } catch (error) {
        lost.push((error as { code: string }).code);
      }
    });
    await until(() => answered > before);
    proxy.cut();
    await Promise.all(asked);
    assert.ok(
      (await Promise.all(streams.map(({ closedWith }) => closedWith))).every((reset) =>
        reset?.origin === "link"
      ),
    );
    assert.deepEqual(streams.map(({ ends }) => ends), [1, 1]);
    await agent.was("up", round + 1);
    // What it asks for itself stands behind what it registers again.
    await messages.request("load.request", `again ${round}`);
  }
  assert.equal(answered + lost.length, ROUNDS * AT_ONCE);
  assert.ok(answered > 0 && lost.length > 0, `${answered} answered, ${lost.length} lost`);
  assert.deepEqual([...new Set(lost)], ["connection_lost"]);
  assert.ok(runs.size > 0 && [...runs.values()].every((times) => times === 1));
});
