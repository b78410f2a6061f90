/** An agent's connection as a program uses it; over every way to a hub: real_hub_test.ts. */
import assert from "node:assert/strict";
import { expectStream } from "../../src/agent/agent_link.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { RecordingStream } from "../helpers/echo_stream.ts";
import { FramesHub } from "../helpers/frames_hub.ts";
import { freePort } from "../helpers/free_port.ts";
import { RunningAgent, SLOW, streamTo } from "./running_agent.ts";

Deno.test("Agent: says who it is, the same at each login, with the token of the one before", async () => {
  await using hub = await FramesHub.open();
  await using proxy = await CutProxy.open(hub.port);
  await using agent = await RunningAgent.up(`tcp://127.0.0.1:${proxy.port}`, {
    agentId: "box",
    token: "secret",
  });
  assert.equal(agent.session.answer.connectionId, "c1");
  for (let login = 2; login <= 4; login++) {
    proxy.cut();
    await agent.was("up", login);
  }
  const [first, ...later] = hub.logins;
  assert.match(first?.session ?? "", /^[0-9a-f]{32}$/);
  assert.deepEqual(first, {
    token: "secret",
    agentId: "box",
    session: first?.session,
    features: ["messages", "streams", "refs"],
  });
  assert.deepEqual(later.map(({ session }) => session), [first?.session, first?.session, first?.session]);
  assert.deepEqual(later.map(({ resume }) => resume), ["resume-1", "resume-2", "resume-3"]);
  assert.equal(agent.link.connections, 4);
});

Deno.test("Agent: without a connection nothing is sent, and what waits for one fails with the stop", async () => {
  await using agent = new RunningAgent(`tcp://127.0.0.1:${freePort()}`, { backoff: SLOW });
  await agent.was("waiting");
  const { link } = agent;
  assert.equal(link.connectionStatus, 0);
  assert.equal(link.openStream(streamTo("echo"), new RecordingStream()), "offline");
  assert.equal(link.messages.publish("a.b", "x"), "offline");
  await assert.rejects(link.messages.request("a.b", "x"), { code: "connection_lost" });
  const waiting = Promise.allSettled([link.messages.subscribe("a.b", () => {}), link.messages.room()]);
  await link.stop();
  for (const result of await waiting) {
    assert.ok(result.status === "rejected" && result.reason.code === "connection_lost");
  }
  await assert.rejects(link.messages.subscribe("a.b", () => {}), TrunklineError);
});

Deno.test("Agent: opens no more streams at a time than the hub takes", async () => {
  await using hub = await FramesHub.open({ limits: { maxStreams: 2 } });
  await using agent = await RunningAgent.up(`tcp://127.0.0.1:${hub.port}`);
  const [first] = [agent.openStream("echo"), agent.openStream("echo")];
  const refused = agent.link.openStream(streamTo("echo"), new RecordingStream());
  assert.equal(refused, "too_many");
  assert.throws(() => expectStream(refused), { code: "request_failed", details: { reason: "too_many" } });
  first?.stream?.end();
  assert.equal(await first?.closedWith, null);
  const again = agent.openStream("echo");
  again.stream?.end();
  assert.equal(await again.closedWith, null);
});

Deno.test("Agent: takes no streams as long as nobody said who does", async () => {
  await using hub = await FramesHub.open();
  await using _agent = await RunningAgent.up(`tcp://127.0.0.1:${hub.port}`);
  const recording = new RecordingStream();
  hub.end.open(streamTo("edge"), recording);
  const reset = await recording.closedWith;
  assert.deepEqual([reset?.code, reset?.notStarted, reset?.origin], [5, true, "peer"]);
});
