import assert from "node:assert/strict";
import { MAX_POOL } from "../../src/tunnel/agents.ts";
import { CutProxy } from "../helpers/cut_proxy.ts";
import { Spoke } from "../helpers/spoke.ts";
import { TestHub } from "../helpers/test_hub.ts";
import { connectionsBecome, LOGIN, testWays } from "./ways.ts";

testWays("Agent takeover: another session of an agent that lives is refused", async (way) => {
  await using hub = await TestHub.start([...LOGIN, ...way.settings]);
  const options = { port: hub.port, ...way.via };
  await using first = await Spoke.member(options, { token: "one-token-of-an-agent" });
  await using second = await Spoke.connect(options);
  const response = await second.login({ token: "two-token-of-an-agent" });
  assert.ok(response !== null && !response.ok);
  assert.equal(response.code, "name_taken");
  assert.equal((await second.ended).code, 4409);
  assert.match(await first.hear() ?? "", /system\.initialize/);
  await using elsewhere = await Spoke.member(options, { token: "other-token-of-an-agent" });
  assert.ok(elsewhere, "the same name in another account is another agent");
  assert.equal(await hub.metric("trunkline_agents"), 2);
});

testWays("Agent takeover: the token of the last login takes the place at once, once", async (way) => {
  await using hub = await TestHub.start([...LOGIN, ...way.settings]);
  const options = { port: hub.port, ...way.via };
  const login = { token: "one-token-of-an-agent" };
  await using first = await Spoke.connect(options);
  const welcome = await first.login(login);
  assert.ok(welcome?.ok);
  await using second = await Spoke.member(options, { ...login, resume: welcome.resume });
  assert.deepEqual(await first.ended, {
    code: 4409,
    reason: "Replaced by a newer session of the same agent",
  });
  await connectionsBecome(hub, 1);
  await using third = await Spoke.connect(options);
  const refused = await third.login({ ...login, resume: welcome.resume });
  assert.equal(refused?.ok, false, "it is void");
  assert.equal(await hub.metric("trunkline_agent_takeovers_total"), 1);
  assert.match(await second.hear() ?? "", /system\.initialize/);
});

Deno.test("Agent takeover: whoever does not answer loses its place", async () => {
  await using hub = await TestHub.start(LOGIN);
  await using proxy = await CutProxy.open(hub.port);
  await using lost = await Spoke.member({ port: proxy.port }, { token: "one-token-of-an-agent" });
  proxy.stall();
  await using next = await Spoke.member({ port: hub.port }, { token: "one-token-of-an-agent" });
  assert.equal(await hub.metric("trunkline_agent_takeovers_total"), 1);
  assert.match(await next.hear() ?? "", /system\.initialize/);
  proxy.cut();
  await lost.ended;
  await connectionsBecome(hub, 1);
});

Deno.test("Agent takeover: who waits for a place and is gone gets none", async () => {
  await using hub = await TestHub.start(LOGIN);
  await using proxy = await CutProxy.open(hub.port);
  await using _lost = await Spoke.member({ port: proxy.port }, { token: "one-token-of-an-agent" });
  proxy.stall();
  const waiting = await Spoke.connect({ port: hub.port });
  const answer = waiting.login({ token: "one-token-of-an-agent" });
  await connectionsBecome(hub, 2);
  waiting.transport.destroy();
  assert.equal(await answer, null);
  await connectionsBecome(hub, 1);
  // The old one does not answer the question; after it nobody is left in the place.
  await hub.metricBecomes("trunkline_agents", 0);
  await using next = await Spoke.member({ port: hub.port }, { token: "one-token-of-an-agent" });
  assert.ok(next);
});

Deno.test("Agent takeover: one session has several connections, as many as it may", async () => {
  await using hub = await TestHub.start(LOGIN);
  const login = { token: "one-token-of-an-agent", session: "s" };
  const pool: Spoke[] = [];
  for (let count = 0; count < MAX_POOL; count++) {
    pool.push(await Spoke.member({ port: hub.port }, login));
  }
  assert.equal(await hub.metric("trunkline_agents"), 1);
  assert.equal(await hub.metric('tunnel_connections_per_account{account="acme"}'), MAX_POOL);
  assert.equal(await hub.metric("tunnel_connections_total"), MAX_POOL);
  await using tooMany = await Spoke.connect({ port: hub.port });
  const refused = await tooMany.login(login);
  assert.ok(refused !== null && !refused.ok);
  assert.equal(refused.code, "connection_limit_reached");
  assert.equal((await tooMany.ended).code, 4429);
  for (const spoke of pool) await spoke[Symbol.asyncDispose]();
  await hub.metricBecomes("trunkline_agents", 0);
  assert.equal(await hub.metric('tunnel_connections_per_account{account="acme"}'), 0);
});

Deno.test("Agent takeover: a place that was left is taken without a question", async () => {
  await using hub = await TestHub.start();
  const first = await Spoke.member({ port: hub.port });
  await first[Symbol.asyncDispose]();
  await hub.metricBecomes("trunkline_agents", 0);
  await using second = await Spoke.member({ port: hub.port });
  assert.ok(second);
});
