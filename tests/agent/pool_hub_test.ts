/** A pool of connections and a hub, both real: the agent's place, its messages, and connections that die. */
import assert from "node:assert/strict";
import type { PoolOptions } from "../../src/agent/link_pool.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { echoOf, RecordingStream } from "../helpers/echo_stream.ts";
import { until } from "../helpers/event_loop.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { JoiningServices } from "../helpers/joining_services.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { RunningAgent, type RunningOptions, SLOW, streamTo } from "./running_agent.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function poolOf(initial: number, max = initial): PoolOptions {
  return { initial, max, idleTimeoutMs: 300_000, cleanupIntervalMs: 60_000 };
}

/** A hub whose streams are joined; whom it sends away comes back at once. */
async function startHub() {
  const services = new JoiningServices();
  const hub = await TestHub.start(["shutdown.spread=0s"], { frameServices: services });
  return { hub, services };
}

async function poolUp(port: number, pool: PoolOptions, options: RunningOptions = {}): Promise<RunningAgent> {
  const agent = new RunningAgent(`tcp://127.0.0.1:${port}`, { pool, ...options });
  await until(() => agent.upLinks === pool.initial);
  return agent;
}

/** A stream that is sent back, and works. */
async function openEcho(agent: RunningAgent): Promise<RecordingStream> {
  const recording = agent.openStream("echo");
  recording.stream?.write(new Uint8Array([1]));
  await recording.got(1);
  return recording;
}

/** Lets time go on until something is so; at each step the hub answers something else, so that what is sent arrives. */
async function passUntil(
  isSo: () => boolean,
  { time, hub }: { time: FakeTime; hub: TestHub },
): Promise<void> {
  while (!isSo()) {
    time.tick(100);
    await hub.metric("trunkline_agents");
  }
}

Deno.test("Pool and hub: four connections at once are one agent, and one of them speaks for it", async () => {
  const { hub, services } = await startHub();
  await using _hub = hub;
  await using agent = await poolUp(hub.port, poolOf(4), { registerAs: { name: "edge", description: "" } });
  assert.deepEqual([services.links.length, await hub.metric("trunkline_agents")], [4, 1]);
  assert.equal(await hub.metric("trunkline_agent_takeovers_total"), 0);
  const { messages } = agent.link;
  const got: string[] = [];
  await messages.subscribe("news.#", ({ payload }) => void got.push(text(payload)));
  await messages.serve("tools.echo", ({ payload }) => payload);
  await messages.deliver("news.today", "once");
  assert.equal(text(await messages.request("tools.echo", "x")), "x");
  assert.deepEqual(got, ["once"]);
  const listed = JSON.parse(text(await messages.request("system.service.list", "{}")));
  assert.equal(listed.services.filter(({ name }: { name: string }) => name === "edge").length, 1);
});

Deno.test("Pool and hub: a hub that restarts gets all of them back, again and again", async () => {
  let { hub, services } = await startHub();
  await using proxy = await CutProxy.open(hub.port);
  await using agent = await poolUp(proxy.port, poolOf(4));
  for (let round = 1; round <= 3; round++) {
    const next = await startHub();
    proxy.leadTo(next.hub.port);
    proxy.cut();
    await hub.server.stop();
    ({ hub, services } = next);
    await until(() => services.links.length === 4 && agent.upLinks === 4);
    assert.equal((await openEcho(agent)).ends, 0);
  }
  assert.equal(await hub.metric("trunkline_agents"), 1);
  assert.ok(agent.warnings.every((cause) => !cause.includes("name_taken")), agent.warnings.join());
  await agent.link.stop();
  await hub.server.stop();
});

Deno.test("Pool and hub: the same hub lets all of them in again, whichever was the last to log in", async () => {
  const { hub, services } = await startHub();
  await using _hub = hub;
  await using proxy = await CutProxy.open(hub.port);
  await using agent = await poolUp(proxy.port, poolOf(4));
  for (let round = 1; round <= 5; round++) {
    proxy.cut();
    await until(() => agent.link.connections === 4 * (round + 1));
    await until(() => agent.upLinks === 4 && services.links.length === 4);
  }
  assert.ok(agent.warnings.every((cause) => !cause.includes("name_taken")), agent.warnings.join());
});

