/** A pool of connections with a hub that does what a test says; with a real one: pool_hub_test.ts. */
import assert from "node:assert/strict";
import { readPool } from "../../src/agent/link_pool.ts";
import type { PoolOptions } from "../../src/agent/link_pool.ts";
import { CROWDED_STREAMS } from "../../src/agent/pool_link.ts";
import { defaultAgentConfig } from "../../src/config/schema_agent.ts";
import { encodeTextMessage } from "../../src/wire/text_message.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { echoOf, RecordingStream } from "../helpers/echo_stream.ts";
import { until } from "../helpers/event_loop.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { FramesHub, type FramesHubOptions } from "../helpers/frames_hub.ts";
import type { HubEnd } from "../helpers/hub_end.ts";
import { RunningAgent, type RunningOptions, SLOW, streamTo } from "./running_agent.ts";

const IDLE_MS = 300_000;
const CLEANUP_MS = 60_000;

function poolOf(initial: number, max: number): PoolOptions {
  return { initial, max, idleTimeoutMs: IDLE_MS, cleanupIntervalMs: CLEANUP_MS };
}

/** An agent all of whose first connections are up. */
async function poolUp(
  hub: { readonly port: number },
  pool: PoolOptions,
  options: RunningOptions = {},
): Promise<RunningAgent> {
  const agent = new RunningAgent(`tcp://127.0.0.1:${hub.port}`, { pool, ...options });
  await until(() => agent.upLinks === pool.initial);
  return agent;
}

/** How many streams each connection has, as the hub sees it. */
function streamsOf(hub: FramesHub): number[] {
  return [...hub.ends].map(({ transport }) => transport.mux.size);
}

function openMany(agent: RunningAgent, count: number): RecordingStream[] {
  return Array.from({ length: count }, () => agent.openStream("echo"));
}

/** A stream of the hub that is open at both ends. */
async function openFrom(end: HubEnd): Promise<RecordingStream> {
  const recording = new RecordingStream();
  const stream = end.open(streamTo("edge"), recording);
  assert.ok(typeof stream !== "string", String(stream));
  recording.stream = stream;
  stream.write(new Uint8Array([7]));
  await recording.got(1);
  return recording;
}

Deno.test("Pool: the configuration's numbers are its own", () => {
  assert.deepEqual(readPool(defaultAgentConfig().hub), poolOf(1, 4));
});

Deno.test("Pool: keeps as many connections as it should, all of one session, and makes each again", async () => {
  await using hub = await FramesHub.open();
  await using agent = await poolUp(hub, poolOf(3, 3));
  assert.equal(new Set(hub.logins.map(({ session }) => session)).size, 1);
  assert.equal(agent.link.connectionStatus, 1);
  for (const end of [...hub.ends].slice(1)) end.destroy();
  await until(() => hub.logins.length === 5 && agent.upLinks === 3);
  assert.equal(agent.link.connections, 5);
  assert.equal(agent.count("up"), 1, "the connection that stands for all was there all the time");
});

Deno.test("Pool: streams go where the fewest are", async () => {
  await using hub = await FramesHub.open();
  await using agent = await poolUp(hub, poolOf(3, 3));
  const streams = openMany(agent, 6);
  await until(() => streamsOf(hub).every((count) => count === 2));
  streams[0]?.stream?.end();
  assert.equal(await streams[0]?.closedWith, null);
  const [next] = openMany(agent, 1);
  await until(() => streamsOf(hub).every((count) => count === 2));
  next?.stream?.end();
  assert.equal(await next?.closedWith, null);
});

Deno.test("Pool: where one takes no more streams another does, and a further connection is made", async () => {
  await using hub = await FramesHub.open({ limits: { maxStreams: 1 } });
  await using agent = await poolUp(hub, poolOf(1, 2));
  openMany(agent, 1);
  assert.equal(agent.link.openStream(streamTo("echo"), new RecordingStream()), "too_many");
  await until(() => agent.upLinks === 2);
  openMany(agent, 1);
  assert.equal(agent.link.openStream(streamTo("echo"), new RecordingStream()), "too_many");
  await until(() => streamsOf(hub).join() === "1,1");
  assert.equal(agent.link.links.length, 2);
});

Deno.test("Pool: crowded connections get another one, one at a time and never more than the most", async () => {
  await using hub = await FramesHub.open();
  await using agent = await poolUp(hub, poolOf(1, 3));
  openMany(agent, CROWDED_STREAMS - 1);
  assert.equal(agent.link.links.length, 1);
  openMany(agent, 10);
  assert.equal(agent.link.links.length, 2);
  await until(() => agent.upLinks === 2);
  openMany(agent, 2 * CROWDED_STREAMS);
  assert.equal(agent.link.links.length, 3);
  await until(() => agent.upLinks === 3);
  openMany(agent, 4 * CROWDED_STREAMS);
  assert.equal(agent.link.links.length, 3);
  assert.deepEqual({ ...agent.link.poolStats }, { connections: 3, added: 2, retired: 0, abandoned: 0 });
});

