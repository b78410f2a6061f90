import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Admission,
  type Agent,
  type AgentConnection,
  AgentSessions,
  MAX_LEFT,
  type Newcomer,
} from "../../src/tunnel/agent_sessions.ts";

const LEASE_MS = 60_000;

/** A connection whose life the test decides. */
class FakeConnection implements AgentConnection {
  readonly id = crypto.randomUUID();
  asked = 0;
  closedWith: number | null = null;
  /** What it answers when it is asked; a promise that the test settles, where that matters. */
  life: boolean | Promise<boolean>;

  constructor(life: boolean | Promise<boolean> = true) {
    this.life = life;
  }

  async isAlive(): Promise<boolean> {
    this.asked++;
    return await this.life;
  }

  close(code: number): void {
    this.closedWith = code;
  }
}

function setUp(maxConnections = 4) {
  const clock = { ms: 0, now: () => clock.ms };
  const presence: string[] = [];
  const onPresence = (agent: Agent, isPresent: boolean) =>
    presence.push(`${isPresent ? "+" : "-"}${agent.agentId}`);
  const sessions = new AgentSessions({ clock, leaseMs: LEASE_MS, maxConnections, onPresence });
  const admit = (connection: AgentConnection, more: Partial<Newcomer> = {}) =>
    sessions.admit({
      tenant: "t",
      account: "a",
      agentId: "box",
      session: "one",
      resume: null,
      connection,
      ...more,
    });
  return { clock, sessions, admit, presence };
}

function admitted(admission: Admission) {
  assert.equal(admission.kind, "admitted");
  return admission;
}

Deno.test("Agent sessions: connections of one session are a pool with a limit", async () => {
  const { sessions, admit, presence } = setUp(2);
  const { agent } = admitted(await admit(new FakeConnection()));
  assert.equal(admitted(await admit(new FakeConnection())).agent, agent);
  assert.equal(agent.connections.size, 2);
  assert.deepEqual(await admit(new FakeConnection()), { kind: "refused", reason: "too_many_connections" });
  assert.deepEqual([sessions.size, presence], [1, ["+box"]]);
});

Deno.test("Agent sessions: another session is refused while the old one lives", async () => {
  const { admit } = setUp();
  const [dead, alive] = [new FakeConnection(false), new FakeConnection(true)];
  await admit(dead);
  await admit(alive);
  const thief = await admit(new FakeConnection(), { session: "two" });
  assert.deepEqual(thief, { kind: "refused", reason: "name_taken" });
  assert.deepEqual([dead.closedWith, alive.closedWith], [null, null]);
});

Deno.test("Agent sessions: another session takes over from one that does not answer", async () => {
  const { admit, presence } = setUp();
  const ghosts = [new FakeConnection(false), new FakeConnection(false)];
  for (const ghost of ghosts) await admit(ghost);
  const { agent, tookOver } = admitted(await admit(new FakeConnection(), { session: "two" }));
  assert.ok(tookOver);
  assert.deepEqual(ghosts.map(({ closedWith }) => closedWith), [4409, 4409]);
  assert.equal(agent.connections.size, 1);
  assert.deepEqual(presence, ["+box"]);
});

Deno.test("Agent sessions: the resume token takes over at once, and only once", async () => {
  const { admit } = setUp();
  const old = new FakeConnection(true);
  const { resume } = admitted(await admit(old));
  const next = new FakeConnection(true);
  const taken = admitted(await admit(next, { session: "two", resume }));
  assert.notEqual(taken.resume, resume);
  assert.deepEqual([old.asked, old.closedWith], [0, 4409]);
  const thief = await admit(new FakeConnection(), { session: "three", resume });
  assert.deepEqual(thief, { kind: "refused", reason: "name_taken" });
  assert.equal(next.closedWith, null);
});

Deno.test("Agent sessions: a token is of one account, one tenant and one agent", async () => {
  const { admit } = setUp();
  const { resume } = admitted(await admit(new FakeConnection()));
  for (const other of [{ account: "b" }, { tenant: "u" }, { agentId: "other" }]) {
    const own = new FakeConnection(true);
    await admit(own, other);
    const thief = await admit(new FakeConnection(), { ...other, session: "two", resume });
    assert.deepEqual(thief, { kind: "refused", reason: "name_taken" });
  }
});

Deno.test("Agent sessions: who left is forgotten with the lease, and many who left are bounded", async () => {
  const { clock, sessions, admit, presence } = setUp();
  const connection = new FakeConnection();
  const { agent } = admitted(await admit(connection));
  assert.ok(sessions.leave(agent, connection));
  assert.ok(!sessions.leave(agent, connection));
  assert.deepEqual([sessions.size, presence], [0, ["+box", "-box"]]);
  const back = admitted(await admit(new FakeConnection(), { session: "two" }));
  assert.equal(back.agent, agent);
  for (const one of back.agent.connections) sessions.leave(back.agent, one);
  clock.ms += LEASE_MS;
  assert.notEqual(admitted(await admit(new FakeConnection(), { session: "three" })).agent, agent);
  const first = admitted(await admit(new FakeConnection(), { agentId: "first" })).agent;
  for (const one of first.connections) sessions.leave(first, one);
  for (let i = 0; i < MAX_LEFT; i++) {
    const other = new FakeConnection();
    sessions.leave(admitted(await admit(other, { agentId: `agent-${i}` })).agent, other);
  }
  assert.notEqual(admitted(await admit(new FakeConnection(), { agentId: "first" })).agent, first);
});

Deno.test("Agent sessions: of several that want the place of a ghost one gets it", async () => {
  const { admit } = setUp();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const ghost = new FakeConnection(promise);
  await admit(ghost);
  const wanting = ["two", "three", "four"].map((session) => admit(new FakeConnection(true), { session }));
  resolve(false);
  const kinds = (await Promise.all(wanting)).map(({ kind }) => kind).sort();
  assert.deepEqual(kinds, ["admitted", "refused", "refused"]);
  assert.equal(ghost.asked, 1);
});

Deno.test("Agent sessions: whoever comes and goes, an agent has connections of one session alone", async () => {
  const step = fc.record({
    session: fc.constantFrom("one", "two", "three"),
    life: fc.boolean(),
    leaves: fc.boolean(),
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const { sessions, admit } = setUp(3);
    const open = new Map<FakeConnection, { readonly agent: Agent; readonly session: string }>();
    for (const { session, life, leaves } of steps) {
      const connection = new FakeConnection(life);
      const admission = await admit(connection, { session });
      if (admission.kind === "admitted") open.set(connection, { agent: admission.agent, session });
      for (const one of open.keys()) if (one.closedWith !== null) open.delete(one);
      const [first] = open;
      if (leaves && first !== undefined) {
        assert.ok(sessions.leave(first[1].agent, first[0]));
        open.delete(first[0]);
      }
      const agent = sessions.find({ tenant: "t", account: "a", agentId: "box" });
      assert.deepEqual(new Set(open.keys()), agent?.connections ?? new Set());
      for (const { session: own } of open.values()) assert.equal(own, agent?.session);
    }
  }));
});