Deno.test("Pool and hub: another process of that name is refused as long as one connection lives, and takes over after", async () => {
  const { hub, services } = await startHub();
  await using _hub = hub;
  await using proxy = await CutProxy.open(hub.port);
  await using old = await poolUp(proxy.port, poolOf(2), { backoff: SLOW });
  proxy.stall(1);
  await using refused = new RunningAgent(`tcp://127.0.0.1:${hub.port}`, { backoff: SLOW, pool: poolOf(2) });
  await until(() => refused.link.links.every(({ state }) => state === "waiting"));
  assert.match(refused.failure.text, /name_taken .*another agent has this name, see agent.id/);
  assert.equal(refused.failure.cause, "refused");
  proxy.stall();
  await using next = await poolUp(hub.port, poolOf(3));
  assert.equal(await hub.metric("trunkline_agent_takeovers_total"), 1);
  await until(() => services.links.length === 3);
  assert.equal((await openEcho(next)).ends, 0);
  proxy.cut();
  await until(() => old.link.connectionStatus === 0);
});

Deno.test("Pool and hub: when the connection of the messages ends another carries them at once", async () => {
  const { hub, services } = await startHub();
  await using _hub = hub;
  await using agent = await poolUp(hub.port, poolOf(3), {
    backoff: SLOW,
    registerAs: { name: "edge", description: "" },
  });
  const { messages } = agent.link;
  const got: string[] = [];
  await messages.subscribe("news.#", ({ payload }) => void got.push(text(payload)));
  await messages.serve("tools.echo", ({ payload }) => payload);
  for (let left = 2; left >= 1; left--) {
    const before = agent.session;
    before.abandon("a test cuts it");
    await before.closed;
    assert.notEqual(agent.session, before);
    assert.equal(agent.link.connectionStatus, 1);
    // Until the hub has noticed as well it may ask the one that is gone.
    await until(() => services.links.length === left);
    assert.equal(text(await messages.request("tools.echo", "still here")), "still here");
    await messages.deliver("news.today", String(left));
    await until(() => got.length === 3 - left);
  }
  assert.deepEqual(got, ["2", "1"]);
  assert.equal(agent.count("waiting"), 0, "what stands for all was up all the time");
});

Deno.test("Pool and hub: what is asked on the connection that ends fails once, and what is asked then goes by the next", async () => {
  const { hub } = await startHub();
  await using _hub = hub;
  await using other = await poolUp(hub.port, poolOf(1), { agentId: "other" });
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string>();
  await other.link.messages.serve("slow.work", () => {
    asked.resolve();
    return answer.promise;
  });
  await using agent = await poolUp(hub.port, poolOf(2), { backoff: SLOW });
  const lost = agent.link.messages.request("slow.work", "");
  await asked.promise;
  agent.session.abandon("a test cuts it");
  await assert.rejects(lost, { code: "connection_lost" });
  answer.resolve("done");
  assert.equal(text(await agent.link.messages.request("slow.work", "")), "done");
});

Deno.test("Pool and hub: new streams leave a half-open connection at once, and it is replaced with seconds", async () => {
  const { hub, services } = await startHub();
  await using _hub = hub;
  await using proxy = await CutProxy.open(hub.port);
  using time = new FakeTime();
  await using agent = await poolUp(proxy.port, poolOf(2), { clock: time });
  const running = [await openEcho(agent), await openEcho(agent)];
  assert.deepEqual(agent.link.links.map(({ streams }) => streams), [1, 1]);
  proxy.stall(1);
  const stalledMs = time.now();
  // Nobody knows yet: one of two new ones goes there, and it owes an answer from then on.
  time.tick(1000);
  running.push(agent.openStream("echo"), agent.openStream("echo"));
  await passUntil(() => time.now() >= stalledMs + 2500, { time, hub });
  const before = agent.link.links.map(({ streams }) => streams);
  for (let count = 0; count < 5; count++) running.push(await openEcho(agent));
  const after = agent.link.links.map(({ streams }) => streams);
  assert.deepEqual(after.map((streams, at) => streams - (before[at] ?? 0)).toSorted(), [0, 5]);
  await passUntil(() => agent.link.poolStats.abandoned === 1, { time, hub });
  assert.ok(time.now() - stalledMs < 10_000, String(time.now() - stalledMs));
  await passUntil(() => agent.upLinks === 2, { time, hub });
  const ends = await Promise.all(running.filter(({ ends }) => ends > 0).map(({ closedWith }) => closedWith));
  assert.deepEqual(ends.map((reset) => reset?.origin), ["link", "link"]);
  assert.match(agent.warnings.join(), /gave no sign of life here, but on other connections/);
  proxy.cutStalled();
  await until(() => services.links.length === 2);
});

