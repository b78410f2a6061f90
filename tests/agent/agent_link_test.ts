/** An agent's connection as a program uses it, over every way to a hub. */
import assert from "node:assert/strict";
import { expectStream } from "../../src/agent/agent_link.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { echoOf, RecordingStream } from "../helpers/echo_stream.ts";
import { FramesHub } from "../helpers/frames_hub.ts";
import { until } from "../helpers/event_loop.ts";
import { freePort } from "../helpers/socket_server.ts";
import { ConnectProxy } from "./connect_proxy.ts";
import { RunningAgent, SLOW, streamTo } from "./running_agent.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (string: string) => new TextEncoder().encode(string);

/** Streams both ways, a publish and a request, all on one connection. */
async function useEverything(agent: RunningAgent, hub: FramesHub): Promise<void> {
  const { link } = agent;
  link.onStream((stream) => echoOf(stream));
  const big = new Uint8Array(1_000_000).map((_, at) => at * 7 + (at >> 8));
  for (const target of ["echo", "edge"]) {
    const recording = agent.openStream(target);
    recording.stream?.write(big);
    recording.stream?.end();
    assert.equal(await recording.closedWith, null, target);
    assert.deepEqual(recording.bytes, big, target);
  }
  const fromHub = new RecordingStream();
  const stream = hub.end.open(streamTo("edge"), fromHub);
  assert.ok(typeof stream !== "string");
  fromHub.stream = stream;
  stream.write(bytes("from the hub"));
  stream.end();
  assert.equal(await fromHub.closedWith, null);
  assert.equal(text(fromHub.bytes), "from the hub");
  await useMessages(agent);
}

async function useMessages({ link: { messages } }: RunningAgent): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<string>();
  await messages.subscribe("sensors.+.temp", ({ topic, payload }) => resolve(`${topic} ${text(payload)}`));
  await messages.deliver("Sensors.a.temp", "21");
  assert.equal(await promise, "Sensors.a.temp 21");
  await messages.serve("tools.upper", ({ payload }) => text(payload).toUpperCase());
  assert.equal(text(await messages.request("tools.upper", "quiet")), "QUIET");
}

Deno.test("Agent: streams both ways and messages on one connection, over tcp and ws", async () => {
  await using hub = await FramesHub.open();
  for (const scheme of ["tcp", "ws"]) {
    await using agent = await RunningAgent.up(`${scheme}://127.0.0.1:${hub.port}`);
    await useEverything(agent, hub);
    assert.equal(hub.ends.size, 1);
    await agent.link.stop();
    await until(() => hub.ends.size === 0);
  }
  assert.equal(hub.brokenMessages, 0, "a WebSocket message holds whole frames");
});

Deno.test("Agent: the same over tls and wss, directly and through a CONNECT proxy", async () => {
  using certificates = await TestCertificates.create();
  const { ca, cert, key } = certificates;
  await using hub = await FramesHub.open({ tls: { cert, key } });
  await using connect = await ConnectProxy.open();
  for (const proxy of [null, connect.proxy]) {
    for (const scheme of ["tls", "wss"]) {
      await using agent = await RunningAgent.up(`${scheme}://localhost:${hub.port}`, {
        target: { ca, proxy },
      });
      await useEverything(agent, hub);
      await agent.link.stop();
      await until(() => hub.ends.size === 0);
    }
  }
  assert.equal(connect.heads.length, 2);
  assert.equal(hub.brokenMessages, 0);
});

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
    features: ["messages", "streams"],
  });
  assert.deepEqual(later.map(({ session }) => session), [first?.session, first?.session, first?.session]);
  assert.deepEqual(later.map(({ resume }) => resume), ["resume-1", "resume-2", "resume-3"]);
  assert.equal(agent.link.connections, 4);
});

Deno.test("Agent: subscriptions and services are there again after each reconnect", async () => {
  await using hub = await FramesHub.open();
  await using proxy = await CutProxy.open(hub.port);
  await using agent = await RunningAgent.up(`tcp://127.0.0.1:${proxy.port}`, {
    registerAs: { name: "edge", description: "A box" },
  });
  const { messages } = agent.link;
  const got: string[] = [];
  const subscription = await messages.subscribe("news.#", ({ payload }) => void got.push(text(payload)));
  await messages.serve("tools.echo", ({ payload }) => payload);
  for (let round = 1; round <= 3; round++) {
    proxy.cut();
    await agent.was("up", round + 1);
    await until(() => hub.ends.size === 1 && hub.broker.subscriptions.length === 2);
    assert.equal(hub.broker.publish("news.today", String(round)), 1);
    assert.equal(text(await messages.request("tools.echo", "still here")), "still here");
  }
  assert.deepEqual(got, ["1", "2", "3"]);
  assert.deepEqual(hub.broker.services, ["edge", "edge", "edge", "edge"]);
  await subscription.unsubscribe();
  assert.deepEqual(hub.broker.subscriptions, ["request tools.echo"]);
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
