/** The whole way from a spoke through an agent to a destination that it names. */
import assert from "node:assert/strict";
import { AgentMetricSource } from "../../src/agent/agent_metrics.ts";
import { LocalListener } from "../../src/agent/local_listener.ts";
import type { Resolve } from "../../src/link/resolver.ts";
import { MAX_DIALS_PER_SOURCE } from "../../src/agent/target_streams.ts";
import { StreamCode } from "../../src/core/stream_codes.ts";
import { Flusher } from "../../src/link/flusher.ts";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { Spoke } from "../helpers/spoke.ts";
import { freePort } from "../helpers/free_port.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { RunningAgent } from "../agent/running_agent.ts";
import { connectTokens, echoed, member, namesOf, reach, tokenOf } from "./connect_scene.ts";

const LOGINS = [
  "auth.mode=required",
  `auth.tokens=[
    { token: edge-secret-0001, subject: edge, account: ops },
    { token: user-secret-0001, subject: user, account: ops, permissions: { connect: ["edge:127.0.0.0/8:*", "edge:*.lan:*"] } }]`,
];
const TOKENS = { edge: "edge-secret-0001", user: "user-secret-0001" };

interface Scene {
  /** Leads a new connection there; what comes back of `text`, or the reason of the reset. */
  readonly through: (host: string, port: number, text?: string) => Promise<string>;
  readonly edge: TunnelAgent;
}

/** Runs a hub with logins, an agent `edge` with this list, and a user with rights to some of it. */
async function withEdge(
  options: { allow: string[]; resolve?: Resolve },
  use: (scene: Scene) => Promise<void>,
): Promise<void> {
  await using hub = await TestHub.start(LOGINS);
  const url = `tcp://127.0.0.1:${hub.port}`;
  await using edge = new TunnelAgent(url, "[]", { token: TOKENS.edge, ...options });
  await using user = await RunningAgent.up(url, { agentId: "user", token: TOKENS.user });
  await hub.metricBecomes("trunkline_agents", 2);
  const through = async (host: string, port: number, text = "hello") => {
    const failures: string[] = [];
    const listener = await LocalListener.listen({
      host: "127.0.0.1",
      port: 0,
      target: { agent: "edge", host, port },
      flusher: new Flusher(1024),
      openStream: (open, consumer) => user.link.openStream(open, consumer),
      onFailure: (reason) => failures.push(reason),
    });
    try {
      await using visitor = await Visitor.at(listener.port);
      visitor.socket.end(text);
      const code = await visitor.closed;
      return code === null ? visitor.text : failures.join();
    } finally {
      await listener.close();
    }
  };
  await use({ through, edge });
}

Deno.test("Target: by address and by name, where both the rights and the agent's list allow it", async () => {
  await using echo = await TcpService.echo();
  const { port } = echo;
  const resolve = () => Promise.resolve(["127.0.0.3", "127.0.0.1"]);
  await withEdge({ allow: [`127.0.0.1:${port}`], resolve }, async ({ through, edge }) => {
    assert.equal(await through("127.0.0.1", port), "hello");
    assert.equal(await through("db.lan", port), "hello", "one of two addresses is allowed");
    const denied = "The destination is not allowed";
    assert.equal(await through("127.0.0.2", port), denied, "the agent does not allow it");
    assert.equal(await through("127.0.0.1", port + 1), denied);
    const forbidden = 'Not allowed to connect through agent "edge"';
    assert.equal(await through("10.0.0.1", port), forbidden, "the login does not allow it");
    assert.equal(await through("db.example", port), forbidden);
    const { total, failed, active } = edge.agent.streams.targets.stats;
    assert.deepEqual([total, failed, active], [4, 2, 0]);
  });
});

Deno.test("Target: a list that is empty leads nowhere, and another one counts at once", async () => {
  await using echo = await TcpService.echo();
  await withEdge({ allow: [] }, async ({ through, edge }) => {
    assert.equal(await through("127.0.0.1", echo.port), "The destination is not allowed");
    edge.agent.update({ tunnels: [], allow: ["*:*"], services: [] });
    assert.equal(await through("127.0.0.1", echo.port, "x".repeat(300_000)), "x".repeat(300_000));
  });
});

