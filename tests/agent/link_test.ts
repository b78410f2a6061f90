import assert from "node:assert/strict";
import fc from "fast-check";
import { TrunklineError } from "../../src/core/errors.ts";
import { FakeTime } from "../helpers/fake_time.ts";
import { FakeHub, turn } from "./fake_hub.ts";

const unreachable = (details: Record<string, unknown> = {}) =>
  new TrunklineError("unreachable", "Cannot reach the hub: refused", { details });
const notFrames = () => new TrunklineError("not_frames", "Cannot speak frames: HTTP answers");

function kinds(hub: FakeHub): string[] {
  return hub.states.map(({ kind }) => kind);
}

async function up(hub: FakeHub): Promise<void> {
  hub.link.start();
  await hub.reach();
  await hub.letIn();
}

Deno.test("Link: dials, logs in, is up, and after the end waits and dials again", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  assert.equal(hub.kind(), "idle");
  await up(hub);
  const state = hub.state();
  assert.ok(state.kind === "up" && state.session === hub.session && state.path === "stream");
  hub.session.end({ code: 4503, reason: "draining" });
  await turn();
  assert.deepEqual(kinds(hub), ["dialling", "authenticating", "up", "waiting"]);
  time.tick(249);
  assert.equal(hub.kind(), "waiting");
  time.tick(1);
  assert.equal(hub.kind(), "dialling");
  await hub.reach();
  await hub.letIn();
  assert.equal(hub.kind(), "up");
  assert.equal(time.timers, 0);
});

Deno.test("Link: a second start changes nothing", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  hub.link.start();
  hub.link.start();
  assert.equal(hub.dials.length, 1);
  await hub.reach();
  hub.link.start();
  assert.deepEqual(kinds(hub), ["dialling", "authenticating"]);
  hub.link.stop();
});

Deno.test("Link: each failure and each retry is one log line with attempt, delay and cause", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  hub.link.start();
  for (let attempt = 1; attempt <= 3; attempt++) {
    hub.dials.shift()?.fail(unreachable());
    await turn();
    const state = hub.state();
    assert.ok(state.kind === "waiting");
    assert.equal(hub.logger.lines.length, attempt);
    assert.deepEqual(hub.logger.lines.at(-1), {
      level: "warning",
      message: "No connection to the hub; trying again",
      fields: {
        attempt,
        delayMs: state.delayMs,
        path: "stream",
        cause: "Cannot reach the hub: refused",
      },
    });
    time.tick(state.delayMs);
  }
  await hub.reach();
  await hub.letIn();
  assert.deepEqual(hub.logger.lines.at(-1)?.message, "Connected to the hub");
  hub.session.end({ code: 4413, reason: "slow" });
  await turn();
  assert.equal(hub.logger.lines.length, 5);
  assert.equal(hub.logger.lines.at(-1)?.fields["cause"], "The connection ended (code 4413, slow)");
});

Deno.test("Link: what the hub asks for is the least delay, after a refused login and after an end", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  hub.link.start();
  await hub.reach();
  hub.logins.shift()?.fail(unreachable({ retryAfterMs: 7000 }));
  await turn();
  time.tick(7249);
  assert.equal(hub.kind(), "waiting");
  time.tick(1);
  await hub.reach();
  await hub.letIn();
  hub.session.end({ code: 4503, retryAfterMs: 20_000 });
  await turn();
  time.tick(20_499);
  assert.equal(hub.kind(), "waiting");
  time.tick(1);
  assert.equal(hub.kind(), "dialling");
});

Deno.test("Link: a hub that asks for ages is asked again after an hour", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  await up(hub);
  hub.session.end({ code: 4503, retryAfterMs: Number.MAX_SAFE_INTEGER });
  await turn();
  time.tick(3_600_250);
  assert.equal(hub.kind(), "dialling");
});

Deno.test("Link: a refusal waits a minute at least, by its error and by its close code", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  hub.link.start();
  await hub.reach();
  hub.logins.shift()?.fail(new TrunklineError("refused", "Cannot log in: the token is not valid"));
  await turn();
  time.tick(60_000);
  assert.equal(hub.kind(), "waiting");
  time.tick(30_000);
  const long = [4401, 4403, 4409, 4429];
  for (const code of [1002, 4400, 4401, 4403, 4408, 4409, 4413, 4429, 4449, 4503]) {
    assert.equal(hub.kind(), "dialling");
    await hub.reach();
    await hub.letIn();
    hub.session.end({ code });
    await turn();
    const state = hub.state();
    assert.ok(state.kind === "waiting");
    assert.equal(state.delayMs >= 60_000, long.includes(code), String(code));
    if (!long.includes(code)) assert.ok(state.delayMs <= 30_000, String(code));
    time.tick(state.delayMs);
  }
});

