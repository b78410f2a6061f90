/** An agent and a hub, both real: every way between them, and what both do when one of them, or the link, ends. */
import assert from "node:assert/strict";
import { TrunklineError } from "../../src/core/errors.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { Backoff } from "../../src/limits/backoff.ts";
import { TestCertificates } from "../helpers/certificates.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { echoOf, RecordingStream } from "../helpers/echo_stream.ts";
import { until } from "../helpers/event_loop.ts";
import { JoiningServices } from "../helpers/joining_services.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { ConnectProxy } from "./connect_proxy.ts";
import { RunningAgent, type RunningOptions, SLOW, streamTo } from "./running_agent.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (string: string) => new TextEncoder().encode(string);

const TOKEN = "token-of-an-agent-of-a-test";
const NARROW = "token-of-an-agent-with-few-rights";
const ALL = ["#"];
const RIGHTS = { publish: ALL, subscribe: ALL, request: ALL, serve: ALL, connect: ["*:*:*"] };
const NARROW_RIGHTS = { subscribe: ["news.+"], publish: ["news.+"], connect: ["edge:127.0.0.1:1-9"] };
/** A hub that asks for a login; whom it sends away comes back at once. */
const LOGIN = [
  "auth.mode=required",
  `auth.tokens=${
    JSON.stringify([
      { token: TOKEN, subject: "edge", account: "acme", permissions: RIGHTS },
      { token: NARROW, subject: "narrow", account: "acme", permissions: NARROW_RIGHTS },
    ])
  }`,
  "shutdown.spread=0s",
];

/** A hub whose streams are joined, and how an agent logs in there. */
async function startHub(settings: readonly string[] = []) {
  const services = new JoiningServices();
  const hub = await TestHub.start([...LOGIN, ...settings], { frameServices: services });
  return { hub, services, urlOf: (scheme: string) => `${scheme}://localhost:${hub.port}` };
}

/** An agent that is logged in. */
function agentUp(url: string, options: RunningOptions = {}): Promise<RunningAgent> {
  return RunningAgent.up(url, { token: TOKEN, ...options });
}