Deno.test("Pool and hub: an only connection that is half-open is found by making another one", async () => {
  const { hub, services } = await startHub();
  await using _hub = hub;
  await using proxy = await CutProxy.open(hub.port);
  using time = new FakeTime();
  await using agent = await poolUp(proxy.port, poolOf(1, 2), { clock: time });
  const { messages } = agent.link;
  await messages.serve("tools.echo", ({ payload }) => payload);
  const stalledMs = time.now();
  proxy.stall();
  await passUntil(() => agent.link.poolStats.abandoned === 1, { time, hub });
  assert.ok(time.now() - stalledMs < 20_000, String(time.now() - stalledMs));
  await until(() => agent.link.state.kind === "up");
  proxy.cutStalled();
  await until(() => services.links.length === agent.upLinks);
  assert.equal(text(await messages.request("tools.echo", "still here")), "still here");
});

Deno.test("Pool and hub: where the whole way is gone no connection is blamed for it", async () => {
  const { hub } = await startHub();
  await using _hub = hub;
  await using proxy = await CutProxy.open(hub.port);
  using time = new FakeTime();
  await using agent = await poolUp(proxy.port, poolOf(2), { clock: time, backoff: SLOW });
  proxy.stall();
  const stalledMs = time.now();
  await passUntil(() => agent.link.connectionStatus === 0, { time, hub });
  assert.ok(time.now() - stalledMs >= 60_000, "only the heartbeat gives them up");
  assert.equal(agent.link.poolStats.abandoned, 0);
});

Deno.test("Pool and hub: streams of visitors come by whichever connection the hub takes", async () => {
  const { hub, services } = await startHub();
  await using _hub = hub;
  await using agent = await poolUp(hub.port, poolOf(3));
  agent.link.onStream(echoOf);
  for (const link of services.links) {
    const recording = new RecordingStream();
    const stream = link.open(streamTo("edge"), recording);
    assert.ok(typeof stream !== "string");
    recording.stream = stream;
    stream.write(new Uint8Array([1, 2, 3]));
    await recording.got(3);
    stream.end();
    assert.equal(await recording.closedWith, null);
  }
});

Deno.test("Pool and hub: whichever connections are cut, each stream ends once, no message is handled twice, and all come back", async () => {
  const { hub, services } = await startHub();
  await using _hub = hub;
  await using proxy = await CutProxy.open(hub.port);
  await using agent = await poolUp(proxy.port, poolOf(3));
  const { messages } = agent.link;
  const handled: string[] = [];
  await messages.serve("tools.note", ({ payload }) => {
    handled.push(text(payload));
    return payload;
  });
  const streams: RecordingStream[] = [];
  for (let round = 0; round < 30; round++) {
    for (let count = 0; count < 6; count++) streams.push(await openEcho(agent));
    const asked = Array.from({ length: 5 }, (_, at) => messages.request("tools.note", `${round}.${at}`));
    proxy.cut(round % 4);
    await Promise.allSettled(asked);
    await until(() => agent.upLinks === 3 && services.links.length === 3);
  }
  proxy.cut();
  const resets = await Promise.all(streams.map(({ closedWith }) => closedWith));
  assert.ok(resets.every((reset) => reset?.origin === "link"));
  assert.ok(streams.every(({ ends }) => ends === 1));
  assert.equal(new Set(handled).size, handled.length);
  await until(() => agent.upLinks === 3 && services.links.length === 3);
  assert.equal(text(await messages.request("tools.note", "last")), "last");
  assert.deepEqual(agent.link.links.map(({ streams }) => streams), [0, 0, 0]);
});