Deno.test("Link: delays begin anew after a connection that lived a minute", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  await up(hub);
  const delays: number[] = [];
  for (const livedMs of [0, 1000, 59_999, 60_000, 0]) {
    time.tick(livedMs);
    hub.session.end({});
    await turn();
    const state = hub.state();
    assert.ok(state.kind === "waiting");
    delays.push(state.delayMs);
    time.tick(state.delayMs);
    await hub.reach();
    await hub.letIn();
  }
  assert.deepEqual(delays, [250, 500, 1000, 250, 500]);
});

Deno.test("Link: where frames do not get through, a WebSocket is tried at once and kept while it works", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  hub.link.start();
  await hub.reach();
  hub.logins.shift()?.fail(notFrames());
  await turn();
  assert.equal(hub.kind(), "dialling");
  assert.equal(hub.dials[0]?.path, "websocket");
  assert.deepEqual(hub.logger.lines.map(({ fields }) => [fields["delayMs"], fields["path"]]), [[
    0,
    "websocket",
  ]]);
  await hub.reach();
  await hub.letIn();
  hub.session.end({ code: 4503 });
  await turn();
  time.tick(250);
  assert.equal(hub.dials[0]?.path, "websocket");
  hub.dials.shift()?.fail(unreachable());
  await turn();
  time.tick(500);
  assert.equal(hub.dials[0]?.path, "stream", "a way that fails gives the first its turn");
});

Deno.test("Link: where frames get through by no way, it waits between the rounds", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  hub.link.start();
  for (let round = 0; round < 3; round++) {
    assert.equal(hub.dials[0]?.path, "stream");
    hub.dials.shift()?.fail(notFrames());
    await turn();
    assert.equal(hub.dials[0]?.path, "websocket");
    hub.dials.shift()?.fail(notFrames());
    await turn();
    assert.equal(hub.kind(), "waiting");
    time.tick(30_000);
  }
  hub.link.stop();
});

Deno.test("Link: a refusal on a WebSocket does not make it dial a stream", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  hub.link.start();
  hub.dials.shift()?.fail(notFrames());
  await turn();
  hub.dials.shift()?.fail(new TrunklineError("refused", "HTTP 401"));
  await turn();
  time.tick(90_000);
  assert.equal(hub.dials[0]?.path, "websocket");
});

Deno.test("Link: a login that is not answered is given up, and what comes of it late is closed", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time, { first: "websocket" });
  hub.link.start();
  await hub.reach();
  time.tick(9999);
  assert.equal(hub.kind(), "authenticating");
  time.tick(1);
  assert.equal(hub.kind(), "waiting");
  assert.equal(hub.logins[0]?.signal.aborted, true);
  assert.match(String(hub.logger.lines[0]?.fields["cause"]), /did not answer in time/);
  await hub.letIn();
  assert.deepEqual(hub.open, { dialled: 0, sessions: 0 });
  assert.equal(hub.kind(), "waiting");
});

Deno.test("Link: a session whose end fails counts as ended", async () => {
  using time = new FakeTime();
  const hub = new FakeHub(time);
  hub.link.start();
  await hub.reach();
  const broken = hub.logins.shift()?.succeed();
  assert.ok(broken);
  Object.defineProperty(broken, "closed", { get: () => Promise.reject(new Error("lost its thread")) });
  await turn();
  assert.equal(hub.kind(), "waiting");
  assert.equal(hub.logger.lines.at(-1)?.fields["cause"], "lost its thread");
});

