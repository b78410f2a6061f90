/** Whose the names and ports of tunnels are, with real hubs and agents. */
import assert from "node:assert/strict";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { freePort } from "../helpers/free_port.ts";
import { Spoke } from "../helpers/spoke.ts";
import { TestHub } from "../helpers/test_hub.ts";

/** Two accounts: one owns a port by right, both may have the range. */
function logins(port: number, range: string): string[] {
  const tokens = [
    { token: "owner-secret-0001", subject: "owner", account: "acme", permissions: { tunnel: [port, range] } },
    { token: "thief-secret-0001", subject: "thief", account: "other", permissions: { tunnel: [range] } },
  ];
  return ["auth.mode=required", `auth.tokens=${JSON.stringify(tokens)}`];
}

const [OWNER, THIEF] = ["owner-secret-0001", "thief-secret-0001"];

/** Three free ports in a row, as a range. */
function freeRange(): { first: number; text: string } {
  const first = freePort(3);
  return { first, text: `${first}-${first + 2}` };
}

function tunnels(port: number): string {
  return `[{ name: t, kind: tcp, local: 1, remote_port: ${port} }]`;
}

Deno.test("Tunnel names: a thief gets no name of an agent that is away for a moment, and afterwards it does", async () => {
  const { first, text } = freeRange();
  await using hub = await TestHub.start([...logins(freePort(), text), "tunnel.name_lease=1s"]);
  const url = `tcp://127.0.0.1:${hub.port}`;
  await using thief = new TunnelAgent(url, "[]", { agentId: "thief", token: THIEF });
  {
    await using owner = new TunnelAgent(url, tunnels(first), { agentId: "owner", token: OWNER });
    await owner.reached("t", "up");
    thief.agent.update({ tunnels: owner.wanted, allow: [], services: [] });
    const taken = await thief.reached("t", "refused");
    assert.deepEqual([taken.code, taken.message], ["port_taken", `Another tunnel has port ${first}`]);
    // It goes without a word.
    await owner.agent.link.stop();
    await hub.metricBecomes('tunnel_registry_size{kind="tcp"}', 0);
  }
  await using spoke = await Spoke.member({ port: hub.port }, {
    token: THIEF,
    agentId: "thief-2",
    session: "s",
  });
  spoke.send({ kind: "register_tunnel", request: { requestId: "r", kind: "tcp", remotePort: first } });
  const answer = await spoke.frames.next();
  assert.ok(answer?.kind === "tunnel_response" && !answer.response.ok);
  assert.match(answer.response.message, /Another account has port \d+, and its agent may come back/);
  await thief.reached("t", "up");
});

Deno.test("Tunnel names: after a hub was started anew a name that a right reserves is its owner's, others are whose that ask first", async () => {
  const [hubPort, reserved] = [freePort(), freePort()];
  const { first, text } = freeRange();
  const settings = [...logins(reserved, text), `hub.listen=127.0.0.1:${hubPort}`, "shutdown.grace=0s"];
  const url = `tcp://127.0.0.1:${hubPort}`;
  {
    await using hub = await TestHub.start(settings);
    await using owner = new TunnelAgent(url, tunnels(reserved), { agentId: "owner", token: OWNER });
    await owner.reached("t", "up");
    await owner.agent.link.stop();
    await hub.metricBecomes('tunnel_registry_size{kind="tcp"}', 0);
  }
  await using _again = await TestHub.start(settings);
  await using thief = new TunnelAgent(url, tunnels(reserved), { agentId: "thief", token: THIEF });
  assert.equal((await thief.reached("t", "refused")).code, "name_not_allowed");
  await using owner = new TunnelAgent(url, tunnels(reserved), { agentId: "owner", token: OWNER });
  await owner.reached("t", "up");
  await using quick = new TunnelAgent(url, tunnels(first), { agentId: "quick", token: THIEF });
  await quick.reached("t", "up");
  await using late = new TunnelAgent(url, tunnels(first), { agentId: "late", token: OWNER });
  assert.equal((await late.reached("t", "refused")).code, "port_taken");
});

Deno.test("Tunnel names: a token that was used once more takes neither place nor names", async () => {
  const { first, text } = freeRange();
  await using hub = await TestHub.start(logins(freePort(), text));
  const port = { port: hub.port };
  const login = { token: OWNER, agentId: "edge" };
  await using before = await Spoke.connect(port);
  const welcome = await before.login({ ...login, session: "1" });
  assert.ok(welcome?.ok);
  const { resume } = welcome;
  await using edge = await Spoke.connect(port);
  assert.ok((await edge.login({ ...login, session: "2", resume }))?.ok);
  edge.send({ kind: "register_tunnel", request: { requestId: "r", kind: "tcp", remotePort: first } });
  const taken = await edge.frames.next();
  assert.ok(taken?.kind === "tunnel_response" && taken.response.ok);
  await using thief = await Spoke.connect(port);
  const refused = await thief.login({ ...login, session: "3", resume });
  assert.deepEqual(refused?.ok === false && refused.code, "name_taken");
  assert.equal(await hub.metric('tunnel_registry_size{kind="tcp"}'), 1);
});

Deno.test("Tunnel names: an id is an account's, so two accounts have agents of the same id with tunnels of their own", async () => {
  const { first, text } = freeRange();
  await using hub = await TestHub.start(logins(freePort(), text));
  const url = `tcp://127.0.0.1:${hub.port}`;
  await using one = new TunnelAgent(url, tunnels(first), { agentId: "edge", token: OWNER });
  await using other = new TunnelAgent(url, tunnels(first + 1), { agentId: "edge", token: THIEF });
  assert.deepEqual([await one.port("t"), await other.port("t")], [first, first + 1]);
  await using second = new TunnelAgent(url, tunnels(first + 2), { agentId: "edge", token: OWNER });
  await second.waited();
  assert.match(JSON.stringify(second.logger.lines), /is connected from elsewhere/);
});

Deno.test("Tunnel names: fewer rights take a tunnel back, and its agent is told", async () => {
  const { first, text } = freeRange();
  const port = freePort();
  await using hub = await TestHub.start(logins(port, text));
  const url = `tcp://127.0.0.1:${hub.port}`;
  await using owner = new TunnelAgent(url, tunnels(port), { agentId: "owner", token: OWNER });
  await owner.reached("t", "up");
  await hub.reload(logins(first, text));
  assert.equal((await owner.reached("t", "refused")).code, "name_not_allowed");
  await hub.metricBecomes('tunnel_registry_size{kind="tcp"}', 0);
});