Deno.test("Pool: a connection that takes no more bytes gets another one beside it", async () => {
  await using hub = await FramesHub.open();
  await using proxy = await CutProxy.open(hub.port);
  using time = new FakeTime();
  await using agent = await poolUp(proxy, poolOf(1, 2), { clock: time });
  proxy.stall();
  for (const { stream } of openMany(agent, 2)) stream?.write(new Uint8Array(1024 * 1024));
  openMany(agent, 1);
  assert.equal(agent.link.links.length, 1, "nothing was written yet");
  await until(() => agent.session.isFull);
  openMany(agent, 1);
  assert.equal(agent.link.links.length, 2);
  assert.equal(time.now(), 0, "nobody was in doubt");
  proxy.cutStalled();
});

Deno.test("Pool: a hub that opens stream after stream makes it as large as it may be and no larger", async () => {
  await using hub = await FramesHub.open();
  await using agent = await poolUp(hub, poolOf(1, 2));
  agent.link.onStream(echoOf);
  for (let count = 0; count < 10 * CROWDED_STREAMS; count++) {
    const opened = hub.end.open(streamTo("edge"), new RecordingStream());
    assert.ok(typeof opened !== "string");
  }
  await until(() => agent.upLinks === 2);
  await until(() => hub.end.transport.mux.unopened === 0);
  assert.ok(await hub.end.transport.mux.ping(5000) !== null);
  assert.deepEqual([agent.link.links.length, hub.logins.length], [2, 2]);
});

Deno.test("Pool: a hub that lets no more connections in is not asked by more and more", async () => {
  const admitFirst: FramesHubOptions["onLogin"] = (request, end) => {
    if (hub.logins.length === 1) return hub.admit(request);
    end.answer({ ok: false, code: "connection_limit_reached", message: "As many as there may be" });
    return null;
  };
  await using hub = await FramesHub.open({ onLogin: admitFirst });
  await using agent = await poolUp(hub, poolOf(1, 8), { backoff: SLOW });
  openMany(agent, CROWDED_STREAMS);
  await until(() => agent.link.links.some(({ state }) => state === "waiting"));
  openMany(agent, 4 * CROWDED_STREAMS);
  assert.deepEqual(agent.link.links.map(({ state }) => state), ["up", "waiting"]);
  assert.equal(hub.logins.length, 2);
});

Deno.test("Pool: what was added goes when it had no streams for a while, and the first stay", async () => {
  await using hub = await FramesHub.open();
  using time = new FakeTime();
  await using agent = await poolUp(hub, poolOf(1, 2), { clock: time });
  const streams = openMany(agent, CROWDED_STREAMS + 1);
  await until(() => agent.upLinks === 2);
  const [late] = openMany(agent, 1);
  for (const { stream } of streams) stream?.end();
  await Promise.all(streams.map(({ closedWith }) => closedWith));
  time.jump(IDLE_MS);
  assert.deepEqual(agent.link.links.map(({ streams }) => streams), [0, 1], "one that is used stays");
  late?.stream?.end();
  assert.equal(await late?.closedWith, null);
  time.jump(IDLE_MS - 1);
  assert.equal(agent.upLinks, 2, "idle from its last stream on");
  time.jump(CLEANUP_MS);
  assert.deepEqual(agent.link.links.map(({ state }) => state), ["up", "leaving"]);
  await until(() => agent.link.links.length === 1 && hub.ends.size === 1);
  assert.deepEqual({ ...agent.link.poolStats }, { connections: 2, added: 1, retired: 1, abandoned: 0 });
  assert.equal(agent.warnings.length, 0);
});

Deno.test("Pool: a stream that the hub opens on one that leaves is taken and lives on", async () => {
  await using hub = await FramesHub.open();
  using time = new FakeTime();
  await using agent = await poolUp(hub, poolOf(1, 2), { clock: time });
  agent.link.onStream(echoOf);
  const streams = openMany(agent, CROWDED_STREAMS);
  await until(() => agent.upLinks === 2);
  for (const { stream } of streams) stream?.end();
  await Promise.all(streams.map(({ closedWith }) => closedWith));
  const [, second] = [...hub.ends];
  assert.ok(second !== undefined);
  time.jump(IDLE_MS);
  // The hub does not know yet that it leaves.
  const recording = await openFrom(second);
  assert.equal(second.open(streamTo("edge"), new RecordingStream()), "going_away");
  recording.stream?.write(new Uint8Array([8]));
  await recording.got(2);
  assert.equal(agent.link.links[1]?.state, "leaving");
  recording.stream?.end();
  assert.equal(await recording.closedWith, null);
  await until(() => agent.link.links.length === 1 && hub.ends.size === 1);
});