Deno.test("Link: stop ends everything at once from every state", async () => {
  for (const steps of [0, 1, 2, 3, 4]) {
    using time = new FakeTime();
    const hub = new FakeHub(time);
    if (steps >= 1) hub.link.start();
    const [dial] = hub.dials;
    if (steps >= 2) await hub.reach();
    const [login] = hub.logins;
    if (steps >= 3) await hub.letIn();
    if (steps >= 4) hub.session.end({});
    await turn();
    hub.link.stop();
    hub.link.stop();
    assert.equal(hub.kind(), "stopped");
    assert.equal(time.timers, 0);
    assert.equal(dial?.signal.aborted, steps === 0 ? undefined : steps <= 2);
    dial?.succeed();
    login?.succeed();
    await turn();
    assert.equal(hub.open.sessions, 0);
    if (steps === 1) assert.equal(hub.open.dialled, 0, "what comes late is ended");
    hub.link.start();
    time.tick(10_000_000);
    await turn();
    assert.equal(hub.dials.length + hub.logins.length, steps === 1 || steps === 2 ? 1 : 0);
    assert.equal(kinds(hub).filter((kind) => kind === "stopped").length, 1);
  }
});

Deno.test("Link: stop may be called out of any change of its state", async () => {
  for (const kind of ["dialling", "authenticating", "up", "waiting"]) {
    using time = new FakeTime();
    const hub = new FakeHub(time);
    hub.onState = (state) => {
      if (state.kind === kind) hub.link.stop();
    };
    hub.link.start();
    await hub.reach();
    await hub.letIn();
    hub.sessions[0]?.end({});
    await turn();
    assert.equal(hub.kind(), "stopped", kind);
    assert.deepEqual([hub.open, time.timers], [{ dialled: 0, sessions: 0 }, 0], kind);
  }
});

type Step =
  | "reach"
  | "late reach"
  | "unreachable"
  | "blocked"
  | "let in"
  | "late let in"
  | "refuse"
  | "end"
  | "wait"
  | "wait long"
  | "start"
  | "stop";

async function take(hub: FakeHub, step: Step, time: FakeTime): Promise<void> {
  switch (step) {
    case "reach":
      hub.dials.pop()?.succeed();
      break;
    case "late reach":
      hub.dials.shift()?.succeed();
      break;
    case "unreachable":
      hub.dials.pop()?.fail(unreachable());
      break;
    case "blocked":
      (hub.logins.pop() ?? hub.dials.pop())?.fail(notFrames());
      break;
    case "let in":
      hub.logins.pop()?.succeed();
      break;
    case "late let in":
      hub.logins.shift()?.succeed();
      break;
    case "refuse":
      hub.logins.pop()?.fail(new TrunklineError("refused", "no"));
      break;
    case "end":
      hub.sessions.at(-1)?.end({ code: 4503 });
      break;
    case "wait":
      time.tick(1000);
      break;
    case "wait long":
      time.tick(700_000);
      break;
    case "start":
      hub.link.start();
      break;
    case "stop":
      hub.link.stop();
  }
  await turn();
}

const steps = fc.constantFrom<Step>(
  "reach",
  "reach",
  "reach",
  "late reach",
  "unreachable",
  "blocked",
  "let in",
  "let in",
  "let in",
  "late let in",
  "refuse",
  "end",
  "wait",
  "wait long",
  "start",
);

Deno.test("Link: whatever happens in whatever order, there is one session at most, and no stop is lost", async () => {
  const runs = fc.tuple(
    fc.array(steps, { minLength: 5, maxLength: 40 }),
    fc.array(steps, { maxLength: 10 }),
  );
  let sessions = 0;
  await fc.assert(fc.asyncProperty(runs, async ([before, after]) => {
    using time = new FakeTime();
    const hub = new FakeHub(time);
    hub.link.start();
    for (const step of before) {
      await take(hub, step, time);
      const state = hub.state();
      assert.equal(hub.open.sessions, state.kind === "up" ? 1 : 0);
      assert.equal(hub.open.dialled, 0);
      assert.equal(time.timers, state.kind === "waiting" || state.kind === "authenticating" ? 1 : 0);
    }
    sessions += hub.sessions.length;
    await take(hub, "stop", time);
    assert.equal(time.timers, 0);
    const states = hub.states.length;
    for (const step of after) await take(hub, step, time);
    for (const attempt of [...hub.dials, ...hub.logins]) attempt.succeed();
    await turn();
    assert.equal(hub.states.length, states, "nothing happens after the stop");
    assert.deepEqual([hub.open, time.timers], [{ dialled: 0, sessions: 0 }, 0]);
  }));
  assert.ok(sessions > 30, `${sessions} sessions`);
});