/** Streams both ways, a publish and a request, all on one connection. */
async function useEverything(agent: RunningAgent, services: JoiningServices): Promise<void> {
  agent.link.onStream((stream) => echoOf(stream));
  const big = new Uint8Array(1_000_000).map((_, at) => at * 7 + (at >> 8));
  for (const target of ["echo", "edge"]) {
    const recording = agent.openStream(target);
    recording.stream?.write(big);
    recording.stream?.end();
    assert.equal(await recording.closedWith, null, target);
    assert.deepEqual(recording.bytes, big, target);
  }
  const fromHub = new RecordingStream();
  const stream = services.linkOf("edge").open(streamTo("edge"), fromHub);
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

/** The hub answers with this error. */
async function failsWith(answer: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(answer, (error: unknown) => {
    assert.ok(error instanceof TrunklineError, String(error));
    assert.equal(error.details["code"], code);
    return true;
  });
}

Deno.test("Agent and hub: streams both ways and messages on one connection, over tcp and ws", async () => {
  const { hub, services, urlOf } = await startHub();
  await using _hub = hub;
  for (const scheme of ["tcp", "ws"]) {
    await using agent = await agentUp(urlOf(scheme));
    await useEverything(agent, services);
    assert.equal(services.links.length, 1);
    assert.equal(await hub.metric('tunnel_connections_per_account{account="acme"}'), 1);
    await agent.link.stop();
    await until(() => services.links.length === 0);
  }
});

Deno.test("Agent and hub: the same over tls and wss, directly and through a CONNECT proxy", async () => {
  using certificates = await TestCertificates.create();
  const { hub, services, urlOf } = await startHub(certificates.settings);
  await using _hub = hub;
  await using connect = await ConnectProxy.open();
  for (const proxy of [null, connect.proxy]) {
    for (const scheme of ["tls", "wss"]) {
      await using agent = await agentUp(urlOf(scheme), { target: { ca: certificates.ca, proxy } });
      await useEverything(agent, services);
      await agent.link.stop();
      await until(() => services.links.length === 0);
    }
  }
  assert.equal(connect.heads.length, 2);
});

Deno.test("Agent and hub: a login is refused in words that tell what to do, and not tried again soon", async () => {
  const { hub, urlOf } = await startHub();
  await using _hub = hub;
  for (const scheme of ["tcp", "ws"]) {
    for (const token of [null, "a-token-that-nobody-gave-out"]) {
      await using agent = new RunningAgent(urlOf(scheme), {
        token,
        backoff: new Backoff({ random: () => 0 }),
      });
      await agent.was("waiting");
      assert.deepEqual([agent.failure.cause, agent.failure.delayMs], ["refused", 60_000]);
      const next = token === null ? "give a token with hub\\.token" : "see that hub\\.token is valid";
      assert.match(agent.failure.text, new RegExp(`it answered invalid_token .*; ${next}`));
    }
  }
});

Deno.test("Agent and hub: a hub that is full is asked again by the same way, when it says", async () => {
  const { hub, urlOf } = await startHub(["hub.max_connections=1"]);
  await using _hub = hub;
  for (const scheme of ["tcp", "ws"]) {
    await using first = await agentUp(urlOf(scheme));
    await using agent = new RunningAgent(urlOf(scheme), { backoff: new Backoff({ random: () => 0 }) });
    await agent.was("waiting");
    assert.deepEqual([agent.failure.cause, agent.failure.delayMs], ["transient", 5000]);
    assert.equal(agent.count("dialling"), 1, "it looks for no other way");
    await first.link.stop();
    await hub.metricBecomes('trunkline_connections{transport="frames"}', 0);
  }
});

Deno.test("Agent and hub: what a reload takes away ends no more than that, until the token itself is gone", async () => {
  const { hub, urlOf } = await startHub();
  await using _hub = hub;
  await using agent = await agentUp(urlOf("tcp"), { token: NARROW, backoff: SLOW });
  const { messages } = agent.link;
  await messages.subscribe("news.+", () => {});
  const tokens = (...some: unknown[]) => ["auth.mode=required", `auth.tokens=${JSON.stringify(some)}`];
  const fewer = { token: NARROW, subject: "narrow", account: "acme", permissions: { publish: ["news.+"] } };
  await hub.reload(tokens(fewer));
  await failsWith(messages.deliver("news.today", "x"), "NO_ROUTE_FOUND");
  assert.equal(agent.count("up"), 1);
  await hub.reload(tokens({ ...fewer, token: TOKEN }));
  await agent.was("waiting");
  assert.equal(agent.failure.cause, "refused");
  assert.match(agent.failure.text, /code 4401, The login was revoked/);
});

Deno.test("Agent and hub: rights bound messages and streams, and what is refused ends nothing", async () => {
  const { hub, urlOf } = await startHub();
  await using _hub = hub;
  await using edge = await agentUp(urlOf("tcp"));
  edge.link.onStream((stream) => echoOf(stream));
  await using agent = await agentUp(urlOf("tcp"), { token: NARROW, agentId: "narrow" });
  const { messages } = agent.link;
  await messages.subscribe("news.+", () => {});
  for (
    const denied of [
      messages.subscribe("other.#", () => {}),
      messages.deliver("other.topic", "x"),
      messages.request("tools.upper", "x"),
      messages.serve("tools.upper", () => "x"),
    ]
  ) {
    await failsWith(denied, "FORBIDDEN");
  }
  const reached = agent.openStream("edge");
  reached.stream?.end();
  assert.equal(await reached.closedWith, null);
  const reset = await agent.openStream("other").closedWith;
  assert.deepEqual([reset?.code, reset?.notStarted], [StreamCode.notAllowed, true]);
  assert.equal(agent.count("up"), 1);
});

Deno.test("Agent and hub: after a cut it has its place again, with subscriptions and services", async () => {
  const { hub, urlOf } = await startHub();
  await using _hub = hub;
  await using proxy = await CutProxy.open(hub.port);
  await using agent = await agentUp(`tcp://127.0.0.1:${proxy.port}`, {
    registerAs: { name: "edge", description: "A box" },
  });
  await using other = await agentUp(urlOf("tcp"), { agentId: "other" });
  const { messages } = agent.link;
  const got: string[] = [];
  const subscription = await messages.subscribe("news.#", ({ payload }) => void got.push(text(payload)));
  await messages.serve("tools.echo", ({ payload }) => payload);
  for (let round = 1; round <= 3; round++) {
    proxy.cut();
    await agent.was("up", round + 1);
    // What it asks for itself stands behind what it registers again.
    assert.equal(text(await messages.request("tools.echo", "still here")), "still here");
    await other.link.messages.deliver("news.today", String(round));
    await until(() => got.length === round);
  }
  assert.deepEqual(got, ["1", "2", "3"]);
  await subscription.unsubscribe();
  await failsWith(other.link.messages.deliver("news.today", "4"), "NO_ROUTE_FOUND");
  assert.equal(await hub.metric("trunkline_agents"), 2);
});

Deno.test("Agent and hub: a hub that restarts knows no token, and lets everybody in again", async () => {
  const first = await startHub();
  await using proxy = await CutProxy.open(first.hub.port);
  await using agent = await agentUp(`tcp://127.0.0.1:${proxy.port}`);
  const { resume } = agent.session.answer;
  const running = agent.openStream("echo");
  running.stream?.write(new Uint8Array(10));
  await running.got(10);
  const second = await startHub();
  await using _second = second.hub;
  proxy.leadTo(second.hub.port);
  proxy.cut();
  assert.equal((await running.closedWith)?.origin, "link");
  await first.hub.server.stop();
  await agent.was("up", 2);
  assert.notEqual(agent.session.answer.resume, resume);
  await useEverything(agent, second.services);
});

Deno.test("Agent and hub: another process of that name is refused while the first lives, and gets its place when it does not answer", async () => {
  const { hub, services, urlOf } = await startHub();
  await using _hub = hub;
  await using proxy = await CutProxy.open(hub.port);
  await using old = await agentUp(`tcp://127.0.0.1:${proxy.port}`, { backoff: SLOW });
  await using refused = new RunningAgent(urlOf("tcp"), { token: TOKEN, backoff: SLOW });
  await refused.was("waiting");
  assert.equal(refused.failure.cause, "refused");
  assert.match(refused.failure.text, /name_taken .*another agent has this name, see agent.id/);
  proxy.stall();
  await using next = await agentUp(urlOf("tcp"));
  assert.equal(await hub.metric("trunkline_agent_takeovers_total"), 1);
  await until(() => services.links.length === 1);
  await useEverything(next, services);
  proxy.cut();
  await old.was("waiting");
});

for (const scheme of ["tcp", "ws"]) {
  Deno.test(`Agent and hub: a hub that stops lets streams and answers finish, opens none, and names a time (${scheme})`, async () => {
    const { hub, services } = await startHub();
    const other = await startHub();
    await using _other = other.hub;
    await using proxy = await CutProxy.open(hub.port);
    await using agent = await agentUp(`${scheme}://127.0.0.1:${proxy.port}`);
    proxy.leadTo(other.hub.port);
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<string>();
    await agent.link.messages.serve("slow.work", () => {
      asked.resolve();
      return answer.promise;
    });
    const request = agent.link.messages.request("slow.work", "");
    await asked.promise;
    const running = agent.openStream("echo");
    running.stream?.write(new Uint8Array([1]));
    await running.got(1);
    const stopped = hub.server.stop();
    assert.ok(await agent.session.ping(5000) !== null, "what was said before this is known");
    assert.equal(agent.link.openStream(streamTo("echo"), new RecordingStream()), "going_away");
    assert.equal(services.linkOf("edge").open(streamTo("edge"), new RecordingStream()), "going_away");
    running.stream?.write(new Uint8Array([2]));
    await running.got(2);
    running.stream?.end();
    assert.equal(await running.closedWith, null);
    assert.equal(agent.count("waiting"), 0, "an answer is still owed");
    answer.resolve("done");
    assert.equal(text(await request), "done");
    await stopped;
    await agent.was("up", 2);
    assert.equal(agent.failure.cause, "transient");
    assert.match(agent.failure.text, /the hub goes away: The hub stops/);
    await useEverything(agent, other.services);
  });
}

for (const scheme of ["tcp", "ws"]) {
  Deno.test(`Agent and hub: a half-open link is noticed by both, and the agent is back at once (${scheme})`, async () => {
    const { hub, services } = await startHub(["hub.heartbeat.interval=200ms", "hub.heartbeat.timeout=1s"]);
    await using _hub = hub;
    await using proxy = await CutProxy.open(hub.port);
    await using agent = await agentUp(`${scheme}://127.0.0.1:${proxy.port}`, {
      bounds: { heartbeatIntervalMs: 200, heartbeatTimeoutMs: 1000 },
      // The delays of a program.
      backoff: new Backoff({ random: () => 0.5 }),
    });
    const running = agent.openStream("echo");
    running.stream?.write(new Uint8Array(10));
    await running.got(10);
    proxy.stall();
    assert.equal((await running.closedWith)?.origin, "link");
    await agent.was("up", 2);
    assert.deepEqual([agent.failure.cause, agent.failure.delayMs], ["transient", 250]);
    assert.match(agent.failure.text, /code 4408, the hub gave no sign of life/);
    await until(() => services.links.length === 1);
    proxy.cutStalled();
    await hub.metricBecomes('trunkline_connections_closed_total{code="4408"}', 1);
    await useEverything(agent, services);
  });
}