Deno.test("Pool: one that leaves and is not answered is gone all the same", async () => {
  await using hub = await FramesHub.open();
  using time = new FakeTime();
  await using agent = await poolUp(hub, poolOf(1, 2), { clock: time });
  const streams = openMany(agent, CROWDED_STREAMS);
  await until(() => agent.upLinks === 2);
  for (const { stream } of streams) stream?.end();
  await Promise.all(streams.map(({ closedWith }) => closedWith));
  time.jump(IDLE_MS);
  // The answer may not be read: nothing else happens between the question and its end.
  time.tick(10_000);
  await until(() => agent.link.links.length === 1 && hub.ends.size === 1);
});

Deno.test("Pool: a hub that goes away on one connection gets new streams on the others, and it is made again", async () => {
  await using hub = await FramesHub.open();
  await using agent = await poolUp(hub, poolOf(2, 2));
  const running = openMany(agent, 2);
  await until(() => streamsOf(hub).join() === "1,1");
  const [first] = [...hub.ends];
  first?.transport.mux.goAway({ reason: "This end stops", retryAfterMs: 0 });
  await until(() => agent.link.links.some(({ state }) => state === "leaving"));
  openMany(agent, 3);
  await until(() => streamsOf(hub).join() === "1,4");
  for (const recording of running) {
    recording.stream?.write(new Uint8Array([1]));
    await recording.got(1);
    recording.stream?.end();
    assert.equal(await recording.closedWith, null);
  }
  await until(() => hub.logins.length === 3 && agent.upLinks === 2);
});

Deno.test("Pool: where all go away there is no stream, and where none is up it is offline", async () => {
  await using hub = await FramesHub.open();
  await using agent = await poolUp(hub, poolOf(2, 4), { backoff: SLOW });
  const running = openMany(agent, 2);
  await until(() => streamsOf(hub).join() === "1,1");
  for (const end of hub.ends) end.transport.mux.goAway({ reason: "The hub stops", retryAfterMs: 0 });
  await until(() => agent.upLinks === 0);
  assert.equal(agent.link.openStream(streamTo("echo"), new RecordingStream()), "going_away");
  assert.equal(agent.link.connectionStatus, 1);
  for (const { stream } of running) stream?.end();
  await until(() => agent.link.connectionStatus === 0);
  assert.equal(agent.link.openStream(streamTo("echo"), new RecordingStream()), "offline");
  assert.equal(agent.link.links.length, 2, "a hub that goes away is not asked for more connections");
});

Deno.test("Pool: a message on a connection that carries none is not handled", async () => {
  await using hub = await FramesHub.open();
  await using agent = await poolUp(hub, poolOf(3, 3));
  const from: string[] = [];
  const subscribed = agent.link.messages.subscribe("a.b", ({ payload }) => {
    from.push(new TextDecoder().decode(payload));
  });
  // Nobody answers it here.
  const ended = assert.rejects(subscribed, { code: "connection_lost" });
  const primary = agent.session.answer.connectionId;
  for (const end of hub.ends) {
    const name = end.request === hub.logins[Number(primary.slice(1)) - 1] ? "primary" : "other";
    const message = encodeTextMessage({ action: "publish", topic: "a.b" }, name);
    end.say({ kind: "message", message, isText: true });
    assert.ok(await end.transport.mux.ping(5000) !== null);
  }
  assert.deepEqual(from, ["primary"]);
  await agent.link.stop();
  await ended;
});

Deno.test("Pool: tells of each connection how it stands", async () => {
  await using hub = await FramesHub.open();
  await using agent = await poolUp(hub, poolOf(2, 2), { backoff: SLOW });
  const { session } = agent;
  assert.ok(await session.ping(5000) !== null);
  openMany(agent, 1);
  const { links } = agent.link;
  assert.deepEqual(links.map(({ state, streams }) => [state, streams]), [["up", 1], ["up", 0]]);
  const primary = links.filter(({ isPrimary }) => isPrimary);
  assert.equal(primary.length, 1);
  assert.ok(Number.isFinite(primary[0]?.roundTripMs) && Number.isFinite(primary[0]?.connectedSinceMs));
  for (const end of hub.ends) end.destroy();
  await until(() => agent.link.links.every(({ state }) => state === "waiting"));
  for (const { isPrimary, roundTripMs, connectedSinceMs } of agent.link.links) {
    assert.deepEqual([isPrimary, roundTripMs, connectedSinceMs], [false, null, null]);
  }
});

Deno.test("Pool: stop ends every connection, the one that is being made too", async () => {
  await using hub = await FramesHub.open();
  using time = new FakeTime();
  await using agent = await poolUp(hub, poolOf(2, 3), { clock: time });
  openMany(agent, 2 * CROWDED_STREAMS);
  assert.equal(agent.link.links.length, 3);
  await agent.link.stop();
  assert.equal(agent.link.connectionStatus, 0);
  assert.ok(agent.link.links.every(({ state }) => state === "stopped"));
  assert.equal(agent.link.state.kind, "stopped");
  await until(() => hub.ends.size === 0);
});