Deno.test("Target: what refuses, and a name that leads to nobody, are told apart from what is not allowed", async () => {
  const resolve = () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" }));
  await withEdge({ allow: ["127.0.0.1:*", "db.lan:*"], resolve }, async ({ through }) => {
    assert.equal(await through("127.0.0.1", freePort()), "The destination cannot be reached");
    assert.equal(await through("db.lan", 1), "The destination cannot be found");
  });
});

Deno.test("Target: an agent with an empty list asks nobody for any name, whoever wants to know", async () => {
  await using hub = await TestHub.start();
  const resolve = namesOf({ "secret.data.example": ["127.0.0.1"] });
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, "[]", { resolve });
  await hub.metricBecomes("trunkline_agents", 1);
  await using spoke = await Spoke.member({ port: hub.port }, { agentId: "stranger" });
  assert.equal(await echoed(spoke, ["edge", "secret.data.example", 80]), StreamCode.notAllowed);
  edge.agent.update({ tunnels: [], allow: ["10.0.0.0/8:22", "*.lan:80"], services: [] });
  assert.equal(await echoed(spoke, ["edge", "secret.data.example", 80]), StreamCode.notAllowed);
  assert.deepEqual(resolve.asked, []);
});

Deno.test("Target: a name never leads to the agent's own machine by itself, and is asked for once", async () => {
  await using echo = await TcpService.echo();
  const { port } = echo;
  const resolve = namesOf({
    "evil.lan": ["127.0.0.1"],
    "nat.lan": ["64:ff9b::7f00:1"],
    localhost: ["127.0.0.1"],
  });
  await withEdge({ allow: [`*.lan:${port}`], resolve }, async ({ through, edge }) => {
    assert.equal(await through("evil.lan", port), "The destination is not allowed");
    assert.equal(await through("nat.lan", port), "The destination is not allowed");
    edge.agent.update({ tunnels: [], allow: [`127.0.0.1:${port}`], services: [] });
    assert.equal(await through("evil.lan", port), "hello");
    assert.deepEqual(resolve.asked, ["evil.lan", "nat.lan", "evil.lan"]);
  });
});

Deno.test("Target: what is connected goes on when the list changes", async () => {
  await using echo = await TcpService.echo();
  await using hub = await TestHub.start(connectTokens({ edge: [], may: ["edge:*:*"] }));
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, "[]", {
    token: tokenOf("edge"),
    allow: [`127.0.0.1:${echo.port}`],
  });
  await hub.metricBecomes("trunkline_agents", 1);
  await using spoke = await member(hub, "may");
  const { stream, gatherer } = reach(spoke, ["edge", "127.0.0.1", echo.port]);
  stream.write(new TextEncoder().encode("a"));
  while (edge.agent.streams.targets.stats.bytesWritten !== 1) await hub.metric("trunkline_agents");
  edge.agent.update({ tunnels: [], allow: [], services: [] });
  stream.write(new TextEncoder().encode("b"));
  stream.end();
  assert.equal(await gatherer.over, null);
  assert.equal(gatherer.text, "ab");
});

Deno.test("Target: so many dials of spokes at one address are in progress at an agent, and they are counted", async () => {
  const { promise, resolve: answer } = Promise.withResolvers<readonly string[]>();
  await using hub = await TestHub.start();
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, "[]", {
    allow: ["*:*"],
    resolve: () => promise,
  });
  await hub.metricBecomes("trunkline_agents", 1);
  await using spoke = await Spoke.member({ port: hub.port }, { agentId: "stranger" });
  for (let at = 0; at < MAX_DIALS_PER_SOURCE; at++) reach(spoke, ["edge", "db.example", 22]);
  assert.equal(await echoed(spoke, ["edge", "db.example", 22]), StreamCode.overLimit);
  const { dialer, stats } = edge.agent.streams.targets;
  assert.deepEqual([dialer.dials.size, dialer.dials.refused, stats.failed], [MAX_DIALS_PER_SOURCE, 1, 1]);
  const refused = new Map<string, number>();
  for (const sample of new AgentMetricSource(edge.agent).samples()) {
    if (sample.name === "agent_destinations_over_limit_total") refused.set(sample.labels.limit, sample.value);
  }
  assert.deepEqual([...refused], [["dials", 1], ["lookups", 0]]);
  await spoke[Symbol.asyncDispose]();
  while (stats.active > 0) await hub.metric("trunkline_agents");
  assert.equal(dialer.dials.size, 0);
  answer(["192.0.2.1"]);
});
